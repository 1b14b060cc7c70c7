-- Campaigns, and figures.

-- name: campaigns() -> page
-- sort: -created_at = id uuid desc
SELECT sms.campaign_doc(c) :keys
  FROM sms.campaigns AS c
 WHERE c.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: campaign(id uuid) -> json?
SELECT sms.campaign_detail(c), c.version
  FROM sms.campaigns AS c
 WHERE c.tenant_id = :tenant AND c.id = :id;

-- name: campaign_of(id uuid) -> row? sms_campaign
-- lane: writes
-- row: state text, body text?, template text?, sender text?, send_at timestamptz?
SELECT c.state, c.body, c.template, c.sender, c.send_at
  FROM sms.campaigns AS c
 WHERE c.tenant_id = :tenant AND c.id = :id;

-- name: campaign_lock(id uuid) -> row? sms_campaign_locked
-- row: version bigint, state text, body text?, template text?,
-- row: send_at timestamptz?, waiting bool
SELECT c.version, c.state, c.body, c.template, c.send_at,
       EXISTS (SELECT FROM sms.messages AS m WHERE m.campaign_id = c.id
                  AND m.state IN ('scheduled', 'queued', 'retry')) AS waiting
  FROM sms.campaigns AS c
 WHERE c.tenant_id = :tenant AND c.id = :id FOR UPDATE;

-- name: campaign_make(name text, body text?, template text?, sender text?)
--       -> uuid
INSERT INTO sms.campaigns AS c (tenant_id, name, body, template, sender)
VALUES (:tenant, :name, :body, :template, :sender)
RETURNING c.id;

-- name: campaign_change(id uuid, name text?, body text?, template text?,
--       sender text?) -> none
UPDATE sms.campaigns AS c
   SET name = coalesce(:name, name),
       body = CASE WHEN :template::text IS NULL THEN coalesce(:body, body)
              END,
       template = CASE WHEN :body::text IS NULL THEN
                  coalesce(:template, template) END,
       sender = coalesce(:sender, sender), version = version + 1,
       updated_at = now()
 WHERE c.tenant_id = :tenant AND c.id = :id;

-- name: campaign_remove(id uuid) -> affected
DELETE FROM sms.campaigns AS c WHERE c.tenant_id = :tenant AND c.id = :id;

-- name: campaign_add(id uuid, items jsonb) -> int
-- lane: writes
SELECT sms.campaign_add(:tenant, :id, :items);

-- name: campaign_places(id uuid) -> text
-- lane: writes
SELECT coalesce(string_agg(DISTINCT r.country, ' '), '')
  FROM sms.campaign_recipients AS r
 WHERE r.campaign_id = :id AND r.tenant_id = :tenant;

-- name: campaign_move(id uuid, target text, at timestamptz?) -> none
-- lane: writes
SELECT sms.campaign_move(:tenant, :id, :target, :at);

-- name: campaign_next(id uuid, most int) -> rows sms_campaign_next
-- lane: writes
-- row: n int, to_e164 text, data text?
SELECT c.n, c.to_e164, c.data
  FROM sms.campaign_next(:tenant, :id, :most) AS c;

-- name: campaign_done(id uuid, ns bigint[], errors text[]) -> none
-- lane: writes
SELECT sms.campaign_done(:tenant, :id, :ns, :errors);

-- name: forget_campaigns(most int) -> int
-- lane: writes
SELECT sms.forget_campaigns(:most);

-- name: figures(key text, since timestamptz, until timestamptz) -> text
-- lane: slow
SELECT sms.figures(:tenant, :key, :since, :until)::text;
