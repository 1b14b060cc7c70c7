-- The tree as it is read.

-- name: tree(taxonomy_id uuid, root uuid?, depth int, locale text,
--       with_counts bool, all bool) -> json?
-- One document: the rows in preorder, each closed by as many brackets as the
-- tree climbs to the next one, so that no level is gathered twice.
WITH RECURSIVE below AS (
    SELECT c.id, c.status, 1 AS level, ARRAY[c.position] AS place
      FROM categories.categories AS c
     WHERE c.tenant_id = :tenant AND c.taxonomy_id = :taxonomy_id
       AND c.parent_id IS NOT DISTINCT FROM :root::uuid
       AND (:all OR c.status = 'active')
    UNION ALL
    SELECT c.id, c.status, b.level + 1, b.place || c.position
      FROM below AS b
      JOIN categories.categories AS c ON c.parent_id = b.id
     WHERE b.level < :depth AND (:all OR c.status = 'active')
), ordered AS (
    SELECT b.id, b.level, b.place,
           lag(b.level, 1, 0) OVER w AS before,
           lead(b.level, 1, 1) OVER w AS next
      FROM below AS b
    WINDOW w AS (ORDER BY b.place)
)
SELECT '{"taxonomy_id":' || to_json(t.id) || ',"version":' || t.live_version
       || ',"tree":[' || coalesce(
       (SELECT string_agg(
                   CASE WHEN o.before >= o.level THEN ',' ELSE '' END
                   || rtrim((categories.node(c, :locale, :with_counts))::text,
                            '}')
                   || ',"children":['
                   || repeat(']}', greatest(o.level - o.next + 1, 0)),
                   '' ORDER BY o.place)
          FROM ordered AS o
          JOIN categories.categories AS c ON c.id = o.id), '')
       || ']}'
  FROM categories.taxonomies AS t
 WHERE t.tenant_id = :tenant AND t.id = :taxonomy_id
   AND (:root::uuid IS NULL
        OR EXISTS (SELECT FROM categories.categories AS r
                    WHERE r.id = :root AND r.tenant_id = :tenant
                      AND r.taxonomy_id = t.id));

-- name: flat(taxonomy_id uuid, root uuid?, locale text, all bool) -> page
-- sort: path = path::text text
SELECT categories.doc(c, :locale) :keys
  FROM categories.categories AS c
 WHERE c.tenant_id = :tenant AND c.taxonomy_id = :taxonomy_id
   AND (:root::uuid IS NULL OR c.path <@ (SELECT r.path
                                            FROM categories.categories AS r
                                           WHERE r.id = :root))
   AND (:all OR c.status = 'active') AND :after
 ORDER BY :order LIMIT :limit;

-- name: view(id uuid, locale text) -> json?
SELECT categories.doc(c, :locale)
       || jsonb_build_object(
           'breadcrumb', categories.breadcrumb(c, :locale),
           'names', (SELECT jsonb_object_agg(n.locale, n.name)
                       FROM categories.category_names AS n
                      WHERE n.category_id = c.id),
           'children', coalesce((SELECT jsonb_agg(categories.node(k, :locale,
                                            true) ORDER BY k.position)
                          FROM categories.categories AS k
                         WHERE k.parent_id = c.id AND k.status = 'active'),
                         '[]')),
       c.version
  FROM categories.categories AS c
 WHERE c.tenant_id = :tenant AND c.id = :id;

-- name: where_to(id uuid) -> row? categories_where
-- row: status text, replaced_by uuid?
SELECT c.status, c.replaced_by
  FROM categories.categories AS c
 WHERE c.tenant_id = :tenant AND c.id = :id;

-- name: children(id uuid, locale text, all bool) -> page
-- sort: position = position text
SELECT categories.doc(c, :locale) :keys
  FROM categories.categories AS c
 WHERE c.tenant_id = :tenant AND c.parent_id = :id
   AND (:all OR c.status = 'active') AND :after
 ORDER BY :order LIMIT :limit;

-- name: ancestors(id uuid, locale text) -> json?
SELECT jsonb_build_object('data', categories.breadcrumb(c, :locale))
  FROM categories.categories AS c
 WHERE c.tenant_id = :tenant AND c.id = :id;

-- name: by_slug(taxonomy_id uuid, locale text, slug text) -> row? categories_slug
-- row: category_id uuid, is_current bool, now text
SELECT s.category_id, s.is_current, c.slug AS now
  FROM categories.category_slugs AS s
  JOIN categories.categories AS c ON c.id = s.category_id
 WHERE s.tenant_id = :tenant AND s.taxonomy_id = :taxonomy_id
   AND s.slug = :slug
   AND s.locale IN (:locale, split_part(:locale, '-', 1), 'en')
 ORDER BY s.locale = :locale DESC, s.locale = 'en'
 LIMIT 1;
