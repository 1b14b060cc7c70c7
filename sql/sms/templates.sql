-- Templates and their texts.

-- name: templates() -> page
-- sort: key = key text
SELECT sms.template_doc(t) :keys
  FROM sms.templates AS t
 WHERE t.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: template(key text) -> json?
SELECT sms.template_doc(t), t.version
  FROM sms.templates AS t
 WHERE t.tenant_id = :tenant AND t.key = :key;

-- name: template_lock(key text) -> row? sms_template
-- row: id uuid, version bigint
SELECT t.id, t.version FROM sms.templates AS t
 WHERE t.tenant_id = :tenant AND t.key = :key FOR UPDATE;

-- name: template_add(key text, description text?, max_segments int?,
--       bodies jsonb) -> json
-- lane: writes
SELECT sms.template_doc(t), t.version
  FROM sms.template_add(:tenant, :key, :description, :max_segments, :bodies)
       AS t;

-- name: template_change(id uuid, description text?, max_segments int?,
--       bodies jsonb) -> json
-- lane: writes
SELECT sms.template_doc(t), t.version
  FROM sms.template_change(:tenant, :id, :description, :max_segments, :bodies)
       AS t;

-- name: template_publish(id uuid) -> json?
-- lane: writes
SELECT sms.template_doc(t), t.version
  FROM sms.template_publish(:tenant, :id) AS t;

-- name: template_remove(id uuid) -> affected
DELETE FROM sms.templates AS t WHERE t.tenant_id = :tenant AND t.id = :id;

-- name: drafts(key text) -> rows sms_draft
-- row: locale text, body text, max_segments int?
SELECT d.locale, d.body, d.max_segments FROM sms.drafts(:tenant, :key) AS d;

-- name: wording(key text, locale text) -> row? sms_wording
-- row: locale text, body text, n int, max_segments int?
SELECT v.locale, v.body, v.n, t.max_segments
  FROM sms.wording(:tenant, :key, :locale, 'published') AS v
  JOIN sms.templates AS t ON t.id = v.template_id AND t.tenant_id = :tenant;
