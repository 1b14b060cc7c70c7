-- Prefixes that get no codes.

-- name: blocks() -> page
-- sort: id = id uuid
SELECT verification.block_doc(b) :keys
  FROM verification.blocked_prefixes AS b
 WHERE b.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: block(prefix text, until timestamptz) -> json
INSERT INTO verification.blocked_prefixes AS b (tenant_id, prefix, until,
       set_by)
VALUES (:tenant, :prefix, :until, 'staff')
ON CONFLICT ON CONSTRAINT blocked_prefixes_prefix_key
DO UPDATE SET until = excluded.until, set_by = 'staff',
              version = b.version + 1
RETURNING verification.block_doc(b), b.version;

-- name: block_get(id uuid) -> json?
SELECT verification.block_doc(b), b.version
  FROM verification.blocked_prefixes AS b
 WHERE b.tenant_id = :tenant AND b.id = :id;

-- name: block_remove(id uuid, if_version bigint?) -> affected
-- What was counted until now is forgotten with it.
WITH b AS (
    DELETE FROM verification.blocked_prefixes AS b
     WHERE b.tenant_id = :tenant AND b.id = :id
       AND (:if_version::bigint IS NULL OR b.version = :if_version)
    RETURNING b.prefix
), s AS (
    DELETE FROM verification.prefix_stats AS s
     USING b WHERE s.tenant_id = :tenant AND s.prefix7 = b.prefix
)
SELECT b.prefix FROM b;

-- name: purge_guard() -> int
-- lane: writes
SELECT verification.purge_guard();
