-- The tree as it is changed: always under the taxonomy's lock.

-- name: find(id uuid) -> row? categories_row
SELECT c.id, c.taxonomy_id, c.parent_id, c.slug, c.position, c.status,
       c.replaced_by, c.icon_media_id, c.color, c.path::text, c.depth,
       c.version
  FROM categories.categories AS c
 WHERE c.tenant_id = :tenant AND c.id = :id;

-- name: lock(id uuid) -> row? categories_row
-- row: id uuid, taxonomy_id uuid, parent_id uuid?, slug text, position text,
-- row: status text, replaced_by uuid?, icon_media_id uuid?, color text?,
-- row: path text, depth int, version bigint
SELECT c.id, c.taxonomy_id, c.parent_id, c.slug, c.position, c.status,
       c.replaced_by, c.icon_media_id, c.color, c.path::text, c.depth,
       c.version
  FROM categories.categories AS c
 WHERE c.tenant_id = :tenant AND c.id = :id
   FOR UPDATE;

-- name: parent(id uuid, taxonomy_id uuid) -> row? categories_parent
-- row: id uuid, depth int, status text, path text
SELECT c.id, c.depth, c.status, c.path::text
  FROM categories.categories AS c
 WHERE c.tenant_id = :tenant AND c.id = :id AND c.taxonomy_id = :taxonomy_id
   FOR SHARE;

-- name: gap(taxonomy_id uuid, parent_id uuid?, after_id uuid?, first bool)
--       -> row categories_gap
-- row: low text?, high text?, found bool
-- Between which two positions a category goes: after the one named, before
-- all, or at the end.
WITH siblings AS (
    SELECT c.id, c.position
      FROM categories.categories AS c
     WHERE c.tenant_id = :tenant AND c.taxonomy_id = :taxonomy_id
       AND c.parent_id IS NOT DISTINCT FROM :parent_id::uuid
), low AS (
    SELECT CASE WHEN :first THEN NULL
                WHEN :after_id::uuid IS NULL
                THEN (SELECT max(s.position) FROM siblings AS s)
                ELSE (SELECT s.position FROM siblings AS s
                       WHERE s.id = :after_id) END AS position
)
SELECT low.position,
       (SELECT min(s.position) FROM siblings AS s
         WHERE low.position IS NULL OR s.position > low.position),
       :after_id::uuid IS NULL
       OR EXISTS (SELECT FROM siblings AS s WHERE s.id = :after_id)
  FROM low;

-- name: renumber(taxonomy_id uuid, parent_id uuid?, width int) -> none
-- Keys have grown long: even ones of one width, in the same order.
UPDATE categories.categories AS c
   SET position = n.position
  FROM (SELECT s.id, lpad(categories.label(row_number()
                   OVER (ORDER BY s.position) * 36), :width, '0') || 'i'
                   AS position
          FROM categories.categories AS s
         WHERE s.tenant_id = :tenant AND s.taxonomy_id = :taxonomy_id
           AND s.parent_id IS NOT DISTINCT FROM :parent_id::uuid) AS n
 WHERE c.id = n.id AND c.tenant_id = :tenant;

-- name: add(id uuid, taxonomy_id uuid, parent_id uuid?, slug text,
--       position text, status text, icon_media_id uuid?, color text?) -> none
INSERT INTO categories.categories (id, tenant_id, taxonomy_id, parent_id,
            slug, position, status, icon_media_id, color)
VALUES (:id, :tenant, :taxonomy_id, :parent_id, :slug, :position, :status,
        :icon_media_id, :color);

-- name: set_names(id uuid, taxonomy_id uuid, parent_id uuid?, locale text,
--       name jsonb?, plural jsonb?, description jsonb?) -> none
-- Plain text is of the locale; an object has its own.
INSERT INTO categories.category_names AS n (category_id, tenant_id,
            taxonomy_id, parent_id, locale, name, folded, plural, description)
SELECT :id, :tenant, :taxonomy_id, :parent_id, w.locale, w.name,
       categories.fold(w.name),
       categories.word(:plural, w.locale, :locale),
       categories.word(:description, w.locale, :locale)
  FROM categories.spoken(:name, :locale) AS w
