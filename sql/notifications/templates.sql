-- Templates: their drafts, what is published, what was.

-- name: templates() -> page
-- sort: id = id uuid
SELECT notifications.template_doc(t) :keys
  FROM notifications.templates AS t
 WHERE t.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: template(key text) -> json?
SELECT notifications.template_doc(t), t.version
  FROM notifications.templates AS t
 WHERE t.tenant_id = :tenant AND t.key = :key;

-- name: template_add(key text, category text, locale text, variables jsonb,
--       flow jsonb) -> uuid
INSERT INTO notifications.templates AS t (tenant_id, key, category, locale,
       variables, flow, draft)
VALUES (:tenant, :key, :category, :locale, :variables, :flow, 1)
RETURNING t.id;

-- name: template_lock(key text) -> row? notifications_template
-- row: id uuid, category text, locale text, variables json, flow json,
-- row: published int?, draft int?, latest int, version bigint
SELECT t.id, t.category, t.locale, t.variables, t.flow, t.published, t.draft,
       t.latest, t.version
  FROM notifications.templates AS t
 WHERE t.tenant_id = :tenant AND t.key = :key FOR UPDATE;

-- name: template_look(key text) -> row? notifications_template
SELECT t.id, t.category, t.locale, t.variables, t.flow, t.published, t.draft,
       t.latest, t.version
  FROM notifications.templates AS t
 WHERE t.tenant_id = :tenant AND t.key = :key;

-- name: contents(id uuid, no int) -> rows notifications_content
-- row: channel text, locale text, content json
SELECT v.channel, v.locale, v.content
  FROM notifications.template_versions AS v
 WHERE v.tenant_id = :tenant AND v.template_id = :id AND v.n = :no
 ORDER BY v.channel, v.locale;

-- name: contents_drop(id uuid, no int) -> none
DELETE FROM notifications.template_versions AS v
 WHERE v.tenant_id = :tenant AND v.template_id = :id AND v.n = :no
   AND v.state = 'draft';

-- name: content_add(id uuid, no int, contents jsonb) -> none
INSERT INTO notifications.template_versions (template_id, tenant_id, n,
       channel, locale, content)
SELECT :id, :tenant, :no, e.value ->> 'channel', e.value ->> 'locale', e.value
  FROM jsonb_array_elements(:contents) AS e;

-- name: template_change(id uuid, category text?, locale text?,
--       variables jsonb?, flow jsonb?, draft int?, published int?, latest int)
--       -> none
UPDATE notifications.templates AS t
   SET category = coalesce(:category, category),
       locale = coalesce(:locale, locale),
       variables = coalesce(:variables, variables),
       flow = coalesce(:flow, flow), draft = :draft,
       published = :published, latest = :latest, version = version + 1,
       updated_at = now()
 WHERE t.tenant_id = :tenant AND t.id = :id;

-- name: contents_archive(id uuid) -> none
UPDATE notifications.template_versions AS v SET state = 'archived'
 WHERE v.tenant_id = :tenant AND v.template_id = :id AND v.state = 'published';

-- name: contents_publish(id uuid, no int) -> affected
UPDATE notifications.template_versions AS v SET state = 'published'
 WHERE v.tenant_id = :tenant AND v.template_id = :id AND v.n = :no;

-- name: template_remove(key text, if_version bigint?) -> affected
DELETE FROM notifications.templates AS t
 WHERE t.tenant_id = :tenant AND t.key = :key
   AND (:if_version::bigint IS NULL OR t.version = :if_version);

-- name: rules_drop(id uuid) -> none
DELETE FROM notifications.event_rules AS e
 WHERE e.tenant_id = :tenant AND e.template_id = :id;

-- name: rules_add(id uuid, rules jsonb) -> none
INSERT INTO notifications.event_rules (tenant_id, template_id, event, audience,
       group_key)
SELECT :tenant, :id, e.value ->> 'event', e.value ->> 'to',
       e.value ->> 'group'
  FROM jsonb_array_elements(:rules) AS e;

-- name: rules_of(event text) -> rows notifications_heard
-- row: template text, audience text, group_key text?
SELECT t.key, e.audience, e.group_key
  FROM notifications.event_rules AS e
  JOIN notifications.templates AS t
    ON t.id = e.template_id AND t.published IS NOT NULL
 WHERE e.tenant_id = :tenant AND e.event = :event
 ORDER BY t.key;
