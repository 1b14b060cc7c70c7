-- What other domains ask.

-- name: resolve(ids uuid[], locale text) -> rows categories_known
-- row: id uuid, taxonomy_id uuid, replaced_by uuid?, slug text, name text?,
-- row: status text, path json, breadcrumb json
SELECT c.id, c.taxonomy_id, c.replaced_by, c.slug,
       (categories.name_of(c.id, true, :locale)).name, c.status,
       l.path, l.breadcrumb
  FROM categories.categories AS c
 CROSS JOIN LATERAL (
       SELECT json_agg(a.id ORDER BY a.depth) AS path,
              json_agg((categories.name_of(a.id, true, :locale)).name
                       ORDER BY a.depth) AS breadcrumb
         FROM categories.lineage(c.id, true) AS a) AS l
 WHERE c.tenant_id = :tenant AND c.id = ANY (:ids) AND c.live;

-- name: below(id uuid) -> rows categories_below
-- row: id uuid
-- Itself first, then what stands below it, each parent before its children.
SELECT k.id
  FROM categories.categories AS c
 CROSS JOIN LATERAL (SELECT b.id, b.path FROM categories.categories AS b
                      WHERE b.path <@ c.path AND b.live OFFSET 0) AS k
 WHERE c.tenant_id = :tenant AND c.id = :id AND c.live
 ORDER BY k.path
 LIMIT 100000;

-- name: paths(a uuid, b uuid) -> row? categories_paths
-- row: path_a text, path_b text, one_tree bool
SELECT a.path::text, b.path::text, a.taxonomy_id = b.taxonomy_id
  FROM categories.categories AS a
  JOIN categories.categories AS b ON b.id = :b AND b.live
 WHERE a.tenant_id = :tenant AND a.id = :a AND a.live
   AND b.tenant_id = :tenant;

-- name: map_ids(scheme text, code text) -> rows categories_below
SELECT c.id
  FROM categories.category_mappings AS m
  JOIN categories.categories AS own ON own.id = m.category_id AND own.live
  JOIN categories.categories AS c
    ON c.id = coalesce(own.replaced_by, own.id) AND c.live
 WHERE m.tenant_id = :tenant AND m.scheme = :scheme AND m.code = :code
   AND m.direction <> 'out' AND c.status <> 'deprecated'
 GROUP BY c.id, c.live
 ORDER BY max(m.weight) DESC, max(c.depth) DESC, max(c.seq)
 LIMIT 200;