ON CONFLICT (category_id, locale) DO UPDATE
   SET name = excluded.name, folded = excluded.folded,
       plural = coalesce(excluded.plural, n.plural),
       description = coalesce(excluded.description, n.description);

-- name: set_texts(id uuid, locale text, plural jsonb?, description jsonb?)
--       -> none
UPDATE categories.category_names AS n
   SET plural = coalesce(categories.word(:plural, n.locale, :locale), plural),
       description = coalesce(categories.word(:description, n.locale,
                                              :locale), description)
 WHERE n.category_id = :id AND n.tenant_id = :tenant;

-- name: set_slug(id uuid, taxonomy_id uuid, locale text, slug text) -> none
-- A slug that this category bore before is its own again, one that another
-- has left is free; one in use trips category_slugs_taken.
WITH retired AS (
    UPDATE categories.category_slugs SET is_current = false
     WHERE tenant_id = :tenant AND category_id = :id AND locale = :locale
       AND is_current AND slug <> :slug
    RETURNING 1
), counted AS (SELECT count(*) FROM retired)
INSERT INTO categories.category_slugs AS s
       (tenant_id, taxonomy_id, locale, slug, category_id)
SELECT :tenant, :taxonomy_id, :locale, :slug, :id FROM counted
ON CONFLICT ON CONSTRAINT category_slugs_pkey DO UPDATE
   SET category_id = excluded.category_id, is_current = true,
       slug = CASE WHEN s.category_id = excluded.category_id
                     OR NOT s.is_current THEN excluded.slug ELSE '' END;

-- name: change(id uuid, slug text, status text, replaced_by uuid?,
--       icon_media_id uuid?, color text?) -> none
UPDATE categories.categories
   SET slug = :slug, status = :status, replaced_by = :replaced_by,
       icon_media_id = :icon_media_id, color = :color,
       version = version + 1, updated_at = now()
 WHERE tenant_id = :tenant AND id = :id;

-- name: move(id uuid, taxonomy_id uuid, path text, parent_path text?,
--       parent_id uuid?, position text) -> none
-- The whole subtree at once; readers see it before or after.
UPDATE categories.categories AS c
   SET path = (coalesce(:parent_path, '')::ltree
               || subpath(c.path, nlevel(:path::ltree) - 1)),
       parent_id = CASE WHEN c.id = :id THEN :parent_id ELSE c.parent_id END,
       position = CASE WHEN c.id = :id THEN :position ELSE c.position END,
       version = c.version + (c.id = :id)::int,
       updated_at = CASE WHEN c.id = :id THEN now() ELSE c.updated_at END
 WHERE c.tenant_id = :tenant AND c.taxonomy_id = :taxonomy_id
   AND c.path <@ :path::ltree;

-- name: in_use(id uuid) -> bool
SELECT EXISTS (SELECT FROM categories.categories AS c
                WHERE c.tenant_id = :tenant AND c.parent_id = :id)
       OR EXISTS (SELECT FROM categories.category_counts AS k
                   WHERE k.tenant_id = :tenant AND k.category_id = :id
                     AND k.total > 0);

-- name: has_children(id uuid) -> bool
SELECT EXISTS (SELECT FROM categories.categories AS c
                WHERE c.tenant_id = :tenant AND c.parent_id = :id
                  AND c.status <> 'deprecated');

-- name: retire_slugs(from_id uuid, into_id uuid) -> none
-- What led to the one now leads to the other.
UPDATE categories.category_slugs
   SET category_id = :into_id, is_current = false
 WHERE tenant_id = :tenant AND category_id = :from_id;

-- name: remove(id uuid) -> affected
DELETE FROM categories.categories
 WHERE tenant_id = :tenant AND id = :id;

-- name: redirect(from_id uuid, into_id uuid) -> none
-- Chains are flattened as they are written: a redirect is one hop.
UPDATE categories.categories
   SET replaced_by = :into_id, status = 'deprecated', version = version + 1,
       updated_at = now()
 WHERE tenant_id = :tenant
   AND (id = :from_id OR replaced_by = :from_id);

-- name: touch(taxonomy_id uuid) -> none
-- Each published change of a tree is a version of it.
UPDATE categories.taxonomies
   SET live_version = live_version + 1, updated_at = now()
 WHERE tenant_id = :tenant AND id = :taxonomy_id;
