-- Trees as documents of other systems, out and in.

-- name: export_size(taxonomy_id uuid, root uuid?) -> bigint?
-- No row where there is no such tree or part of it.
SELECT CASE WHEN :root::uuid IS NULL
       THEN (SELECT count(*) FROM (SELECT c.id FROM categories.categories AS c
                      WHERE c.taxonomy_id = t.id AND c.live
                      LIMIT 20001) AS part)
       ELSE (SELECT count(*) FROM (SELECT b.id FROM categories.categories AS r
                       JOIN categories.categories AS b
                         ON b.path <@ r.path AND b.live
                      WHERE r.id = :root AND r.live AND r.taxonomy_id = t.id
                      LIMIT 20001) AS part) END
  FROM categories.taxonomies AS t
 WHERE t.tenant_id = :tenant AND t.id = :taxonomy_id;

-- name: export_json(taxonomy_id uuid, root uuid?, most int) -> text
-- lane: slow
SELECT jsonb_build_object('format', 'json', 'rows',
           coalesce(jsonb_agg(r.doc ORDER BY r.n), '[]'))::text
  FROM categories.rows(:tenant, :taxonomy_id, :root, :most) AS r;

-- name: export_csv(taxonomy_id uuid, root uuid?, most int) -> text
-- lane: slow
SELECT categories.csv(:tenant, :taxonomy_id, :root, :most);

-- name: export_skos(taxonomy_id uuid, root uuid?, most int) -> text
-- lane: slow
SELECT categories.skos(:tenant, :taxonomy_id, :root, :most);

-- name: skos_rows(doc text) -> json?
SELECT categories.skos_rows(:doc);

-- name: import_rows(taxonomy_id uuid, list jsonb) -> json
-- lane: writes
SELECT categories.import_rows(:tenant, :taxonomy_id, :list);

-- name: import_publish(taxonomy_id uuid, diff jsonb) -> int?
WITH t AS (
    UPDATE categories.taxonomies AS t
       SET live_version = live_version + 1, updated_at = now()
     WHERE t.tenant_id = :tenant AND t.id = :taxonomy_id
    RETURNING t.id, t.live_version
)
INSERT INTO categories.taxonomy_changes
       (taxonomy_id, version, tenant_id, op, actor)
SELECT t.id, t.live_version, :tenant,
       jsonb_build_object('op', 'import', 'diff', :diff::jsonb), :user
  FROM t
RETURNING version;
