-- Probes: what is cached, and what voids it.

-- name: kept(id uuid) -> json?
-- A test that holds the lock 42 stops whoever builds.
SELECT json_build_object('id', p.id, 'name', p.name,
                         'build', nextval('probe.builds')), p.version
  FROM probe.probes AS p, pg_advisory_xact_lock_shared(42)
 WHERE p.tenant_id = :tenant AND p.id = :id;

-- name: built() -> int
SELECT nextval('probe.builds')::int
  FROM pg_advisory_xact_lock_shared(42);

-- name: rename(id uuid, name text) -> affected
UPDATE probe.probes
   SET name = :name, version = version + 1
 WHERE tenant_id = :tenant AND id = :id;

-- name: hold(id uuid) -> affected
-- In a transaction: waits for whoever holds the lock 43.
UPDATE probe.probes
   SET note = 'held'
 WHERE tenant_id = :tenant AND id = :id
   AND (SELECT true FROM pg_advisory_xact_lock(43));
