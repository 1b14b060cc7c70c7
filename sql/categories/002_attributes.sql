-- Categories: the attributes that a category asks its subjects for.
--
-- What must stay true: below a category an attribute of the same key is only
-- ever tighter (C compares them, under the tree's lock), so what is valid for
-- a category is valid for all above it; a kind never changes once a value has
-- been filed, and an option that was filed is retired, never removed.
--
-- Attributes are of the live tree, as slugs are: a draft changes structure.

CREATE TABLE categories.category_attributes (
    id            uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id     uuid NOT NULL,
    category_id   uuid NOT NULL,
    live          boolean NOT NULL GENERATED ALWAYS AS (true) STORED,
    key           text NOT NULL,
    name          jsonb NOT NULL,
    kind          text NOT NULL,
    unit          text,
    options       jsonb,
    required      boolean NOT NULL DEFAULT false,
    filterable    boolean NOT NULL DEFAULT false,
    inherit       boolean NOT NULL DEFAULT true,
    position      int NOT NULL DEFAULT 0,
    rules         jsonb NOT NULL DEFAULT '{}',
    used          boolean NOT NULL DEFAULT false,
    used_options  text[] NOT NULL DEFAULT '{}',
    version       bigint NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT category_attributes_pkey PRIMARY KEY (id),
    CONSTRAINT category_attributes_key_key UNIQUE (category_id, key),
    CONSTRAINT category_attributes_category_fkey
        FOREIGN KEY (category_id, live)
        REFERENCES categories.categories (id, live) ON DELETE CASCADE,
    CONSTRAINT category_attributes_kind_check CHECK (kind IN ('bool', 'enum',
        'multi_enum', 'integer', 'decimal', 'text', 'range', 'money')),
    CONSTRAINT category_attributes_options_check
        CHECK ((options IS NOT NULL) = (kind IN ('enum', 'multi_enum')))
);

CREATE INDEX category_attributes_by_category
    ON categories.category_attributes (category_id, live);
CREATE INDEX category_attributes_by_key
    ON categories.category_attributes (tenant_id, key);


CREATE FUNCTION categories.attribute_doc(a categories.category_attributes)
RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT jsonb_build_object('id', a.id, 'category_id', a.category_id,
        'key', a.key, 'name', a.name, 'kind', a.kind, 'unit', a.unit,
        'options', a.options, 'required', a.required,
        'filterable', a.filterable, 'inherit', a.inherit,
        'position', a.position, 'rules', a.rules, 'version', a.version,
        'created_at', pando.rfc3339(a.created_at),
        'updated_at', pando.rfc3339(a.updated_at))
$$;

-- What a category asks for: its own and what is inherited, the deepest of a
-- key, from the top down.
CREATE FUNCTION categories.attributes(category uuid) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN (SELECT coalesce(jsonb_agg(categories.attribute_doc(d.a)
                            ORDER BY d.depth, (d.a).position, (d.a).key), '[]')
              FROM (SELECT DISTINCT ON (a.key) a AS a, l.depth
                      FROM categories.lineage(category, true) AS l
                      JOIN categories.category_attributes AS a
                        ON a.category_id = l.id AND a.live
                     WHERE a.inherit OR l.id = category
                     ORDER BY a.key, l.depth DESC) AS d);
END $$;

-- The pairs of one key that must agree, for an attribute of that category as
-- it is to be: each one above (the nearest) or below it that inherits.
CREATE FUNCTION categories.relatives(category uuid, wanted text)
RETURNS TABLE (above boolean, doc jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    (SELECT true, categories.attribute_doc(a)
       FROM categories.lineage(category, true) AS l
       JOIN categories.category_attributes AS a
         ON a.category_id = l.id AND a.live AND a.key = wanted
      WHERE l.id <> category AND a.inherit
      ORDER BY l.depth DESC LIMIT 1)
    UNION ALL
    SELECT false, categories.attribute_doc(a)
      FROM categories.categories AS c
      JOIN categories.category_attributes AS a
        ON a.tenant_id = c.tenant_id AND a.key = wanted
      JOIN categories.categories AS k
        ON k.id = a.category_id AND k.live AND k.path <@ c.path
     WHERE c.id = category AND c.live AND k.id <> c.id;
END $$;

-- The same for a subtree on its way below another category: [above, below].
CREATE FUNCTION categories.relatives_of_move(category uuid, parent uuid)
RETURNS TABLE (above_doc jsonb, below_doc jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    SELECT categories.attribute_doc(u.above), categories.attribute_doc(a)
      FROM (SELECT DISTINCT ON (a.key) a AS above
              FROM categories.lineage(parent, true) AS l
              JOIN categories.category_attributes AS a
                ON a.category_id = l.id AND a.live
             WHERE a.inherit
             ORDER BY a.key, l.depth DESC) AS u
      JOIN categories.category_attributes AS a
        ON a.tenant_id = (u.above).tenant_id AND a.key = (u.above).key
      JOIN categories.categories AS k ON k.id = a.category_id AND k.live
      JOIN categories.categories AS c
        ON c.id = category AND c.live AND k.path <@ c.path;
END $$;


-- The document of a category names what it asks for.
CREATE OR REPLACE FUNCTION categories.detail(c categories.categories,
    locale text)
RETURNS jsonb LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN categories.doc(c, locale) || jsonb_build_object(
        'breadcrumb', categories.breadcrumb(c, locale),
        'names', (SELECT jsonb_object_agg(n.locale, n.name)
                    FROM categories.category_names AS n
                   WHERE n.category_id = c.id AND n.live = c.live),
        'slugs', (SELECT coalesce(jsonb_object_agg(s.locale, s.slug), '{}')
                    FROM categories.category_slugs AS s
                   WHERE s.category_id = c.id AND s.live AND s.is_current),
        'attributes', categories.attributes(c.id),
        'children', (SELECT coalesce(jsonb_agg(
                                categories.node(k, locale, true)
                                ORDER BY k.position), '[]')
                       FROM categories.categories AS k
                      WHERE k.parent_id = c.id AND k.live = c.live
                        AND k.status = 'active'));
END $$;
