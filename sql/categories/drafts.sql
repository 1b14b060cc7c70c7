-- Drafts: the whole tree aside, until it is published or discarded.

-- name: draft_copy(taxonomy_id uuid, behind text, batch int) -> text?
-- lane: writes
SELECT categories.draft_copy(:tenant, :taxonomy_id, :behind, :batch);

-- name: draft_links(taxonomy_id uuid) -> none
-- Who replaces whom, once all are there.
UPDATE categories.categories AS d
   SET replaced_by = c.replaced_by
  FROM categories.categories AS c
 WHERE d.tenant_id = :tenant AND d.taxonomy_id = :taxonomy_id AND NOT d.live
   AND c.id = d.id AND c.live AND c.replaced_by IS NOT NULL;

-- name: draft_drop(taxonomy_id uuid, batch int) -> int
-- lane: writes
SELECT categories.draft_drop(:tenant, :taxonomy_id, :batch);

-- name: draft_apply(taxonomy_id uuid) -> bool
-- lane: writes
SELECT categories.draft_apply(:tenant, :taxonomy_id);

-- name: draft_set(taxonomy_id uuid, open bool) -> json?
UPDATE categories.taxonomies AS t
   SET draft_version = CASE WHEN :open THEN live_version + 1 END,
       version = version + 1, updated_at = now()
 WHERE t.tenant_id = :tenant AND t.id = :taxonomy_id
RETURNING categories.taxonomy_doc(t), t.version;

-- name: diff(taxonomy_id uuid) -> row? categories_diff
-- row: draft bool, doc jsonb?
SELECT t.draft_version IS NOT NULL,
       CASE WHEN t.draft_version IS NOT NULL THEN categories.diff(t) END
  FROM categories.taxonomies AS t
 WHERE t.tenant_id = :tenant AND t.id = :taxonomy_id;

-- name: publish(taxonomy_id uuid, diff jsonb) -> json?
-- The journal keeps what was published.
WITH t AS (
    UPDATE categories.taxonomies AS t
       SET live_version = draft_version, draft_version = NULL,
           version = version + 1, updated_at = now()
     WHERE t.tenant_id = :tenant AND t.id = :taxonomy_id
    RETURNING t.id, t.live_version, t.version,
              categories.taxonomy_doc(t) AS doc
), journal AS (
    INSERT INTO categories.taxonomy_changes
           (taxonomy_id, version, tenant_id, op, actor)
    SELECT t.id, t.live_version, :tenant,
           jsonb_build_object('op', 'publish', 'diff', :diff::jsonb), :user
      FROM t
    RETURNING taxonomy_id
)
SELECT t.doc, t.version FROM t JOIN journal AS j ON j.taxonomy_id = t.id;

-- name: clashes(taxonomy_id uuid, diff jsonb) -> rows categories_pair
-- What is asked for above and below what a publication or import has moved.
SELECT r.above_doc, r.below_doc
  FROM jsonb_array_elements(:diff::jsonb -> 'changed') AS d
  JOIN categories.categories AS c
    ON c.id = (d ->> 'id')::uuid AND c.live AND c.tenant_id = :tenant
   AND c.taxonomy_id = :taxonomy_id
 CROSS JOIN LATERAL categories.relatives_of_move(c.id, c.parent_id) AS r
 WHERE d -> 'changes' ?| '{parent_id,parent}';
