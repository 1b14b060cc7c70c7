-- Messages on their way.

-- name: claim(lane text, lease_s int) -> row? email_claim
-- lane: writes
-- row: id uuid, attempt int, to_norm text, to_address text, to_name text?,
-- row: cc json, bcc json, sender text, sender_name text?, reply_to text?,
-- row: subject text, list_id uuid?, created_at timestamptz,
-- row: content_ct text?, verp text, provider_id uuid?, kind text,
-- row: config jsonb?, secret_ct text?, template text?, data json?,
-- row: locale text?, made_at timestamptz?, headline text?
SELECT c.id, c.attempt, c.to_norm, c.to_address, c.to_name, to_json(c.cc),
       to_json(c.bcc), c.sender, c.sender_name, c.reply_to, c.subject,
       c.list_id, c.created_at, c.content_ct, c.verp, c.provider_id, c.kind,
       c.config, c.secret_ct, c.template, c.data::json, c.locale, c.made_at,
       c.headline
  FROM email.claim(:tenant, :lane, :lease_s) AS c;

-- name: claim_recipient(campaign_id uuid, lease_s int) -> row? email_claim
-- lane: writes
SELECT c.id, c.attempt, c.to_norm, c.to_address, c.to_name, to_json(c.cc),
       to_json(c.bcc), c.sender, c.sender_name, c.reply_to, c.subject,
       c.list_id, c.created_at, c.content_ct, c.verp, c.provider_id, c.kind,
       c.config, c.secret_ct, c.template, c.data::json, c.locale, c.made_at,
       c.headline
  FROM email.claim_recipient(:tenant, :campaign_id, :lease_s) AS c;

-- name: record(id uuid, attempt int, outcome text, code int?, enhanced text?,
--       diagnostic text?, class text?, after_ms bigint?, ref text?,
--       away text?) -> bool
-- lane: writes
SELECT email.record(:tenant, :id, :attempt, :outcome, :code, :enhanced,
                    :diagnostic, :class, :after_ms, :ref, :away);

-- name: put_off(id uuid, attempt int, ms bigint, why text) -> none
-- lane: writes
SELECT email.put_off(:tenant, :id, :attempt, :ms, :why);

-- name: capture(id uuid, attempt int, rcpts text[], mime text) -> none
-- lane: writes
INSERT INTO email.captured (message_id, tenant_id, rcpts, mime)
SELECT m.id, m.tenant_id, :rcpts, :mime FROM email.messages AS m
 WHERE m.tenant_id = :tenant AND m.id = :id AND m.state = 'sending'
   AND m.attempts = :attempt
ON CONFLICT DO NOTHING;

-- name: sweep(most int) -> int
-- lane: writes
SELECT email.sweep(:most);

-- name: forget(most int) -> int
-- lane: writes
SELECT email.forget(:most);
