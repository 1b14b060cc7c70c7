-- The tree as it is changed: its structure always under hold().

-- name: hold_of(id uuid) -> none
-- The tree that a category stands in, which never changes.
SELECT pg_advisory_xact_lock(hashtext('categories'),
                             hashtext(c.taxonomy_id::text))
  FROM categories.categories AS c
 WHERE c.tenant_id = :tenant AND c.id = :id
 ORDER BY c.live LIMIT 1;

-- name: lock(id uuid, live bool) -> row? categories_row
-- row: id uuid, taxonomy_id uuid, parent_id uuid?, slug text, status text,
-- row: replaced_by uuid?, icon_media_id uuid?, color text?, path text,
-- row: version bigint
SELECT c.id, c.taxonomy_id, c.parent_id, c.slug, c.status, c.replaced_by,
       c.icon_media_id, c.color, c.path::text, c.version
  FROM categories.categories AS c
 WHERE c.tenant_id = :tenant AND c.id = :id AND c.live = :live
   FOR UPDATE;

-- name: gap(taxonomy_id uuid, live bool, parent_id uuid?, after_id uuid?,
--       first bool) -> row? categories_gap
-- row: low text?, high text?, parent_status text?, parent_path text?,
-- row: sibling bool, draft bool
-- Between which two positions a category goes: after the one named, before
-- all, or at the end.  Without a row there is no such taxonomy.
SELECT low.position,
       CASE WHEN low.position IS NULL
            THEN (SELECT min(s.position) FROM categories.categories AS s
                   WHERE s.list_id = list.id AND s.live = :live)
            ELSE (SELECT min(s.position) FROM categories.categories AS s
                   WHERE s.list_id = list.id AND s.live = :live
                     AND s.position > low.position) END,
       p.status, p.path::text,
       :after_id::uuid IS NULL OR low.position IS NOT NULL,
       t.draft_version IS NOT NULL
  FROM categories.taxonomies AS t
  LEFT JOIN categories.categories AS p
    ON p.id = :parent_id AND p.live = :live AND p.taxonomy_id = t.id
 CROSS JOIN LATERAL (SELECT coalesce(:parent_id, t.id) AS id) AS list
 CROSS JOIN LATERAL (SELECT CASE
       WHEN :first THEN NULL
       WHEN :after_id::uuid IS NULL
       THEN (SELECT max(s.position) FROM categories.categories AS s
              WHERE s.list_id = list.id AND s.live = :live)
       ELSE (SELECT s.position FROM categories.categories AS s
              WHERE s.id = :after_id AND s.live = :live
                AND s.list_id = list.id) END AS position) AS low
 WHERE t.tenant_id = :tenant AND t.id = :taxonomy_id;

-- name: renumber(taxonomy_id uuid, live bool, parent_id uuid?) -> none
-- Keys have grown long: even ones of one width, in the same order.
UPDATE categories.categories AS c
   SET position = lpad(categories.label(n.n * 36), 8, '0') || 'i'
  FROM (SELECT s.id, row_number() OVER (ORDER BY s.position) AS n
          FROM categories.categories AS s
         WHERE s.list_id = coalesce(:parent_id, :taxonomy_id)
           AND s.live = :live) AS n
 WHERE c.tenant_id = :tenant AND c.id = n.id AND c.live = :live;

-- name: add(id uuid, live bool, taxonomy_id uuid, parent_id uuid?, slug text?,
--       name jsonb, position text, status text, icon_media_id uuid?,
--       color text?) -> none
INSERT INTO categories.categories (id, live, tenant_id, taxonomy_id,
            parent_id, slug, position, status, icon_media_id, color)
VALUES (:id, :live, :tenant, :taxonomy_id, :parent_id,
        coalesce(:slug, categories.slug_free(:tenant, :taxonomy_id, :live,
                                             categories.slug_of(:name))),
        :position, :status, :icon_media_id, :color);

-- name: say(id uuid, live bool, name jsonb?, plural jsonb?,
--       description jsonb?, whole bool) -> none
-- lane: writes
SELECT categories.say(:tenant, :id, :live, :name, :plural, :description,
                      :whole);

-- name: set_slugs(id uuid, slugs jsonb?, whole bool) -> none
-- lane: writes
SELECT categories.set_slugs(:tenant, :id, :slugs, :whole);

-- name: change(id uuid, live bool, slug text, status text, replaced_by uuid?,
--       icon_media_id uuid?, color text?) -> none
UPDATE categories.categories
   SET slug = :slug, status = :status, replaced_by = :replaced_by,
       icon_media_id = :icon_media_id, color = :color,
       version = version + 1, updated_at = now()
 WHERE tenant_id = :tenant AND id = :id AND live = :live;

-- name: move(id uuid, live bool, path text, parent_path text?,
--       parent_id uuid?, position text) -> none
-- The whole subtree at once; readers see it before or after.
UPDATE categories.categories AS c
   SET path = (coalesce(:parent_path, '')::ltree
               || subpath(c.path, nlevel(:path::ltree) - 1)),
       parent_id = CASE WHEN c.id = :id THEN :parent_id ELSE c.parent_id END,
       position = CASE WHEN c.id = :id THEN :position ELSE c.position END,
       version = c.version + (c.id = :id)::int,
       updated_at = CASE WHEN c.id = :id THEN now() ELSE c.updated_at END
 WHERE c.tenant_id = :tenant AND c.live = :live AND c.path <@ :path::ltree;

-- name: in_use(id uuid, live bool) -> bool
SELECT EXISTS (SELECT FROM categories.categories AS c
                WHERE c.tenant_id = :tenant AND c.parent_id = :id
                  AND c.live = :live)
       OR EXISTS (SELECT FROM categories.category_counts AS k
                   WHERE k.tenant_id = :tenant AND k.category_id = :id
                     AND k.total > 0);

-- name: remove(id uuid, live bool) -> none
DELETE FROM categories.categories
 WHERE tenant_id = :tenant AND id = :id AND live = :live;

-- name: target(into_id uuid, from_id uuid, live bool)
--       -> row? categories_target
-- row: taxonomy_id uuid, status text, path text, from_has_children bool
-- What a category is merged into, or replaced by.
SELECT c.taxonomy_id, c.status, c.path::text,
       EXISTS (SELECT FROM categories.categories AS k
                WHERE k.parent_id = :from_id AND k.live = :live
                  AND k.status <> 'deprecated')
  FROM categories.categories AS c
 WHERE c.tenant_id = :tenant AND c.id = :into_id AND c.live = :live
   FOR SHARE OF c;

-- name: flatten(from_id uuid, into_id uuid, live bool) -> none
-- What was replaced by the one is replaced by the other now.
UPDATE categories.categories
   SET replaced_by = :into_id, version = version + 1, updated_at = now()
 WHERE tenant_id = :tenant AND live = :live AND replaced_by = :from_id;

-- name: redirect(from_id uuid, into_id uuid, live bool) -> none
-- Chains are flattened as they are written: a redirect is one hop.
UPDATE categories.categories
   SET replaced_by = :into_id, status = 'deprecated', version = version + 1,
       updated_at = now()
 WHERE tenant_id = :tenant AND live = :live
   AND (id = :from_id OR replaced_by = :from_id);
