-- Keys, and who may use them.

-- name: kek_use(kind text, print text, before text?) -> row? vault_kek
-- lane: writes
-- row: id uuid?, state text?
SELECT k.id, k.state FROM vault.kek_use(:kind, :print, :before) AS k;

-- name: kek_of(print text) -> row? vault_kek
-- lane: writes
-- row: id uuid?, state text?
SELECT k.id, k.state FROM vault.keks AS k WHERE k.print = :print;

-- name: keks() -> rows vault_kek_row
-- across tenants: one key wraps those of all of them
-- row: kind text, print text, state text, wraps bigint
SELECT k.kind, k.print, k.state,
       (SELECT count(*) FROM vault.key_versions AS v
         WHERE v.kek_id = k.id AND v.wrapped IS NOT NULL)
  FROM vault.keks AS k ORDER BY k.created_at DESC LIMIT 20;

-- name: key_list() -> page
-- sort: name = name text
SELECT vault.key_doc(k) :keys
  FROM vault.keys AS k
 WHERE k.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: key_get(name text) -> json?
SELECT vault.key_doc(k), k.version FROM vault.keys AS k
 WHERE k.tenant_id = :tenant AND k.name = :name;

-- name: key_add(name text, type text, days int?, kek uuid, wrapped text,
--       public text?) -> json?
-- lane: writes
SELECT vault.key_doc(k), k.version
  FROM vault.key_add(:tenant, :name, :type, :days, :kek, :wrapped, :public)
       AS k
 WHERE k.id IS NOT NULL;

-- name: key_rotate(key uuid, seen int, kek uuid, wrapped text, public text?)
--       -> json?
-- lane: writes
SELECT vault.key_doc(k), k.version
  FROM vault.key_rotate(:tenant, :key, :seen, :kek, :wrapped, :public) AS k
 WHERE k.id IS NOT NULL;

-- name: key_change(name text, seen bigint?, days int?, has_days bool,
--       min_encrypt int?, min_decrypt int?) -> json?
UPDATE vault.keys AS k
   SET rotate_days = CASE WHEN :has_days THEN :days ELSE k.rotate_days END,
       min_encrypt = coalesce(:min_encrypt, k.min_encrypt),
       min_decrypt = coalesce(:min_decrypt, k.min_decrypt),
       version = k.version + 1
 WHERE k.tenant_id = :tenant AND k.name = :name
   AND (:seen::bigint IS NULL OR k.version = :seen)
RETURNING vault.key_doc(k), k.version;

-- name: key_state(name text, from_states text[], to_state text, days int?,
--       event text?) -> json?
-- lane: writes
SELECT vault.key_doc(k), k.version
  FROM vault.key_state(:tenant, :name, :from_states, :to_state, :days, :event)
       AS k
 WHERE k.id IS NOT NULL;

-- name: key(name text) -> row? vault_key
-- lane: writes
-- row: id uuid, name text, type text, state text, latest int,
-- row: min_encrypt int, min_decrypt int
SELECT k.id, k.name, k.type, k.state, k.latest, k.min_encrypt, k.min_decrypt
  FROM vault.keys AS k WHERE k.tenant_id = :tenant AND k.name = :name;

-- name: key_by_id(id uuid) -> row? vault_key
-- lane: writes
-- row: id uuid, name text, type text, state text, latest int,
-- row: min_encrypt int, min_decrypt int
SELECT k.id, k.name, k.type, k.state, k.latest, k.min_encrypt, k.min_decrypt
  FROM vault.keys AS k WHERE k.tenant_id = :tenant AND k.id = :id;

-- name: version(key uuid, version int) -> row? vault_version
-- lane: writes
-- row: wrapped text?, public text?, print text
SELECT v.wrapped, v.public, k.print
  FROM vault.key_versions AS v JOIN vault.keks AS k ON k.id = v.kek_id
 WHERE v.tenant_id = :tenant AND v.key_id = :key AND v.version = :version;

