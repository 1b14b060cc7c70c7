-- Heartbeats.

-- name: heartbeats(component text?) -> page
-- sort: name = name text
SELECT health.heartbeat_doc(b) :keys
  FROM health.heartbeats AS b
 WHERE b.tenant_id = :tenant
   AND (:component::text IS NULL OR b.component = :component) AND :after
 ORDER BY :order LIMIT :limit;

-- name: heartbeat(id uuid) -> json?
SELECT health.heartbeat_doc(b), b.version
  FROM health.heartbeats AS b
 WHERE b.tenant_id = :tenant AND b.id = :id;

-- name: heartbeat_add(id uuid, name text, component text, criticality text,
--       period_s int, grace_s int, max_run_s int?, secret_hash bytea,
--       ping_url text) -> json
INSERT INTO health.heartbeats AS b
       (id, tenant_id, name, component, criticality, period_s, grace_s,
        max_run_s, secret_hash)
VALUES (:id, :tenant, :name, :component, :criticality, :period_s, :grace_s,
        :max_run_s, :secret_hash)
RETURNING health.heartbeat_doc(b)::jsonb
          || jsonb_build_object('ping_url', :ping_url::text), b.version;

-- name: heartbeat_change(id uuid, if_version bigint?, name text?,
--       component text?, criticality text?, period_s int?, grace_s int?,
--       max_run_s int?, new_max_run bool) -> json?
-- What is due next follows the new period, unless a run has begun.
UPDATE health.heartbeats AS b
   SET name = coalesce(:name, name),
       component = coalesce(:component, component),
       criticality = coalesce(:criticality, criticality),
       period_s = coalesce(:period_s, period_s),
       grace_s = coalesce(:grace_s, grace_s),
       max_run_s = CASE WHEN :new_max_run THEN :max_run_s ELSE max_run_s END,
       late_at = CASE WHEN started_at IS NULL THEN last_ping_at
                 + make_interval(secs => coalesce(:period_s, period_s)
                                         + coalesce(:grace_s, grace_s))
                 ELSE late_at END,
       version = version + 1, updated_at = now()
 WHERE b.tenant_id = :tenant AND b.id = :id
   AND (:if_version::bigint IS NULL OR b.version = :if_version)
RETURNING health.heartbeat_doc(b), b.version;

-- name: heartbeat_remove(id uuid, if_version bigint?) -> affected
DELETE FROM health.heartbeats
 WHERE tenant_id = :tenant AND id = :id
   AND (:if_version::bigint IS NULL OR version = :if_version);

-- name: heartbeat_secret(id uuid) -> text?
-- across tenants: who knows the secret may call, whose ever it is
SELECT encode(b.secret_hash, 'hex') FROM health.heartbeats AS b
 WHERE b.id = :id;

-- name: beat(id uuid, what text) -> bool
-- lane: writes
SELECT health.beat(:id, :what);
