-- Attributes, and values held against them.

-- name: attribute_list(id uuid, hidden bool) -> json?
-- Resolved: what the category asks for, with all that it inherits.
SELECT jsonb_build_object('data', categories.attributes(c.id))
  FROM categories.categories AS c
 WHERE c.tenant_id = :tenant AND c.id = :id AND c.live
   AND (:hidden OR NOT categories.hidden(c.id, true));

-- name: attribute_lock(id uuid) -> row? categories_attribute_row
-- row: category_id uuid, taxonomy_id uuid, version bigint, used bool,
-- row: used_options jsonb, doc jsonb
SELECT a.category_id, c.taxonomy_id, a.version, a.used,
       to_jsonb(a.used_options), categories.attribute_doc(a)
  FROM categories.category_attributes AS a
  JOIN categories.categories AS c ON c.id = a.category_id AND c.live
 WHERE a.tenant_id = :tenant AND a.id = :id
   FOR UPDATE OF a;

-- name: attribute_hold(id uuid) -> none
-- The tree that an attribute's category stands in.
SELECT pg_advisory_xact_lock(hashtext('categories'),
                             hashtext(c.taxonomy_id::text))
  FROM categories.category_attributes AS a
  JOIN categories.categories AS c ON c.id = a.category_id AND c.live
 WHERE a.tenant_id = :tenant AND a.id = :id;

-- name: relatives(id uuid, key text) -> rows categories_relative
-- row: above bool, doc jsonb
SELECT r.above, r.doc
  FROM categories.categories AS c
 CROSS JOIN LATERAL categories.relatives(c.id, :key) AS r
 WHERE c.tenant_id = :tenant AND c.id = :id AND c.live;

-- name: relatives_of_move(id uuid, parent_id uuid) -> rows categories_pair
-- row: above_doc jsonb, below_doc jsonb
SELECT r.above_doc, r.below_doc
  FROM categories.categories AS c
 CROSS JOIN LATERAL categories.relatives_of_move(c.id, :parent_id) AS r
 WHERE c.tenant_id = :tenant AND c.id = :id AND c.live;

-- name: attribute_add(id uuid, category_id uuid, key text, name jsonb,
--       kind text, unit text?, options jsonb?, needed bool, filterable bool,
--       inherit bool, position int, rules jsonb) -> json
INSERT INTO categories.category_attributes AS a
       (id, tenant_id, category_id, key, name, kind, unit, options, required,
        filterable, inherit, position, rules)
VALUES (:id, :tenant, :category_id, :key, :name, :kind, :unit, :options,
        :needed, :filterable, :inherit, :position, :rules)
RETURNING categories.attribute_doc(a), a.version;

-- name: attribute_change(id uuid, name jsonb, kind text, unit text?,
--       options jsonb?, needed bool, filterable bool, inherit bool,
--       position int, rules jsonb) -> json
UPDATE categories.category_attributes AS a
   SET name = :name, kind = :kind, unit = :unit, options = :options,
       required = :needed, filterable = :filterable, inherit = :inherit,
       position = :position, rules = :rules, version = version + 1,
       updated_at = now()
 WHERE a.tenant_id = :tenant AND a.id = :id
RETURNING categories.attribute_doc(a), a.version;

-- name: attribute_remove(id uuid) -> none
DELETE FROM categories.category_attributes
 WHERE tenant_id = :tenant AND id = :id;

-- name: asked(id uuid) -> row? categories_asked
-- row: status text, replaced_by uuid?, hidden bool, not_leaf bool,
-- row: attributes jsonb
-- What a subject that is to be filed there has to know.
SELECT c.status, c.replaced_by, categories.hidden(c.id, true),
       t.leaf_only AND EXISTS (SELECT FROM categories.categories AS k
                                WHERE k.parent_id = c.id AND k.live
                                  AND k.status <> 'deprecated'),
       categories.attributes(c.id)
  FROM categories.categories AS c
  JOIN categories.taxonomies AS t ON t.id = c.taxonomy_id
 WHERE c.tenant_id = :tenant AND c.id = :id AND c.live;
