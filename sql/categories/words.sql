-- Other words for a category, and foreign codes.

-- name: alias_list(id uuid) -> json?
SELECT jsonb_build_object('data', categories.aliases(c.id)), c.version
  FROM categories.categories AS c
 WHERE c.tenant_id = :tenant AND c.id = :id AND c.live;

-- name: mapping_list(id uuid) -> json?
SELECT jsonb_build_object('data', categories.mappings(c.id)), c.version
  FROM categories.categories AS c
 WHERE c.tenant_id = :tenant AND c.id = :id AND c.live;

-- name: set_aliases(id uuid, list jsonb) -> none
-- lane: writes
SELECT categories.set_aliases(:tenant, :id, :list);

-- name: set_mappings(id uuid, list jsonb) -> none
-- lane: writes
SELECT categories.set_mappings(:tenant, :id, :list);

-- name: bump(id uuid) -> none
UPDATE categories.categories SET version = version + 1, updated_at = now()
 WHERE tenant_id = :tenant AND id = :id AND live;

-- name: suggest(taxonomy text?, q text, locale text, most int) -> json?
SELECT jsonb_build_object('data',
           categories.suggest(:tenant, t.id, :q, :locale, :most))
  FROM categories.taxonomies AS t
 WHERE t.tenant_id = :tenant
   AND t.id = categories.taxonomy_of(:tenant, :taxonomy);

-- name: map(scheme text, code text, locale text) -> json?
-- What is deprecated gives way to its replacement.
SELECT jsonb_build_object('data', jsonb_agg(jsonb_build_object('id', c.id,
           'taxonomy_id', c.taxonomy_id, 'slug', c.slug,
           'name', (categories.name_of(c.id, true, :locale)).name,
           'weight', m.weight,
           'breadcrumb', categories.breadcrumb(c, :locale))
           ORDER BY m.weight DESC, c.depth DESC, c.seq))
  FROM (SELECT coalesce(own.replaced_by, own.id) AS id, max(m.weight) AS weight
          FROM categories.category_mappings AS m
          JOIN categories.categories AS own
            ON own.id = m.category_id AND own.live
         WHERE m.tenant_id = :tenant AND m.scheme = :scheme
           AND m.code = :code AND m.direction <> 'out'
         GROUP BY 1) AS m
  JOIN categories.categories AS c ON c.id = m.id AND c.live
 WHERE c.tenant_id = :tenant AND NOT categories.hidden(c.id, true)
HAVING count(*) > 0;
