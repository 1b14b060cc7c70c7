-- Categories: one of them as it is read, which nothing is more often, in one
-- statement: a function called for each of its parts costs more than the part.

-- Its document, and whether it or one above it is hidden.  What leads to a row
-- by its key stands for itself (LIMIT 1), for in a small table a join would
-- read all rows instead.
CREATE FUNCTION categories.seen(c categories.categories, wanted text,
    OUT doc jsonb, OUT hidden boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    WITH RECURSIVE up AS (
        SELECT k.id, k.slug, k.status, k.depth, k.parent_id
          FROM categories.categories AS k
         WHERE k.id = c.parent_id AND k.live = c.live
        UNION ALL
        SELECT k.*
          FROM up
         CROSS JOIN LATERAL (SELECT k.id, k.slug, k.status, k.depth,
                                    k.parent_id
                               FROM categories.categories AS k
                              WHERE k.id = up.parent_id AND k.live = c.live
                              LIMIT 1) AS k
    ), above AS (
        SELECT bool_or(u.status <> 'active') AS hidden,
               array_agg(u.id ORDER BY u.depth) AS ids,
               jsonb_agg(jsonb_build_object('id', u.id, 'slug', u.slug,
                   'name', (SELECT n.name
                              FROM categories.category_names AS n
                             WHERE n.category_id = u.id AND n.live = c.live
                             ORDER BY n.locale = wanted DESC,
                                      lower(n.locale) = lower(wanted) DESC,
                                      n.locale = lower(split_part(wanted, '-',
                                                                  1)) DESC,
                                      n.locale = 'en' DESC, n.locale
                             LIMIT 1)) ORDER BY u.depth) AS breadcrumb
          FROM up AS u
    )
    SELECT jsonb_build_object('id', c.id, 'taxonomy_id', c.taxonomy_id,
               'parent_id', c.parent_id, 'slug', c.slug, 'name', n.name,
               'plural', n.plural, 'description', n.description,
               'status', c.status, 'replaced_by', c.replaced_by,
               'icon_media_id', c.icon_media_id, 'color', c.color,
               'depth', c.depth, 'position', c.position,
               'version', c.version,
               'created_at', pando.rfc3339(c.created_at),
               'updated_at', pando.rfc3339(c.updated_at),
               'breadcrumb', coalesce(a.breadcrumb, '[]'),
               'names', (SELECT jsonb_object_agg(n.locale, n.name)
                           FROM categories.category_names AS n
                          WHERE n.category_id = c.id AND n.live = c.live),
               'slugs', (SELECT coalesce(jsonb_object_agg(s.locale, s.slug),
                                         '{}')
                           FROM categories.category_slugs AS s
                          WHERE s.category_id = c.id AND s.live
                            AND s.is_current),
               'attributes', CASE WHEN c.live
                   THEN (SELECT coalesce(jsonb_agg(
                                    categories.attribute_doc(d.a)
                                    ORDER BY d.level, (d.a).position,
                                             (d.a).key), '[]')
                           FROM (SELECT DISTINCT ON (t.key) t AS a,
                                        array_position(a.ids || c.id,
                                            t.category_id) AS level
                                   FROM categories.category_attributes AS t
                                  WHERE t.category_id = ANY (a.ids || c.id)
                                    AND t.live
                                    AND (t.inherit OR t.category_id = c.id)
                                  ORDER BY t.key, level DESC) AS d)
                   ELSE categories.attributes(c.id) END,
               'children', (SELECT coalesce(jsonb_agg(
                                       categories.node(k, wanted, true)
                                       ORDER BY k.position), '[]')
                              FROM categories.categories AS k
                             WHERE k.parent_id = c.id AND k.live = c.live
                               AND k.status = 'active')),
           c.status <> 'active' OR coalesce(a.hidden, false)
      INTO doc, hidden
      FROM above AS a
      LEFT JOIN LATERAL (SELECT n.name, n.plural, n.description
                           FROM categories.category_names AS n
                          WHERE n.category_id = c.id AND n.live = c.live
                          ORDER BY n.locale = wanted DESC,
                                   lower(n.locale) = lower(wanted) DESC,
                                   n.locale = lower(split_part(wanted, '-', 1))
                                   DESC, n.locale = 'en' DESC, n.locale
                          LIMIT 1) AS n ON true;
END $$;

CREATE OR REPLACE FUNCTION categories.detail(c categories.categories,
    locale text)
RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT (categories.seen(c, locale)).doc
$$;
