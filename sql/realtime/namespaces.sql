-- Namespaces.

-- name: namespaces() -> page
-- sort: prefix = prefix text
SELECT realtime.namespace_doc(n) :keys
  FROM realtime.namespaces AS n
 WHERE n.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: namespace(id uuid) -> json?
SELECT realtime.namespace_doc(n), n.version
  FROM realtime.namespaces AS n
 WHERE n.tenant_id = :tenant AND n.id = :id;

-- name: namespace_lock(id uuid) -> row? realtime_locked
-- row: version bigint, prefix text
SELECT n.version, n.prefix FROM realtime.namespaces AS n
 WHERE n.tenant_id = :tenant AND n.id = :id FOR UPDATE;

-- name: namespace_add(prefix text, who_subscribes text, who_publishes text,
--       mode text, presence bool, join_leave bool, history_size int,
--       history_seconds int, rate int, max_size int, most int) -> json?
INSERT INTO realtime.namespaces AS n (tenant_id, prefix, who_subscribes,
       who_publishes, mode, presence, join_leave, history_size,
       history_seconds, rate, max_size)
SELECT :tenant, :prefix, :who_subscribes, :who_publishes, :mode, :presence,
       :join_leave, :history_size, :history_seconds, :rate, :max_size
 WHERE (SELECT count(*) FROM realtime.namespaces AS o
         WHERE o.tenant_id = :tenant) < :most
RETURNING realtime.namespace_doc(n), n.version;

-- name: namespace_change(id uuid, who_subscribes text?,
--       who_publishes text?, mode text?, presence bool?, join_leave bool?,
--       history_size int?, history_seconds int?, rate int?, max_size int?)
--       -> json
UPDATE realtime.namespaces AS n
   SET who_subscribes = coalesce(:who_subscribes, who_subscribes),
       who_publishes = coalesce(:who_publishes, who_publishes),
       mode = coalesce(:mode, mode), presence = coalesce(:presence, presence),
       join_leave = coalesce(:join_leave, join_leave),
       history_size = coalesce(:history_size, history_size),
       history_seconds = coalesce(:history_seconds, history_seconds),
       rate = coalesce(:rate, rate), max_size = coalesce(:max_size, max_size),
       version = version + 1, updated_at = now()
 WHERE n.tenant_id = :tenant AND n.id = :id
RETURNING realtime.namespace_doc(n), n.version;

-- name: namespace_remove(id uuid) -> none
DELETE FROM realtime.namespaces AS n
 WHERE n.tenant_id = :tenant AND n.id = :id;

-- name: spaces(of uuid) -> rows realtime_row
-- across tenants: a worker keeps those of every tenant that it serves
-- row: prefix text, who_subscribes text, who_publishes text, mode text,
-- row: presence bool, join_leave bool, history_size int,
-- row: history_seconds int, rate int, max_size int
SELECT n.prefix, n.who_subscribes, n.who_publishes, n.mode, n.presence,
       n.join_leave, n.history_size, n.history_seconds, n.rate, n.max_size
  FROM realtime.namespaces AS n WHERE n.tenant_id = :of
 ORDER BY n.prefix;
