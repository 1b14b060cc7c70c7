-- Providers, routes to them, prices, and who does not want messages.

-- name: providers() -> page
-- sort: id = id uuid
SELECT sms.provider_doc(p) :keys
  FROM sms.providers AS p
 WHERE p.tenant_id = :tenant AND p.removed_at IS NULL AND :after
 ORDER BY :order LIMIT :limit;

-- name: provider(id uuid) -> json?
SELECT sms.provider_doc(p), p.version
  FROM sms.providers AS p
 WHERE p.tenant_id = :tenant AND p.id = :id AND p.removed_at IS NULL;

-- name: provider_add(name text, kind text, base_url text?, config_ct text?,
--       currency text, per_second int) -> json
WITH p AS (
    INSERT INTO sms.providers (tenant_id, name, kind, base_url, config_ct,
           currency, per_second)
    VALUES (:tenant, :name, :kind, :base_url, :config_ct, :currency,
            :per_second)
    RETURNING *
), w AS (
    INSERT INTO sms.windows (provider_id, tenant_id)
    SELECT p.id, p.tenant_id FROM p
)
SELECT sms.provider_doc(p::sms.providers), p.version FROM p;

-- name: provider_lock(id uuid) -> row? sms_locked
-- row: version bigint, kind text
SELECT p.version, p.kind FROM sms.providers AS p
 WHERE p.tenant_id = :tenant AND p.id = :id AND p.removed_at IS NULL
   FOR UPDATE;

-- name: provider_change(id uuid, name text?, base_url text?, config_ct text?,
--       per_second int?, enabled bool?) -> json
UPDATE sms.providers AS p
   SET name = coalesce(:name, name), base_url = coalesce(:base_url, base_url),
       config_ct = coalesce(:config_ct, config_ct),
       per_second = coalesce(:per_second, per_second),
       enabled = coalesce(:enabled, enabled), version = version + 1,
       updated_at = now()
 WHERE p.tenant_id = :tenant AND p.id = :id
RETURNING sms.provider_doc(p), p.version;

-- name: provider_remove(id uuid) -> affected
-- Not while it has messages of which it may still tell.
UPDATE sms.providers AS p
   SET removed_at = now(), enabled = false, config_ct = NULL
 WHERE p.tenant_id = :tenant AND p.id = :id
   AND NOT EXISTS (SELECT FROM sms.messages AS m
                    WHERE m.provider_id = :id
                      AND m.state IN ('submitting', 'accepted'));

-- name: provider_use(id uuid) -> row? sms_provider
-- across tenants: a provider is known by its id, in its own callbacks
-- row: id uuid, tenant uuid, kind text, base_url text?, config_ct text?,
-- row: currency text
SELECT p.id, p.tenant_id, p.kind, p.base_url, p.config_ct, p.currency
  FROM sms.providers AS p WHERE p.id = :id AND p.removed_at IS NULL;

-- name: routes() -> page
-- sort: id = id uuid
SELECT sms.route_doc(r) :keys
  FROM sms.routes AS r
 WHERE r.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: route(id uuid) -> json?
SELECT sms.route_doc(r), r.version
  FROM sms.routes AS r
 WHERE r.tenant_id = :tenant AND r.id = :id;

-- name: route_add(prefix text, lane_of text, provider_id uuid, priority int,
--       floor_bp int) -> json?
INSERT INTO sms.routes AS r (tenant_id, prefix, lane, provider_id, priority,
       floor_bp)
SELECT :tenant, :prefix, :lane_of, p.id, :priority, :floor_bp
  FROM sms.providers AS p
 WHERE p.tenant_id = :tenant AND p.id = :provider_id
   AND p.removed_at IS NULL
RETURNING sms.route_doc(r), r.version;

-- name: route_change(id uuid, priority int?, floor_bp int?, enabled bool?,
--       if_version bigint?) -> json?
UPDATE sms.routes AS r
   SET priority = coalesce(:priority, priority),
       floor_bp = coalesce(:floor_bp, floor_bp),
       enabled = coalesce(:enabled, enabled), version = version + 1,
       updated_at = now()
 WHERE r.tenant_id = :tenant AND r.id = :id
   AND (:if_version::bigint IS NULL OR r.version = :if_version)
RETURNING sms.route_doc(r), r.version;

-- name: route_remove(id uuid, if_version bigint?) -> affected
DELETE FROM sms.routes AS r
 WHERE r.tenant_id = :tenant AND r.id = :id
   AND (:if_version::bigint IS NULL OR r.version = :if_version);

-- name: ways(digits text, lane_of text) -> rows sms_way_row
-- row: route_id uuid?, provider_id uuid?, kind text, priority int,
-- row: floor_bp int, per_segment float8?, currency text?, sent bigint,
-- row: delivered bigint, failed bigint, late text, converted bigint
SELECT w.route_id, w.provider_id, w.kind, w.priority, w.floor_bp,
       w.per_segment, w.currency, w.sent, w.delivered, w.failed, w.late,
       w.converted
  FROM sms.ways(:tenant, :digits, :lane_of) AS w;

-- name: prices_set(provider_id uuid, lines jsonb) -> affected
INSERT INTO sms.prices AS c (provider_id, tenant_id, prefix, valid_from,
       per_segment)
SELECT DISTINCT ON (i.prefix, coalesce(i.valid_from, now()))
       p.id, p.tenant_id, i.prefix, coalesce(i.valid_from, now()), i.price
  FROM sms.providers AS p,
       jsonb_to_recordset(:lines)
           AS i (prefix text, price numeric, valid_from timestamptz)
 WHERE p.tenant_id = :tenant AND p.id = :provider_id
ON CONFLICT ON CONSTRAINT prices_pkey DO UPDATE
   SET per_segment = excluded.per_segment;

-- name: opt_outs() -> page
-- sort: -at = id uuid desc
SELECT sms.opt_out_doc(o) :keys
  FROM sms.opt_outs AS o
 WHERE o.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: opt_out(number text, masked text, sender text?, source text) -> json
-- lane: writes
SELECT sms.opt_out_doc(o), o.version
  FROM sms.opt_out(:tenant, :number, :masked, :sender, :source) AS o;

-- name: opt_out_lock(id uuid) -> row? sms_opt_out
-- row: version bigint, masked text, sender text, source text
SELECT o.version, o.masked, o.sender, o.source FROM sms.opt_outs AS o
 WHERE o.tenant_id = :tenant AND o.id = :id FOR UPDATE;

-- name: opt_out_remove(id uuid) -> affected
DELETE FROM sms.opt_outs AS o WHERE o.tenant_id = :tenant AND o.id = :id;

-- name: is_opted_out(number text, sender text?) -> bool
SELECT sms.suppressed(:tenant, :number, 'transactional', :sender);

-- name: report(provider uuid, ref text?, message uuid?, kind text, code text?,
--       reason text?, price bigint?, unit text) -> bool
-- lane: writes
SELECT sms.report(:provider, :ref, :message, :kind, :code, :reason, :price,
                  :unit);
