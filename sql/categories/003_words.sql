-- Categories: other words for one, and what other schemes call it.
--
-- Both are of the live tree.  An alias is found as a name is; a foreign code
-- may lead to several categories, the heaviest first.

CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gin;

CREATE TABLE categories.category_aliases (
    category_id  uuid NOT NULL,
    live         boolean NOT NULL GENERATED ALWAYS AS (true) STORED,
    tenant_id    uuid NOT NULL,
    locale       text NOT NULL,
    alias        text NOT NULL,
    alias_norm   text NOT NULL,

    CONSTRAINT category_aliases_pkey
        PRIMARY KEY (category_id, locale, alias_norm),
    CONSTRAINT category_aliases_category_fkey FOREIGN KEY (category_id, live)
        REFERENCES categories.categories (id, live) ON DELETE CASCADE,
    CONSTRAINT category_aliases_blank CHECK (alias_norm <> '')
);

CREATE INDEX category_aliases_by_category
    ON categories.category_aliases (category_id, live);
CREATE INDEX category_aliases_by_words
    ON categories.category_aliases USING gin (tenant_id, alias_norm gin_trgm_ops);
CREATE INDEX category_names_by_words
    ON categories.category_names USING gin (tenant_id, folded gin_trgm_ops)
    WHERE live;


CREATE TABLE categories.category_mappings (
    category_id  uuid NOT NULL,
    live         boolean NOT NULL GENERATED ALWAYS AS (true) STORED,
    tenant_id    uuid NOT NULL,
    scheme       text NOT NULL,
    code         text NOT NULL,
    direction    text NOT NULL DEFAULT 'both',
    weight       float8 NOT NULL DEFAULT 1,

    CONSTRAINT category_mappings_pkey PRIMARY KEY (category_id, scheme, code),
    CONSTRAINT category_mappings_category_fkey FOREIGN KEY (category_id, live)
        REFERENCES categories.categories (id, live) ON DELETE CASCADE,
    CONSTRAINT category_mappings_scheme_check CHECK (scheme IN ('foursquare',
        'google', 'osm', 'schema_org', 'nace', 'isic', 'gpc', 'unspsc',
        'overture')),
    CONSTRAINT category_mappings_direction_check
        CHECK (direction IN ('in', 'out', 'both')),
    CONSTRAINT category_mappings_weight_check CHECK (weight BETWEEN 0 AND 1)
);

CREATE INDEX category_mappings_by_category
    ON categories.category_mappings (category_id, live);
CREATE INDEX category_mappings_by_code
    ON categories.category_mappings (tenant_id, scheme, code)
    WHERE direction <> 'out';
CREATE INDEX category_mappings_by_words
    ON categories.category_mappings (tenant_id, lower(code) COLLATE "C")
    WHERE direction <> 'out';


-- [{"locale", "alias"}], instead of those that were there.
CREATE FUNCTION categories.set_aliases(tenant uuid, category uuid, list jsonb)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM categories.category_aliases
     WHERE tenant_id = tenant AND category_id = category;

    INSERT INTO categories.category_aliases
           (category_id, tenant_id, locale, alias, alias_norm)
    SELECT category, tenant, coalesce(e ->> 'locale', 'en'),
           btrim(e ->> 'alias'), categories.fold(e ->> 'alias')
      FROM jsonb_array_elements(list) AS e
    ON CONFLICT ON CONSTRAINT category_aliases_pkey DO NOTHING;
END $$;

-- [{"scheme", "code", "direction", "weight"}], likewise.
CREATE FUNCTION categories.set_mappings(tenant uuid, category uuid, list jsonb)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM categories.category_mappings
     WHERE tenant_id = tenant AND category_id = category;

    INSERT INTO categories.category_mappings
           (category_id, tenant_id, scheme, code, direction, weight)
    SELECT category, tenant, e ->> 'scheme', btrim(e ->> 'code'),
           coalesce(e ->> 'direction', 'both'),
           coalesce((e ->> 'weight')::float8, 1)
      FROM jsonb_array_elements(list) AS e
    ON CONFLICT ON CONSTRAINT category_mappings_pkey DO NOTHING;
END $$;

