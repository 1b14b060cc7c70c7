-- Endpoints and their secrets.

-- name: endpoints() -> page
-- sort: id = id uuid
SELECT webhooks.doc(e) :keys
  FROM webhooks.endpoints AS e
 WHERE e.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: endpoint(id uuid) -> json?
SELECT webhooks.doc(e), e.version
  FROM webhooks.endpoints AS e
 WHERE e.tenant_id = :tenant AND e.id = :id;

-- name: endpoint_add(kind text, uid text?, url text?, description text?,
--       event_types text[], filters text[], channels text[], ordering text,
--       when_stuck text, payload text, header_names text[], headers_ct text?,
--       max_in_flight int, timeout_ms int, key_ct text, ed25519 bool,
--       seed_ct text?, public_key text?, rate_per_s int?) -> json
WITH e AS (
    INSERT INTO webhooks.endpoints (tenant_id, kind, uid, url, description,
           event_types, filters, channels, ordering, when_stuck, payload,
           header_names, headers_ct, max_in_flight, timeout_ms, ed25519,
           rate_per_s)
    VALUES (:tenant, :kind, :uid, :url, :description, :event_types, :filters,
            :channels, :ordering, :when_stuck, :payload, :header_names,
            :headers_ct, :max_in_flight, :timeout_ms, :ed25519,
            :rate_per_s)
    RETURNING *
), l AS (
    INSERT INTO webhooks.lanes (endpoint_id, tenant_id)
    SELECT e.id, e.tenant_id FROM e
), s AS (
    INSERT INTO webhooks.secrets (endpoint_id, tenant_id, key_ct)
    SELECT e.id, e.tenant_id, :key_ct FROM e
), k AS (
    INSERT INTO webhooks.secrets (endpoint_id, tenant_id, key_ct, kind,
           public_key)
    SELECT e.id, e.tenant_id, :seed_ct, 'ed25519', :public_key FROM e
     WHERE e.ed25519
)
SELECT webhooks.doc(e::webhooks.endpoints), e.version FROM e;

-- name: endpoint_lock(id uuid) -> row? webhooks_endpoint
-- row: version bigint, state text, ed25519 bool, kind text
SELECT e.version, e.state, e.ed25519, e.kind FROM webhooks.endpoints AS e
 WHERE e.tenant_id = :tenant AND e.id = :id FOR UPDATE;

-- name: stats(id uuid) -> json?
-- lane: slow
SELECT webhooks.stats(e)
  FROM webhooks.endpoints AS e
 WHERE e.tenant_id = :tenant AND e.id = :id;

-- name: endpoint_change(id uuid, uid text?, url text?, description text?,
--       event_types text[], has_filters bool, filters text[],
--       has_channels bool, channels text[], ordering text?, when_stuck text?,
--       payload text?, has_headers bool, header_names text[],
--       headers_ct text?, max_in_flight int?, timeout_ms int?,
--       ed25519 bool?, has_rate bool, rate_per_s int?) -> json
UPDATE webhooks.endpoints AS e
   SET uid = coalesce(:uid, uid), url = coalesce(:url, url),
       description = coalesce(:description, description),
       event_types = coalesce(nullif(:event_types, '{}'), event_types),
       filters = CASE WHEN :has_filters THEN :filters ELSE filters END,
       channels = CASE WHEN :has_channels THEN :channels ELSE channels END,
       ordering = coalesce(:ordering, ordering),
       when_stuck = coalesce(:when_stuck, when_stuck),
       payload = coalesce(:payload, payload),
       header_names = CASE WHEN :has_headers THEN :header_names
                           ELSE header_names END,
       headers_ct = CASE WHEN :has_headers THEN :headers_ct
                         ELSE headers_ct END,
       max_in_flight = coalesce(:max_in_flight, max_in_flight),
       timeout_ms = coalesce(:timeout_ms, timeout_ms),
       ed25519 = coalesce(:ed25519, ed25519),
       rate_per_s = CASE WHEN :has_rate THEN :rate_per_s ELSE rate_per_s END,
       version = version + 1, updated_at = now()
 WHERE e.tenant_id = :tenant AND e.id = :id
RETURNING webhooks.doc(e), e.version;

-- name: endpoint_state(id uuid, state text) -> json?
UPDATE webhooks.endpoints AS e
   SET state = :state, disabled_reason = NULL, version = version + 1,
       updated_at = now()
 WHERE e.tenant_id = :tenant AND e.id = :id
RETURNING webhooks.doc(e), e.version;

-- name: lane_open(id uuid) -> none
UPDATE webhooks.lanes AS l
   SET failures = 0, failing_since = NULL, told = 0, blocked_until = NULL
 WHERE l.tenant_id = :tenant AND l.endpoint_id = :id;

-- name: wake(id uuid) -> none
-- lane: writes
SELECT webhooks.wake(:tenant, :id, clock_timestamp());

-- name: endpoint_remove(id uuid, if_version bigint?) -> affected
DELETE FROM webhooks.endpoints AS e
 WHERE e.tenant_id = :tenant AND e.id = :id
   AND (:if_version::bigint IS NULL OR e.version = :if_version);

-- name: secrets_expire(id uuid, kind text, overlap_h int) -> affected
-- Of the live ones the newest may go on for a while; older ones end now.
UPDATE webhooks.secrets AS s
   SET expires_at = CASE WHEN s.id = (SELECT o.id FROM webhooks.secrets AS o
                         WHERE o.endpoint_id = :id AND o.kind = :kind
                         ORDER BY o.id DESC LIMIT 1)
           THEN now() + make_interval(hours => :overlap_h)
           ELSE now() END
 WHERE s.tenant_id = :tenant AND s.endpoint_id = :id AND s.kind = :kind
   AND (s.expires_at IS NULL OR s.expires_at > now());

-- name: secret_add(id uuid, kind text, key_ct text, public_key text?) -> none
INSERT INTO webhooks.secrets (endpoint_id, tenant_id, kind, key_ct, public_key)
VALUES (:id, :tenant, :kind, :key_ct, :public_key);

-- name: secrets(id uuid) -> rows webhooks_secret
-- row: url text?, timeout_ms int, kind text, key_ct text, public_key text?,
-- row: created_at timestamptz, expires_at timestamptz?
-- Those that sign, the newest of a kind first; none where there is no such endpoint.
SELECT e.url, e.timeout_ms, s.kind, s.key_ct, s.public_key, s.created_at,
       s.expires_at
  FROM webhooks.endpoints AS e
  JOIN webhooks.secrets AS s ON s.endpoint_id = e.id
 WHERE e.tenant_id = :tenant AND e.id = :id
   AND (s.expires_at IS NULL OR s.expires_at > now())
 ORDER BY s.kind DESC, s.id DESC LIMIT 4;

-- name: public_keys(id uuid) -> rows webhooks_public_key
-- across tenants: receivers, who are nobody's, ask for what all may know
-- row: id uuid, public_key text
SELECT s.id, s.public_key FROM webhooks.secrets AS s
 WHERE s.endpoint_id = :id AND s.kind = 'ed25519'
   AND (s.expires_at IS NULL OR s.expires_at > now())
 ORDER BY s.id DESC LIMIT 2;

-- name: secrets_forget() -> affected
-- across tenants: secrets of all tenants end alike
DELETE FROM webhooks.secrets AS s
 WHERE s.id IN (SELECT o.id FROM webhooks.secrets AS o
                 WHERE o.expires_at < now() ORDER BY o.expires_at LIMIT 1000);
