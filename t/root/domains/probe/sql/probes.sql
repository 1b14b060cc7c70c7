-- Probes: one query of each kind.

-- name: get(id uuid) -> json?
SELECT probe.doc(p), p.version
  FROM probe.probes AS p
 WHERE p.tenant_id = :tenant AND p.id = :id;

-- name: list(prefix text?) -> page
-- sort: created_at = created_at timestamptz, id uuid
-- sort: -created_at = created_at timestamptz desc, id uuid desc
-- sort: name = name text
SELECT probe.doc(p) :keys
  FROM probe.probes AS p
 WHERE p.tenant_id = :tenant
   AND (:prefix::text IS NULL OR starts_with(p.name, :prefix)) AND :after
 ORDER BY :order LIMIT :limit;

-- name: add_one(name text, note text?, amount bigint) -> json
-- One statement: the row and its event.
WITH added AS (
    INSERT INTO probe.probes (tenant_id, name, note, amount)
    VALUES (:tenant, :name, :note, :amount)
    RETURNING *
)
SELECT probe.doc(a::probe.probes), a.version,
       pando.emit(:tenant, 'probe.created', 1, a.id,
                  json_build_object('id', a.id, 'name', a.name)::jsonb, :user)
  FROM added AS a;

-- name: add(id uuid, name text, note text?, amount bigint) -> none
INSERT INTO probe.probes (id, tenant_id, name, note, amount)
VALUES (:id, :tenant, :name, :note, :amount);

-- name: lock(id uuid) -> row? probe_row
-- row: id uuid, name text, note text?, amount bigint, version bigint,
-- row: created_at timestamptz
SELECT id, name, note, amount, version, created_at
  FROM probe.probes
 WHERE tenant_id = :tenant AND id = :id
   FOR UPDATE;

-- name: change(id uuid, name text, note text?, amount bigint) -> json?
UPDATE probe.probes AS p
   SET name = :name, note = :note, amount = :amount, version = version + 1
 WHERE p.tenant_id = :tenant AND p.id = :id
RETURNING probe.doc(p), p.version;

-- name: remove(id uuid) -> affected
DELETE FROM probe.probes WHERE tenant_id = :tenant AND id = :id;

-- name: wait(seconds double) -> int
-- lane: reads
SELECT 1 FROM pg_sleep(:seconds);

-- name: wait_slowly(seconds double) -> int
-- lane: slow
SELECT 1 FROM pg_sleep(:seconds);