-- name: publics(name text) -> rows vault_public
-- row: version int, type text, public text, state text
SELECT v.version, k.type, v.public, k.state
  FROM vault.keys AS k JOIN vault.key_versions AS v ON v.key_id = k.id
 WHERE k.tenant_id = :tenant AND k.name = :name AND v.public IS NOT NULL
   AND v.version >= k.min_decrypt AND k.state IN ('active', 'disabled')
 ORDER BY v.version DESC LIMIT 20;

-- name: lease(key uuid, version int, uses bigint) -> bigint?
-- lane: writes
-- How often the version may have been used since; none: no more.
UPDATE vault.key_versions AS v SET leased = v.leased + :uses
 WHERE v.tenant_id = :tenant AND v.key_id = :key AND v.version = :version
   AND v.leased + :uses <= 4294967296
RETURNING v.leased;

-- name: rotations_due(most int) -> rows vault_due
-- across tenants: keys of all tenants grow old alike
-- row: tenant_id uuid, id uuid, type text, latest int
SELECT k.tenant_id, k.id, k.type, k.latest FROM vault.keys AS k
 WHERE k.rotate_days IS NOT NULL AND k.state = 'active'
   AND k.rotated_at < now() - make_interval(days => k.rotate_days)
 ORDER BY k.rotated_at LIMIT :most;

-- name: rotate_for(tenant_id uuid, key uuid, seen int, kek uuid, wrapped text,
--       public text?) -> bool
-- lane: writes
SELECT k.id IS NOT NULL
  FROM vault.key_rotate(:tenant_id, :key, :seen, :kek, :wrapped, :public)
       AS k;

-- name: destroy_due(most int) -> int
-- lane: writes
SELECT vault.destroy_due(:most);

-- name: wrapped_by(print text, most int) -> rows vault_wrapped
-- lane: writes
-- across tenants: one key wraps those of all of them
-- row: key_id uuid, version int, wrapped text
SELECT v.key_id, v.version, v.wrapped
  FROM vault.key_versions AS v JOIN vault.keks AS k ON k.id = v.kek_id
 WHERE k.print = :print AND v.wrapped IS NOT NULL
 ORDER BY v.key_id, v.version LIMIT :most;

-- name: wrap_anew(key uuid, version int, old text, kek uuid, wrapped text)
--       -> affected
-- across tenants: one key wraps those of all of them
UPDATE vault.key_versions AS v SET kek_id = :kek, wrapped = :wrapped
 WHERE v.key_id = :key AND v.version = :version AND v.wrapped = :old;

-- name: kek_retire(print text) -> affected
-- across tenants: one key wraps those of all of them
UPDATE vault.keks AS k SET state = 'retired'
 WHERE k.print = :print AND k.state = 'retiring'
   AND NOT EXISTS (SELECT FROM vault.key_versions AS v
                    WHERE v.kek_id = k.id AND v.wrapped IS NOT NULL);

-- name: granted(principals text[], key text, operation text) -> bool
-- A pattern ends in a star, or is the whole name.
SELECT EXISTS (SELECT FROM vault.grants AS g
                WHERE g.tenant_id = :tenant AND g.principal = ANY (:principals)
                  AND :operation = ANY (g.operations)
                  AND (g.keys = :key OR (right(g.keys, 1) = '*'
                       AND starts_with(:key, left(g.keys, -1)))));

-- name: grants() -> page
-- sort: created_at = created_at timestamptz, id uuid
SELECT vault.grant_doc(g) :keys
  FROM vault.grants AS g
 WHERE g.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: grant_get(id uuid) -> json?
SELECT vault.grant_doc(g), g.version FROM vault.grants AS g
 WHERE g.tenant_id = :tenant AND g.id = :id;

-- name: grant_add(principal text, keys text, operations text[]) -> json
INSERT INTO vault.grants AS g (tenant_id, principal, keys, operations)
VALUES (:tenant, :principal, :keys, :operations)
RETURNING vault.grant_doc(g), g.version;

-- name: grant_remove(id uuid, version bigint?) -> affected
DELETE FROM vault.grants AS g
 WHERE g.tenant_id = :tenant AND g.id = :id
   AND (:version::bigint IS NULL OR g.version = :version);
