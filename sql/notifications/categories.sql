-- Categories: what kind of thing a notification is, and who may refuse it.

-- name: categories() -> page
-- sort: id = id uuid
SELECT notifications.category_doc(c) :keys
  FROM notifications.categories AS c
 WHERE c.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: category(key text) -> json?
SELECT notifications.category_doc(c), c.version
  FROM notifications.categories AS c
 WHERE c.tenant_id = :tenant AND c.key = :key;

-- name: category_kind(key text) -> row? notifications_category
-- row: key text, class text, urgent bool, ttl_s int?
SELECT c.key, c.class, c.urgent, c.ttl_s
  FROM notifications.categories AS c
 WHERE c.tenant_id = :tenant AND c.key = :key;

-- name: category_add(key text, title jsonb, class text, mandatory bool,
--       channels text[], digestible bool, urgent bool, ttl_s int?,
--       cap_push_day int?, cap_week int?, digest_window_s int?,
--       digest_max_s int?) -> json
INSERT INTO notifications.categories AS c (tenant_id, key, title, class,
       mandatory, channels, digestible, urgent, ttl_s, cap_push_day, cap_week,
       digest_window_s, digest_max_s)
VALUES (:tenant, :key, :title, :class, :mandatory, :channels, :digestible,
        :urgent, :ttl_s, :cap_push_day, :cap_week, :digest_window_s,
        :digest_max_s)
RETURNING notifications.category_doc(c), c.version;

-- name: category_general() -> none
-- The one that a template is of which names none.
INSERT INTO notifications.categories AS c (tenant_id, key, title, class,
       mandatory, channels, digestible, urgent)
VALUES (:tenant, 'general', '{"en": "General"}', 'transactional', false,
        '{in_app,push}', false, false)
ON CONFLICT ON CONSTRAINT categories_key_key DO NOTHING;

-- name: category_lock(key text) -> bigint?
SELECT c.version FROM notifications.categories AS c
 WHERE c.tenant_id = :tenant AND c.key = :key FOR UPDATE;

-- name: category_change(key text, title jsonb?, class text?, mandatory bool?,
--       channels text[], has_channels bool, digestible bool?, urgent bool?,
--       ttl_s int?, has_ttl bool, cap_push_day int?, has_push_day bool,
--       cap_week int?, has_week bool, digest_window_s int?,
--       has_window bool, digest_max_s int?, has_max bool) -> json
UPDATE notifications.categories AS c
   SET title = coalesce(:title, title), class = coalesce(:class, class),
       mandatory = coalesce(:mandatory, mandatory),
       channels = CASE WHEN :has_channels THEN :channels ELSE channels END,
       digestible = coalesce(:digestible, digestible),
       urgent = coalesce(:urgent, urgent),
       ttl_s = CASE WHEN :has_ttl THEN :ttl_s ELSE ttl_s END,
       cap_push_day = CASE WHEN :has_push_day THEN :cap_push_day
                           ELSE cap_push_day END,
       cap_week = CASE WHEN :has_week THEN :cap_week ELSE cap_week END,
       digest_window_s = CASE WHEN :has_window THEN :digest_window_s
                              ELSE digest_window_s END,
       digest_max_s = CASE WHEN :has_max THEN :digest_max_s
                           ELSE digest_max_s END,
       version = version + 1, updated_at = now()
 WHERE c.tenant_id = :tenant AND c.key = :key
RETURNING notifications.category_doc(c), c.version;

-- name: category_remove(key text) -> affected
DELETE FROM notifications.categories AS c
 WHERE c.tenant_id = :tenant AND c.key = :key;
