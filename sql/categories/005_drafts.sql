-- Categories: a draft of a tree, edited aside and published at one instant.
--
-- What must stay true: a draft is published only onto the version that it was
-- copied from; what stays the same keeps its row, so that what refers to the
-- live tree (slugs, counts, attributes, subjects) never notices.  Each
-- function works on a batch or on what differs: no statement grows too long.

-- Copies the rows behind that path, parents first; the last one's path, or
-- null when there are no more.
CREATE FUNCTION categories.draft_copy(tenant uuid, taxonomy uuid, behind text,
    batch int)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    last ltree;
BEGIN
    SELECT k.path INTO last
      FROM (SELECT c.path FROM categories.categories AS c
             WHERE c.taxonomy_id = taxonomy AND c.live
               AND c.path > behind::ltree
             ORDER BY c.path LIMIT batch) AS k
     ORDER BY k.path DESC LIMIT 1;

    INSERT INTO categories.categories
           (id, live, tenant_id, taxonomy_id, seq, parent_id, path, slug,
            position, status, icon_media_id, color, version, created_at,
            updated_at)
    OVERRIDING SYSTEM VALUE
    SELECT c.id, false, c.tenant_id, c.taxonomy_id, c.seq, c.parent_id, c.path,
           c.slug, c.position, c.status, c.icon_media_id, c.color, c.version,
           c.created_at, c.updated_at
      FROM categories.categories AS c
     WHERE c.tenant_id = tenant AND c.taxonomy_id = taxonomy AND c.live
       AND c.path > behind::ltree AND c.path <= last
     ORDER BY c.path;

    INSERT INTO categories.category_names
           (category_id, live, tenant_id, list_id, locale, name, folded,
            plural, description)
    SELECT n.category_id, false, n.tenant_id, n.list_id, n.locale, n.name,
           n.folded, n.plural, n.description
      FROM categories.categories AS c
      JOIN categories.category_names AS n ON n.category_id = c.id AND n.live
     WHERE c.tenant_id = tenant AND c.taxonomy_id = taxonomy AND c.live
       AND c.path > behind::ltree AND c.path <= last;

    SET CONSTRAINTS ALL IMMEDIATE;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN last::text;
END $$;

-- Removes some of the draft, children first; how many.
CREATE FUNCTION categories.draft_drop(tenant uuid, taxonomy uuid, batch int)
RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    gone int;
BEGIN
    UPDATE categories.categories SET replaced_by = NULL
     WHERE tenant_id = tenant AND taxonomy_id = taxonomy AND NOT live
       AND replaced_by IS NOT NULL;

    DELETE FROM categories.categories AS c
     WHERE c.tenant_id = tenant AND NOT c.live AND c.id IN
           (SELECT k.id FROM categories.categories AS k
             WHERE k.taxonomy_id = taxonomy AND NOT k.live
             ORDER BY k.path DESC LIMIT batch);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;


-- The names of a tree's categories, each category's as one document.
CREATE FUNCTION categories.names_of(taxonomy uuid, of_live boolean)
RETURNS TABLE (id uuid, names jsonb)
LANGUAGE sql STABLE AS $$
    SELECT n.category_id, jsonb_object_agg(n.locale, jsonb_strip_nulls(
               jsonb_build_object('name', n.name, 'plural', n.plural,
                                  'description', n.description)))
      FROM categories.categories AS c
      JOIN categories.category_names AS n
        ON n.category_id = c.id AND n.live = c.live
     WHERE c.taxonomy_id = taxonomy AND c.live = of_live
     GROUP BY n.category_id
$$;