CREATE FUNCTION categories.aliases(category uuid) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object(
                       'locale', a.locale, 'alias', a.alias)
                       ORDER BY a.locale, a.alias_norm), '[]')
              FROM categories.category_aliases AS a
             WHERE a.category_id = category AND a.live);
END $$;

CREATE FUNCTION categories.mappings(category uuid) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object(
                       'scheme', m.scheme, 'code', m.code,
                       'direction', m.direction, 'weight', m.weight)
                       ORDER BY m.scheme, m.weight DESC, m.code), '[]')
              FROM categories.category_mappings AS m
             WHERE m.category_id = category AND m.live);
END $$;


-- What begins with these words or nearly does: names, aliases, then codes.
-- Each way finds its own best; a category counts by its best way.
CREATE FUNCTION categories.suggest(tenant uuid, taxonomy uuid, wanted text,
    spoken text, most int)
RETURNS jsonb LANGUAGE plpgsql STABLE
SET pg_trgm.word_similarity_threshold = 0.5 AS $$
DECLARE
    q     text := categories.fold(wanted);
    like_ text := pando.like(q) || '%';
BEGIN
    RETURN (WITH hit AS (
        (SELECT n.category_id AS id, CASE WHEN n.folded = q THEN 0 ELSE 1 END
                AS rank, -length(n.folded) AS likeness, 'name' AS by,
                n.name AS word, n.locale
           FROM categories.category_names AS n
          WHERE n.tenant_id = tenant AND n.live
            AND (n.folded LIKE like_ OR n.folded LIKE '% ' || like_)
          ORDER BY n.folded LIKE like_ DESC, length(n.folded), n.folded
          LIMIT 100)
        UNION ALL
        (SELECT a.category_id, 2, -length(a.alias_norm), 'alias', a.alias,
                a.locale
           FROM categories.category_aliases AS a
          WHERE a.tenant_id = tenant
            AND (a.alias_norm LIKE like_ OR a.alias_norm LIKE '% ' || like_)
          ORDER BY length(a.alias_norm), a.alias_norm
          LIMIT 100)
        UNION ALL
        (SELECT n.category_id, 3, word_similarity(q, n.folded), 'name',
                n.name, n.locale
           FROM categories.category_names AS n
          WHERE n.tenant_id = tenant AND n.live AND q <% n.folded
          ORDER BY word_similarity(q, n.folded) DESC, n.folded
          LIMIT 50)
        UNION ALL
        (SELECT a.category_id, 4, word_similarity(q, a.alias_norm), 'alias',
                a.alias, a.locale
           FROM categories.category_aliases AS a
          WHERE a.tenant_id = tenant AND q <% a.alias_norm
          ORDER BY word_similarity(q, a.alias_norm) DESC, a.alias_norm
          LIMIT 50)
        UNION ALL
        (SELECT m.category_id, 5, m.weight, 'mapping', m.code, NULL
           FROM categories.category_mappings AS m
          WHERE m.tenant_id = tenant AND m.direction <> 'out'
            AND lower(m.code) COLLATE "C" >= q
            AND lower(m.code) COLLATE "C" < q || chr(1114111)
          ORDER BY m.weight DESC, m.code
          LIMIT 50)
    ), best AS (
        SELECT DISTINCT ON (h.id) h.*, c AS row
          FROM hit AS h
          JOIN categories.categories AS c
            ON c.id = h.id AND c.live AND c.taxonomy_id = taxonomy
           AND c.status = 'active'
         WHERE NOT categories.hidden(h.id, true)
         ORDER BY h.id, h.rank, h.locale = spoken DESC, h.likeness DESC, h.word
    )
    SELECT coalesce(jsonb_agg(jsonb_build_object('id', b.id,
               'slug', (b.row).slug,
               'name', (categories.name_of(b.id, true, spoken)).name,
               'matched', b.word, 'by', b.by,
               'breadcrumb', categories.breadcrumb(b.row, spoken))
               ORDER BY b.rank, b.likeness DESC, b.word, b.id), '[]')
      FROM (SELECT * FROM best
             ORDER BY rank, likeness DESC, word, id LIMIT most) AS b);
END $$;
