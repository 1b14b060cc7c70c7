-- Categories: trees of a hundred thousand, in tables that were just filled.
--
-- What is right in a table that was analyzed is right in one that was not: no
-- look-up offers the planner a wider index, and what compares two editions
-- looks closer only at what differs.

-- Every statement names a category or a tree besides; in a table that was never
-- analyzed this index looks as good as theirs, and is read from end to end.
DROP INDEX categories.categories_by_tenant;

-- Both look up the parent by its key and nothing else: with the taxonomy in the
-- condition a table that was never analyzed is read by taxonomy, from end to
-- end for each row.
CREATE OR REPLACE FUNCTION categories.place() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    above categories.categories;
BEGIN
    SELECT p.* INTO above FROM categories.categories AS p
     WHERE p.id = NEW.parent_id AND p.live = NEW.live;

    NEW.path := CASE WHEN above.taxonomy_id = NEW.taxonomy_id
                THEN above.path ELSE '' END || categories.label(NEW.seq);
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION categories.hold_together() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    own    categories.categories;
    above  categories.categories;
BEGIN
    SELECT c.* INTO own FROM categories.categories AS c
     WHERE c.id = NEW.id AND c.live = NEW.live;
    SELECT p.* INTO above FROM categories.categories AS p
     WHERE p.id = own.parent_id AND p.live = own.live;

    IF own.depth > (SELECT t.max_depth FROM categories.taxonomies AS t
                     WHERE t.id = own.taxonomy_id)
    THEN
        RAISE EXCEPTION USING errcode = '23514',
            constraint = 'categories_too_deep',
            message = 'a category is deeper than its taxonomy allows';
    END IF;

    IF own.path IS DISTINCT FROM
       coalesce(above.path, ''::ltree) || categories.label(own.seq)
       OR own.parent_id IS NOT NULL
          AND above.taxonomy_id IS DISTINCT FROM own.taxonomy_id
    THEN
        RAISE EXCEPTION USING errcode = '23514',
            constraint = 'categories_cycle',
            message = 'a path is not its parent''s and its own label';
    END IF;

    RETURN NULL;
END $$;


DROP FUNCTION categories.names_of(uuid, boolean);

CREATE FUNCTION categories.names_of_one(category uuid, of_live boolean)
RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT jsonb_object_agg(n.locale, jsonb_strip_nulls(
                       jsonb_build_object('name', n.name, 'plural', n.plural,
                                          'description', n.description)))
              FROM categories.category_names AS n
             WHERE n.category_id = category AND n.live = of_live);
END $$;

-- What differs: each category's members as [of the live tree, of the draft],
-- without the first where it is new, without both where it is gone.
CREATE OR REPLACE FUNCTION categories.differences(taxonomy uuid)
RETURNS TABLE (id uuid, what text, slug text, moved boolean, changes jsonb)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    WITH differs AS MATERIALIZED (
        SELECT c.id FROM categories.categories AS c
         WHERE c.taxonomy_id = taxonomy
         GROUP BY c.id, c.slug, c.status, c.parent_id, c.position,
                  c.replaced_by, c.icon_media_id, c.color
        HAVING count(*) = 1
        UNION
        SELECT n.category_id
          FROM categories.categories AS c
          JOIN categories.category_names AS n
            ON n.category_id = c.id AND n.live = c.live
         WHERE c.taxonomy_id = taxonomy
         GROUP BY n.category_id, n.locale, n.name, n.plural, n.description
        HAVING count(*) = 1
    ), old AS MATERIALIZED (
        SELECT c.*, categories.names_of_one(c.id, true) AS names
          FROM differs AS d
          JOIN categories.categories AS c ON c.id = d.id AND c.live
    ), new AS MATERIALIZED (
        SELECT c.*, categories.names_of_one(c.id, false) AS names
          FROM differs AS d
          JOIN categories.categories AS c ON c.id = d.id AND NOT c.live
    )
    SELECT coalesce(n.id, o.id),
           CASE WHEN o.id IS NULL THEN 'added'
                WHEN n.id IS NULL THEN 'removed' ELSE 'changed' END,
           coalesce(n.slug, o.slug), o.parent_id IS DISTINCT FROM n.parent_id,
           CASE WHEN o.id IS NULL THEN jsonb_build_object(
                'parent_id', n.parent_id, 'names', n.names)
           WHEN n.id IS NULL THEN '{}'
           ELSE (SELECT jsonb_object_agg(d.key, d.pair)
                   FROM (VALUES
                ('slug', jsonb_build_array(o.slug, n.slug)),
                ('status', jsonb_build_array(o.status, n.status)),
                ('parent_id', jsonb_build_array(o.parent_id, n.parent_id)),
                ('position', jsonb_build_array(o.position, n.position)),
                ('replaced_by', jsonb_build_array(o.replaced_by,
                                                  n.replaced_by)),
                ('icon_media_id', jsonb_build_array(o.icon_media_id,
                                                    n.icon_media_id)),
                ('color', jsonb_build_array(o.color, n.color)),
                ('names', jsonb_build_array(o.names, n.names))
                   ) AS d (key, pair)
                  WHERE d.pair -> 0 <> d.pair -> 1) END
      FROM old AS o FULL JOIN new AS n ON n.id = o.id;
END $$;
