-- The tree as it is read, live or as a draft.

-- name: tree(taxonomy text?, root uuid?, depth int, locale text,
--       with_counts bool, hidden bool, live bool) -> json?
-- One document: the rows in preorder, each closed by as many brackets as the
-- tree climbs to the next one, so that no level is gathered twice.  Each look-up
-- stands for itself (OFFSET 0), for nobody can foretell how much is below.
WITH RECURSIVE t AS (
    SELECT t.id, t.live_version, t.draft_version
      FROM categories.taxonomies AS t
     WHERE t.tenant_id = :tenant
       AND t.id = categories.taxonomy_of(:tenant, :taxonomy)
       AND (:live OR t.draft_version IS NOT NULL)
       AND (:root::uuid IS NULL
            OR EXISTS (SELECT FROM categories.categories AS r
                        WHERE r.id = :root AND r.live = :live
                          AND r.taxonomy_id = t.id
                          AND (:hidden OR NOT categories.hidden(r.id, :live))))
), below AS (
    SELECT c.id, 1 AS level, ARRAY[c.position] AS place
      FROM t
      JOIN categories.categories AS c
        ON c.list_id = coalesce(:root, t.id) AND c.live = :live
     WHERE :hidden OR c.status = 'active'
    UNION ALL
    SELECT c.id, b.level + 1, b.place || c.position
      FROM below AS b
     CROSS JOIN LATERAL (SELECT c.id, c.position
                           FROM categories.categories AS c
                          WHERE c.list_id = b.id AND c.live = :live
                            AND (:hidden OR c.status = 'active')
                         OFFSET 0) AS c
     WHERE b.level < :depth
), ordered AS (
    SELECT b.id, b.level, b.place,
           lag(b.level, 1, 0) OVER w AS before,
           lead(b.level, 1, 1) OVER w AS next
      FROM below AS b
    WINDOW w AS (ORDER BY b.place)
)
SELECT '{"taxonomy_id":' || to_json(t.id) || ',"version":'
       || CASE WHEN :live THEN t.live_version ELSE t.draft_version END
       || ',"tree":[' || coalesce(
       (SELECT string_agg(
                   CASE WHEN o.before >= o.level THEN ',' ELSE '' END
                   || (SELECT left(categories.node(c, :locale,
                                                   :with_counts)::text, -1)
                         FROM categories.categories AS c
                        WHERE c.id = o.id AND c.live = :live)
                   || ',"children":['
                   || repeat(']}', greatest(o.level - o.next + 1, 0)),
                   '' ORDER BY o.place)
          FROM ordered AS o), '') || ']}'
  FROM t;

-- name: part(taxonomy text?, root uuid?, hidden bool, live bool) -> uuid?
-- The taxonomy, where there is such a part of it to be seen.
SELECT t.id FROM categories.taxonomies AS t
 WHERE t.tenant_id = :tenant
   AND t.id = categories.taxonomy_of(:tenant, :taxonomy)
   AND (:live OR t.draft_version IS NOT NULL)
   AND (:root::uuid IS NULL
        OR EXISTS (SELECT FROM categories.categories AS r
                    WHERE r.id = :root AND r.live = :live
                      AND r.taxonomy_id = t.id
                      AND (:hidden OR NOT categories.hidden(r.id, :live))));

-- name: flat(taxonomy_id uuid, root uuid?, locale text, hidden bool,
--       live bool) -> page
-- sort: created_at = seq bigint
SELECT categories.doc(c, :locale) :keys
  FROM categories.categories AS c
 WHERE c.tenant_id = :tenant AND c.taxonomy_id = :taxonomy_id
   AND c.live = :live
   AND (:root::uuid IS NULL OR c.path <@ (SELECT r.path
                                            FROM categories.categories AS r
                                           WHERE r.id = :root
                                             AND r.live = :live
                                             AND r.tenant_id = :tenant))
   AND (:hidden OR NOT categories.hidden(c.id, c.live)) AND :after
 ORDER BY :order LIMIT :limit;

-- name: seen(id uuid, locale text, live bool) -> row? categories_seen
-- row: doc json, version bigint, hidden bool, replaced_by uuid?
SELECT s.doc, c.version, s.hidden, c.replaced_by
  FROM categories.categories AS c
 CROSS JOIN LATERAL categories.seen(c, :locale) AS s
 WHERE c.tenant_id = :tenant AND c.id = :id AND c.live = :live;

-- name: view(id uuid, locale text, live bool) -> json?
SELECT categories.detail(c, :locale), c.version
  FROM categories.categories AS c
 WHERE c.tenant_id = :tenant AND c.id = :id AND c.live = :live;

-- name: hidden(id uuid, live bool) -> bool?
SELECT categories.hidden(c.id, c.live)
  FROM categories.categories AS c
 WHERE c.tenant_id = :tenant AND c.id = :id AND c.live = :live;

-- name: children(id uuid, locale text, hidden bool, live bool) -> page
-- sort: position = position text
SELECT categories.doc(c, :locale) :keys
  FROM categories.categories AS c
 WHERE c.tenant_id = :tenant AND c.list_id = :id AND c.live = :live
   AND (:hidden OR c.status = 'active') AND :after
 ORDER BY :order LIMIT :limit;

-- name: ancestors(id uuid, locale text, hidden bool, live bool) -> json?
SELECT jsonb_build_object('data', categories.breadcrumb(c, :locale))
  FROM categories.categories AS c
 WHERE c.tenant_id = :tenant AND c.id = :id AND c.live = :live
   AND (:hidden OR NOT categories.hidden(c.id, c.live));

-- name: by_slug(taxonomy text?, locale text, slug text)
--       -> row? categories_by_slug
-- row: slug text, taxonomy_id uuid, doc json, version bigint, hidden bool
-- The slug is what the category, or the one that replaced it, bears today in
-- the language of the one asked for.
SELECT coalesce((SELECT k.slug FROM categories.category_slugs AS k
                  WHERE k.category_id = c.id AND k.live AND k.is_current
                    AND k.locale = s.locale), c.slug) AS slug,
       s.taxonomy_id, categories.detail(c, :locale), c.version,
       categories.hidden(c.id, c.live)
  FROM (SELECT s.category_id, s.taxonomy_id, s.locale
          FROM categories.category_slugs AS s
         WHERE s.tenant_id = :tenant AND s.slug = :slug
           AND s.taxonomy_id = categories.taxonomy_of(:tenant, :taxonomy)
           AND s.locale IN (:locale, split_part(:locale, '-', 1), 'en')
         ORDER BY s.locale = :locale DESC, s.locale = 'en'
         LIMIT 1) AS s
  JOIN categories.categories AS own ON own.id = s.category_id AND own.live
  JOIN categories.categories AS c
    ON c.id = coalesce(own.replaced_by, own.id) AND c.live;
