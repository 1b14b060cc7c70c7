-- Messages: taking, reading, canceling.

-- name: suppressed(to_norm text, lane text, list uuid?, mandatory bool)
--       -> text?
SELECT email.suppressed(:tenant, :to_norm, :lane, :list, :mandatory);

-- name: accept(lane text, to_norm text, to_address text, to_name text?,
--       cc text[], bcc text[], sender text, sender_name text?,
--       reply_to text?, subject text, list uuid?, mandatory bool, of uuid?,
--       size int, send_at timestamptz?, ttl_s int, key text?,
--       content_ct text, made_of uuid?, lang text?) -> row email_accepted
-- lane: writes
-- row: id uuid?, state text, reason text?
SELECT a.id, a.state, a.reason
  FROM email.accept(:tenant, :lane, :to_norm, :to_address, :to_name, :cc,
                    :bcc, :sender, :sender_name, :reply_to, :subject, :list,
                    :mandatory, :of, :size, :send_at, :ttl_s, :key,
                    :content_ct, :made_of, :lang) AS a;

-- name: messages(state text?, sender text?) -> page
-- sort: -created_at = id uuid desc
SELECT email.message_doc(m) :keys
  FROM email.messages AS m
 WHERE m.tenant_id = :tenant AND (:state::text IS NULL OR m.state = :state)
   AND (:sender::text IS NULL OR m.sender = :sender) AND :after
 ORDER BY :order LIMIT :limit;

-- name: messages_to(to_norm text, state text?, sender text?) -> page
-- sort: -created_at = id uuid desc
SELECT email.message_doc(m) :keys
  FROM email.messages AS m
 WHERE m.tenant_id = :tenant AND m.to_norm = :to_norm
   AND (:state::text IS NULL OR m.state = :state)
   AND (:sender::text IS NULL OR m.sender = :sender) AND :after
 ORDER BY :order LIMIT :limit;

-- name: messages_of(campaign_id uuid, state text?, sender text?) -> page
-- sort: -created_at = id uuid desc
SELECT email.message_doc(m) :keys
  FROM email.messages AS m
 WHERE m.tenant_id = :tenant AND m.campaign_id = :campaign_id
   AND (:state::text IS NULL OR m.state = :state)
   AND (:sender::text IS NULL OR m.sender = :sender) AND :after
 ORDER BY :order LIMIT :limit;

-- name: message(id uuid) -> row? email_shown
-- row: doc text, content_ct text?
SELECT (email.message_doc(m)::jsonb || jsonb_build_object('events',
            email.events_doc(m.id)))::text, b.content_ct
  FROM email.messages AS m
  LEFT JOIN email.bodies AS b ON b.message_id = m.id
 WHERE m.tenant_id = :tenant AND m.id = :id;

-- name: message_lock(id uuid) -> row? email_locked
-- row: state text, lane text, to_norm text, to_address text, to_name text?,
-- row: sender text, sender_name text?, reply_to text?, subject text,
-- row: list_id uuid?, mandatory bool, size int, reason text?,
-- row: content_ct text?
SELECT m.state, m.lane, m.to_norm, m.to_address, m.to_name, m.sender,
       m.sender_name, m.reply_to, m.subject, m.list_id, m.mandatory, m.size,
       email.suppressed(:tenant, m.to_norm, m.lane, m.list_id, m.mandatory),
       b.content_ct
  FROM email.messages AS m
  LEFT JOIN email.bodies AS b ON b.message_id = m.id
 WHERE m.tenant_id = :tenant AND m.id = :id FOR UPDATE OF m;

-- name: message_cancel(id uuid) -> json?
UPDATE email.messages AS m SET state = 'canceled'
 WHERE m.tenant_id = :tenant AND m.id = :id
   AND m.state IN ('scheduled', 'queued', 'deferred')
RETURNING email.message_doc(m);

-- name: unsuppress_soft(to_norm text) -> none
DELETE FROM email.suppressions AS s
 WHERE s.tenant_id = :tenant AND s.to_norm = :to_norm
   AND s.reason = 'soft_bounce';