-- What differs: each category's members as [of the live tree, of the draft],
-- without the first where it is new, without both where it is gone.
CREATE FUNCTION categories.differences(taxonomy uuid)
RETURNS TABLE (id uuid, what text, slug text, moved boolean, changes jsonb)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    WITH old AS MATERIALIZED (
        SELECT c.*, n.names FROM categories.categories AS c
          LEFT JOIN categories.names_of(taxonomy, true) AS n ON n.id = c.id
         WHERE c.taxonomy_id = taxonomy AND c.live
    ), new AS MATERIALIZED (
        SELECT c.*, n.names FROM categories.categories AS c
          LEFT JOIN categories.names_of(taxonomy, false) AS n ON n.id = c.id
         WHERE c.taxonomy_id = taxonomy AND NOT c.live
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
      FROM old AS o FULL JOIN new AS n ON n.id = o.id
     WHERE (o.id IS NULL) <> (n.id IS NULL)
        OR (o.slug, o.status, o.parent_id, o.position, o.replaced_by,
            o.icon_media_id, o.color, o.names)
           IS DISTINCT FROM
           (n.slug, n.status, n.parent_id, n.position, n.replaced_by,
            n.icon_media_id, n.color, n.names);
END $$;

CREATE FUNCTION categories.diff(t categories.taxonomies) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN jsonb_build_object('taxonomy_id', t.id, 'base', t.draft_version - 1,
               'version', t.draft_version,
               'stale', t.live_version <> t.draft_version - 1)
        || (SELECT jsonb_build_object(
                'added', coalesce(jsonb_agg(k.doc) FILTER
                                  (WHERE k.what = 'added'), '[]'),
                'changed', coalesce(jsonb_agg(k.doc) FILTER
                                    (WHERE k.what = 'changed'), '[]'),
                'removed', coalesce(jsonb_agg(k.doc) FILTER
                                    (WHERE k.what = 'removed'), '[]'))
              FROM (SELECT d.what, jsonb_build_object('id', d.id,
                           'slug', d.slug, 'changes', d.changes) AS doc
                      FROM categories.differences(t.id) AS d
                     ORDER BY d.slug, d.id) AS k);
END $$;

-- Makes the live tree what the draft is; whether anything was moved.
CREATE FUNCTION categories.draft_apply(tenant uuid, taxonomy uuid)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    moved  boolean;
    d      record;
BEGIN
    SET CONSTRAINTS ALL DEFERRED;
    CREATE TEMPORARY TABLE pando_difference ON COMMIT DROP AS
        SELECT * FROM categories.differences(taxonomy);

    INSERT INTO categories.categories
           (id, live, tenant_id, taxonomy_id, seq, parent_id, path, slug,
            position, status, icon_media_id, color)
    OVERRIDING SYSTEM VALUE
    SELECT n.id, true, n.tenant_id, n.taxonomy_id, n.seq, n.parent_id, n.path,
           n.slug, n.position, n.status, n.icon_media_id, n.color
      FROM pando_difference AS x
      JOIN categories.categories AS n ON n.id = x.id AND NOT n.live
     WHERE x.what = 'added'
     ORDER BY n.path;

    INSERT INTO categories.category_merges
           (tenant_id, category_id, into_id, sent, sent_at)
    SELECT n.tenant_id, n.id, n.replaced_by, 0, now() - interval '1 hour'
      FROM pando_difference AS x
      JOIN categories.categories AS n ON n.id = x.id AND NOT n.live
      JOIN categories.categories AS o ON o.id = x.id AND o.live
     WHERE n.replaced_by IS NOT NULL AND o.replaced_by IS NULL;

    UPDATE categories.categories AS o
       SET parent_id = n.parent_id, path = n.path, slug = n.slug,
           position = n.position, status = n.status,
           replaced_by = n.replaced_by, icon_media_id = n.icon_media_id,
           color = n.color,
           version = o.version + (o.id IN (SELECT x.id
                                             FROM pando_difference AS x))::int,
           updated_at = now()
      FROM categories.categories AS n
     WHERE o.tenant_id = tenant AND o.taxonomy_id = taxonomy AND o.live
       AND n.id = o.id AND NOT n.live
       AND (o.path <> n.path OR o.id IN (SELECT x.id
                                           FROM pando_difference AS x));

    DELETE FROM categories.category_names AS k
     WHERE k.tenant_id = tenant AND k.live
       AND k.category_id IN (SELECT x.id FROM pando_difference AS x);

    INSERT INTO categories.category_names
           (category_id, live, tenant_id, list_id, locale, name, folded,
            plural, description)
    SELECT k.category_id, true, k.tenant_id, k.list_id, k.locale, k.name,
           k.folded, k.plural, k.description
      FROM pando_difference AS x
      JOIN categories.category_names AS k
        ON k.category_id = x.id AND NOT k.live;

    DELETE FROM categories.categories AS o
     WHERE o.tenant_id = tenant AND o.live
       AND o.id IN (SELECT x.id FROM pando_difference AS x
                     WHERE x.what = 'removed');

    UPDATE categories.category_slugs AS s SET is_current = false
      FROM pando_difference AS x
     WHERE s.tenant_id = tenant AND s.category_id = x.id AND s.live
       AND s.locale = 'en' AND x.changes ? 'slug';

    FOR d IN SELECT x.id FROM pando_difference AS x
              WHERE x.what = 'added' OR x.changes ?| '{slug,status}'
              ORDER BY x.changes ? 'status' DESC, x.id
    LOOP
        PERFORM categories.set_slugs(tenant, d.id, NULL, false);
    END LOOP;

    SELECT count(*) > 0 INTO moved FROM pando_difference AS x
     WHERE x.what = 'changed' AND x.moved;

    IF moved THEN
        PERFORM categories.recount(taxonomy);
    END IF;

    DROP TABLE pando_difference;
    SET CONSTRAINTS ALL IMMEDIATE;
    RETURN moved;
END $$;
