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

-- name: taxonomy_change(id uuid, key text?, name jsonb?, subject text?,
--       max_depth int?, leaf_only bool?) -> json?
UPDATE categories.taxonomies AS t
   SET key = coalesce(:key, key), name = coalesce(:name, name),
       subject = coalesce(:subject, subject),
       max_depth = coalesce(:max_depth, max_depth),
       leaf_only = coalesce(:leaf_only, leaf_only),
       version = version + 1, updated_at = now()
 WHERE t.tenant_id = :tenant AND t.id = :id
RETURNING categories.taxonomy_doc(t), t.version;

-- name: taxonomy_remove(id uuid, if_version bigint?) -> affected
DELETE FROM categories.taxonomies
 WHERE tenant_id = :tenant AND id = :id
   AND (:if_version::bigint IS NULL OR version = :if_version);

-- name: taxonomy_lock(id uuid, depth int) -> row? categories_taxonomy
-- row: id uuid, live_version int, draft_version int?, version bigint,
-- row: deeper bool
-- Deeper says that a category stands deeper than that.
SELECT t.id, t.live_version, t.draft_version, t.version,
       EXISTS (SELECT FROM categories.categories AS c
                WHERE c.taxonomy_id = t.id AND c.depth > :depth)
  FROM categories.taxonomies AS t
 WHERE t.tenant_id = :tenant AND t.id = :id
   FOR UPDATE OF t;

-- name: hold(taxonomy_id uuid) -> none
-- Changes of one tree's structure come one after another.  A statement of its
-- own, for what stands in the same one would be of before the wait.
SELECT pg_advisory_xact_lock(hashtext('categories'),
                             hashtext(:taxonomy_id::text));

-- name: touch(taxonomy_id uuid, op text, id uuid) -> none
-- Each published change of a tree is a version of it.
WITH t AS (
    UPDATE categories.taxonomies
       SET live_version = live_version + 1, updated_at = now()
     WHERE tenant_id = :tenant AND id = :taxonomy_id
    RETURNING id, live_version
)
INSERT INTO categories.taxonomy_changes
       (taxonomy_id, version, tenant_id, op, actor)
SELECT t.id, t.live_version, :tenant,
       jsonb_build_object('op', :op::text, 'id', :id::uuid), :user
  FROM t;
