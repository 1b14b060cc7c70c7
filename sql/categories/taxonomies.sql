-- Taxonomies: the roots of trees.

-- name: taxonomies(subject text?) -> page
-- sort: key = key text
SELECT categories.taxonomy_doc(t) :keys
  FROM categories.taxonomies AS t
 WHERE t.tenant_id = :tenant
   AND (:subject::text IS NULL OR t.subject = :subject) AND :after
 ORDER BY :order LIMIT :limit;

-- name: taxonomy(id uuid) -> json?
SELECT categories.taxonomy_doc(t), t.version
  FROM categories.taxonomies AS t
 WHERE t.tenant_id = :tenant AND t.id = :id;

-- name: taxonomy_add(key text, name jsonb, subject text, max_depth int,
--       leaf_only bool) -> json
INSERT INTO categories.taxonomies AS t
       (tenant_id, key, name, subject, max_depth, leaf_only)
VALUES (:tenant, :key, :name, :subject, :max_depth, :leaf_only)
RETURNING categories.taxonomy_doc(t), t.version;

-- name: taxonomy_change(id uuid, if_version bigint?, key text?, name jsonb?,
--       subject text?, max_depth int?, leaf_only bool?) -> json?
UPDATE categories.taxonomies AS t
   SET key = coalesce(:key, key), name = coalesce(:name, name),
       subject = coalesce(:subject, subject),
       max_depth = coalesce(:max_depth, max_depth),
       leaf_only = coalesce(:leaf_only, leaf_only),
       version = version + 1, updated_at = now()
 WHERE t.tenant_id = :tenant AND t.id = :id
   AND (:if_version::bigint IS NULL OR version = :if_version)
RETURNING categories.taxonomy_doc(t), t.version;

-- name: taxonomy_deepest(id uuid) -> int?
SELECT coalesce(max(depth), 0)
  FROM categories.categories
 WHERE tenant_id = :tenant AND taxonomy_id = :id
HAVING EXISTS (SELECT FROM categories.taxonomies
                WHERE tenant_id = :tenant AND id = :id);

-- name: taxonomy_remove(id uuid, if_version bigint?) -> affected
DELETE FROM categories.taxonomies
 WHERE tenant_id = :tenant AND id = :id
   AND (:if_version::bigint IS NULL OR version = :if_version);

-- name: taxonomy_lock(id uuid) -> row? categories_taxonomy
-- row: id uuid, key text, subject text, max_depth int, live_version int,
-- row: version bigint
-- Changes of one tree's structure come one after another.
SELECT t.id, t.key, t.subject, t.max_depth, t.live_version, t.version
  FROM categories.taxonomies AS t,
       pg_advisory_xact_lock(hashtext('categories'), hashtext(:id::text))
 WHERE t.tenant_id = :tenant AND t.id = :id;
