-- Idempotency keys, as pando_idem.c uses them.

-- name: claim(tenant_id uuid, caller uuid, key text, route text, hash bytea)
--       -> none
-- PD200, PD409 and PD422 are its refusals: see 001_root.sql.
SELECT pando.claim_key(:tenant_id, :caller, :key, :route, :hash);

-- name: keep(tenant_id uuid, caller uuid, key text, status int, headers text,
--       body text) -> none
SELECT pando.keep_reply(:tenant_id, :caller, :key, :status, :headers, :body);

-- name: replay(tenant_id uuid, caller uuid, key text) -> row?
-- row: status int, headers text, body text
-- across tenants: the runtime names the tenant and the caller whose key it is
SELECT status, headers, body
  FROM pando.idempotency
 WHERE tenant_id = :tenant_id AND caller = :caller AND key = :key
   AND created_at > now() - interval '24 hours';

-- name: purge_keys(batch int) -> affected
-- across tenants: keys of all tenants expire alike
DELETE FROM pando.idempotency
 WHERE ctid = ANY (ARRAY(SELECT ctid FROM pando.idempotency
                          WHERE created_at <= now() - interval '24 hours'
                          ORDER BY created_at LIMIT :batch
                            FOR UPDATE SKIP LOCKED));
