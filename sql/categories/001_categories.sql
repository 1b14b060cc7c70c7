-- Categories: taxonomies, their trees, names and slugs.
--
-- What must stay true: a category's path is its parent's path and its own
-- label, no deeper than its taxonomy allows, so that neither a cycle nor a torn
-- subtree can commit.  Labels are made of a number that never changes: a new
-- name or slug touches one row.
--
-- A category stands in the live tree or in the draft of the next one: (id,
-- live) is its key, so that one set of statements changes both.  What is only
-- of the live tree (slugs, counts) refers to (category_id, live) by a column
-- that is always true.

CREATE EXTENSION IF NOT EXISTS ltree;
CREATE EXTENSION IF NOT EXISTS unaccent;

CREATE SCHEMA categories;


-- small: a handful a tenant
CREATE TABLE categories.taxonomies (
    id             uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id      uuid NOT NULL,
    key            text NOT NULL,
    name           jsonb NOT NULL,
    subject        text NOT NULL,
    max_depth      int NOT NULL DEFAULT 8,
    leaf_only      boolean NOT NULL DEFAULT false,
    live_version   int NOT NULL DEFAULT 1,
    draft_version  int,
    version        bigint NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT taxonomies_pkey PRIMARY KEY (id),
    CONSTRAINT taxonomies_key_key UNIQUE (tenant_id, key),
    CONSTRAINT taxonomies_subject_check CHECK (subject IN
        ('place', 'business', 'event', 'content', 'service')),
    CONSTRAINT taxonomies_max_depth_check CHECK (max_depth BETWEEN 1 AND 12)
);

-- A taxonomy by its id or its key; without either the tenant's first one.
CREATE FUNCTION categories.taxonomy_of(tenant uuid, wanted text) RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT t.id FROM categories.taxonomies AS t
     WHERE t.tenant_id = tenant
       AND (wanted IS NULL OR t.key = wanted OR t.id::text = lower(wanted))
     ORDER BY t.created_at, t.id LIMIT 1
$$;


-- What each version of a tree changed; kept for ever.
CREATE TABLE categories.taxonomy_changes (
    taxonomy_id  uuid NOT NULL,
    version      int NOT NULL,
    tenant_id    uuid NOT NULL,
    op           jsonb NOT NULL,
    actor        uuid,
    at           timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT taxonomy_changes_pkey PRIMARY KEY (taxonomy_id, version),
    CONSTRAINT taxonomy_changes_taxonomy_fkey FOREIGN KEY (taxonomy_id)
        REFERENCES categories.taxonomies (id) ON DELETE CASCADE
);


-- list_id names the list of siblings: of the parent, or of the taxonomy.
CREATE TABLE categories.categories (
    id             uuid NOT NULL DEFAULT pando.uuid7(),
    live           boolean NOT NULL DEFAULT true,
    tenant_id      uuid NOT NULL,
    taxonomy_id    uuid NOT NULL,
    seq            bigint GENERATED ALWAYS AS IDENTITY,
    parent_id      uuid,
    list_id        uuid NOT NULL GENERATED ALWAYS AS
                   (coalesce(parent_id, taxonomy_id)) STORED,
    path           ltree NOT NULL,
    depth          int NOT NULL GENERATED ALWAYS AS (nlevel(path)) STORED,
    slug           text NOT NULL,
    position       text COLLATE "C" NOT NULL,
    status         text NOT NULL DEFAULT 'active',
    replaced_by    uuid,
    icon_media_id  uuid,
    color          text,
    version        bigint NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT categories_pkey PRIMARY KEY (id, live),
    CONSTRAINT categories_taxonomy_fkey FOREIGN KEY (taxonomy_id)
        REFERENCES categories.taxonomies (id),
    CONSTRAINT categories_parent_fkey FOREIGN KEY (parent_id, live)
        REFERENCES categories.categories (id, live),
    CONSTRAINT categories_replaced_by_fkey FOREIGN KEY (replaced_by, live)
        REFERENCES categories.categories (id, live),
    CONSTRAINT categories_status_check
        CHECK (status IN ('active', 'hidden', 'deprecated')),
    CONSTRAINT categories_own_parent_check CHECK (id <> parent_id),
    CONSTRAINT categories_replaced_check
        CHECK (status = 'deprecated' OR replaced_by IS NULL),
    CONSTRAINT categories_slug_check
        CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(slug) <= 80),
    CONSTRAINT categories_position_check CHECK (position ~ '^[0-9A-Za-z]+$'
        AND right(position, 1) <> '0'),
    CONSTRAINT categories_slug_key EXCLUDE USING btree
        (list_id WITH =, live WITH =, slug WITH =)
        WHERE (status <> 'deprecated') DEFERRABLE,
    CONSTRAINT categories_position_key UNIQUE (list_id, live, position)
        DEFERRABLE,
    CONSTRAINT categories_seq_key UNIQUE (taxonomy_id, live, seq),
    CONSTRAINT categories_path_key UNIQUE (taxonomy_id, live, path)
        DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX categories_by_path ON categories.categories USING gist (path);
CREATE INDEX categories_by_parent ON categories.categories (parent_id, live);
CREATE INDEX categories_by_replacement
    ON categories.categories (replaced_by, live) WHERE replaced_by IS NOT NULL;
CREATE INDEX categories_by_slug
    ON categories.categories (taxonomy_id, slug, live);
CREATE INDEX categories_by_tenant ON categories.categories (tenant_id);


-- Base 36 of seq, as ltree takes it.
CREATE FUNCTION categories.label(n bigint) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    label text := '';
BEGIN
    LOOP
        label := substr('0123456789abcdefghijklmnopqrstuvwxyz',
                        (n % 36)::int + 1, 1) || label;
        n := n / 36;
        EXIT WHEN n = 0;
    END LOOP;

    RETURN label;
END $$;


-- A new row finds its path; one that is copied brings it.
CREATE FUNCTION categories.place() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    SELECT p.path || categories.label(NEW.seq) INTO NEW.path
      FROM categories.categories AS p
     WHERE p.id = NEW.parent_id AND p.live = NEW.live
       AND p.taxonomy_id = NEW.taxonomy_id;

    IF NEW.path IS NULL THEN
        NEW.path := categories.label(NEW.seq)::ltree;
    END IF;

    RETURN NEW;
END $$;

CREATE TRIGGER categories_place BEFORE INSERT ON categories.categories
FOR EACH ROW WHEN (NEW.path IS NULL) EXECUTE FUNCTION categories.place();


CREATE FUNCTION categories.hold_together() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    own     record;
BEGIN
    SELECT c.path, c.depth, c.seq, c.parent_id, t.max_depth, p.path AS above
      INTO own
      FROM categories.categories AS c
      JOIN categories.taxonomies AS t ON t.id = c.taxonomy_id
      LEFT JOIN categories.categories AS p
        ON p.id = c.parent_id AND p.live = c.live
       AND p.taxonomy_id = c.taxonomy_id
     WHERE c.id = NEW.id AND c.live = NEW.live;

    IF own.depth > own.max_depth THEN
        RAISE EXCEPTION USING errcode = '23514',
            constraint = 'categories_too_deep',
            message = 'a category is deeper than its taxonomy allows';
    END IF;

    IF own.path IS DISTINCT FROM
       coalesce(own.above, ''::ltree) || categories.label(own.seq)
       OR (own.parent_id IS NOT NULL AND own.above IS NULL)
    THEN
        RAISE EXCEPTION USING errcode = '23514',
            constraint = 'categories_cycle',
            message = 'a path is not its parent''s and its own label';
    END IF;

    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER categories_hold_together
AFTER INSERT OR UPDATE OF parent_id, path ON categories.categories
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION categories.hold_together();


-- Names, in each language; unique among siblings after folding, so that
-- "Café" and "cafe" do not stand side by side.
CREATE FUNCTION categories.fold(name text) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE AS $$
    SELECT regexp_replace(lower(unaccent(normalize(btrim(name), NFKC))),
                          '\s+', ' ', 'g')
$$;

CREATE TABLE categories.category_names (
    category_id  uuid NOT NULL,
    live         boolean NOT NULL DEFAULT true,
    tenant_id    uuid NOT NULL,
    list_id      uuid NOT NULL,
    locale       text NOT NULL,
    name         text NOT NULL,
    folded       text NOT NULL,
    plural       text,
    description  text,

    CONSTRAINT category_names_pkey PRIMARY KEY (category_id, live, locale),
    CONSTRAINT category_names_category_fkey FOREIGN KEY (category_id, live)
        REFERENCES categories.categories (id, live) ON DELETE CASCADE,
    CONSTRAINT category_names_blank CHECK (folded <> ''),
    CONSTRAINT category_names_sibling_key
        UNIQUE (list_id, live, locale, folded) DEFERRABLE
);

-- A move takes the names along; those of a deprecated category stand in a list
-- of their own, where they are in nobody's way.
CREATE FUNCTION categories.move_names() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE categories.category_names
       SET list_id = CASE NEW.status WHEN 'deprecated' THEN NEW.id
                     ELSE coalesce(NEW.parent_id, NEW.taxonomy_id) END
     WHERE category_id = NEW.id AND live = NEW.live;
    RETURN NULL;
END $$;

CREATE TRIGGER categories_move_names
AFTER UPDATE OF parent_id, status ON categories.categories
FOR EACH ROW WHEN (OLD.parent_id IS DISTINCT FROM NEW.parent_id
                   OR OLD.status <> NEW.status)
EXECUTE FUNCTION categories.move_names();


-- Words as they came: a plain text, or {"en": ..., "de": ...}.
CREATE FUNCTION categories.spoken(words jsonb, otherwise text)
RETURNS TABLE (locale text, word text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT otherwise, words #>> '{}' WHERE jsonb_typeof(words) = 'string'
    UNION ALL
    SELECT e.key, e.value
      FROM jsonb_each_text(CASE jsonb_typeof(words)
                           WHEN 'object' THEN words ELSE '{}' END) AS e
$$;

-- The best of a category's names: the locale, its language, English, any.
CREATE FUNCTION categories.name_of(category uuid, of_live boolean, wanted text)
RETURNS categories.category_names LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    best categories.category_names;
BEGIN
    SELECT n.* INTO best FROM categories.category_names AS n
     WHERE n.category_id = category AND n.live = of_live AND n.locale = wanted;

    IF NOT FOUND THEN
        SELECT n.* INTO best FROM categories.category_names AS n
         WHERE n.category_id = category AND n.live = of_live
         ORDER BY lower(n.locale) = lower(wanted) DESC,
                  n.locale = lower(split_part(wanted, '-', 1)) DESC,
                  n.locale = 'en' DESC, n.locale
         LIMIT 1;
    END IF;

    RETURN best;
END $$;

-- Sets names, plurals and descriptions: null leaves them as they are, JSON's
-- null takes them away, and whole takes away the languages that do not come.
-- Plain text is English, or of the first language there is.
CREATE FUNCTION categories.say(tenant uuid, category uuid, of_live boolean,
    name jsonb, plural jsonb, description jsonb, whole boolean)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    main text;
BEGIN
    IF whole THEN
        DELETE FROM categories.category_names AS n
         WHERE n.tenant_id = tenant AND n.category_id = category
           AND n.live = of_live AND n.locale NOT IN
               (SELECT s.locale FROM categories.spoken(say.name, 'en') AS s);
    END IF;

    INSERT INTO categories.category_names AS n
           (category_id, live, tenant_id, list_id, locale, name, folded)
    SELECT c.id, c.live, c.tenant_id,
           CASE c.status WHEN 'deprecated' THEN c.id ELSE c.list_id END,
           s.locale, btrim(s.word), categories.fold(s.word)
      FROM categories.categories AS c, categories.spoken(say.name, 'en') AS s
     WHERE c.tenant_id = tenant AND c.id = category AND c.live = of_live
    ON CONFLICT ON CONSTRAINT category_names_pkey DO UPDATE
       SET name = excluded.name, folded = excluded.folded;

    main := (categories.name_of(category, of_live, 'en')).locale;

    IF EXISTS (SELECT s.locale FROM categories.spoken(say.plural, main) AS s
               UNION ALL
               SELECT s.locale FROM categories.spoken(say.description, main) AS s
               EXCEPT
               SELECT n.locale FROM categories.category_names AS n
                WHERE n.category_id = category AND n.live = of_live)
    THEN
        RAISE EXCEPTION USING errcode = '23514',
            constraint = 'category_names_needed',
            message = 'a text is in a language that has no name';
    END IF;

    UPDATE categories.category_names AS n
       SET plural = CASE WHEN say.plural IS NULL THEN n.plural
                    ELSE coalesce(p.word, CASE WHEN NOT whole
                         AND say.plural <> 'null' THEN n.plural END) END,
           description = CASE WHEN say.description IS NULL THEN n.description
                         ELSE coalesce(d.word, CASE WHEN NOT whole
                         AND say.description <> 'null' THEN n.description END)
                         END
      FROM categories.category_names AS m
      LEFT JOIN categories.spoken(say.plural, main) AS p ON p.locale = m.locale
      LEFT JOIN categories.spoken(say.description, main) AS d
        ON d.locale = m.locale
     WHERE n.tenant_id = tenant AND n.category_id = category
       AND n.live = of_live AND m.category_id = n.category_id
       AND m.live = n.live AND m.locale = n.locale
       AND (say.plural IS NOT NULL OR say.description IS NOT NULL);
END $$;


-- Slugs: old ones stay and lead to where the category is now.
CREATE TABLE categories.category_slugs (
    tenant_id    uuid NOT NULL,
    taxonomy_id  uuid NOT NULL,
    locale       text NOT NULL,
    slug         text NOT NULL,
    category_id  uuid NOT NULL,
    live         boolean NOT NULL GENERATED ALWAYS AS (true) STORED,
    is_current   boolean NOT NULL DEFAULT true,

    CONSTRAINT category_slugs_taken CHECK (slug <> ''),
    CONSTRAINT category_slugs_malformed
        CHECK (slug ~ '^([a-z0-9]+(-[a-z0-9]+)*)?$' AND length(slug) <= 80),
    CONSTRAINT category_slugs_pkey
        PRIMARY KEY (tenant_id, taxonomy_id, locale, slug),
    CONSTRAINT category_slugs_category_fkey FOREIGN KEY (category_id, live)
        REFERENCES categories.categories (id, live) ON DELETE CASCADE
);

CREATE INDEX category_slugs_by_category
    ON categories.category_slugs (category_id, live);
CREATE UNIQUE INDEX category_slugs_current
    ON categories.category_slugs (category_id, locale) WHERE is_current;

-- A slug of a name in English, or in the first language it is in: empty where
-- the name has no Latin letter or digit.
CREATE FUNCTION categories.slug_of(name jsonb) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(btrim(left(btrim(regexp_replace(categories.fold(s.word),
               '[^a-z0-9]+', '-', 'g'), '-'), 70), '-'), '')
      FROM categories.spoken(name, 'en') AS s
     ORDER BY s.locale = 'en' DESC, s.locale LIMIT 1
$$;

-- The slug, or the first of slug-2, slug-3 ... that is free in the taxonomy.
CREATE FUNCTION categories.slug_free(tenant uuid, taxonomy uuid,
    of_live boolean, wanted text)
RETURNS text LANGUAGE sql STABLE AS $$
    SELECT wanted || CASE n WHEN 1 THEN '' ELSE '-' || n END
      FROM generate_series(1, 10000) AS n
     WHERE NOT EXISTS (SELECT FROM categories.categories AS c
                        WHERE c.taxonomy_id = taxonomy AND c.live = of_live
                          AND c.slug = wanted
                              || CASE n WHEN 1 THEN '' ELSE '-' || n END)
       AND NOT EXISTS (SELECT FROM categories.category_slugs AS s
                        WHERE s.tenant_id = tenant
                          AND s.taxonomy_id = taxonomy AND s.locale = 'en'
                          AND s.is_current AND s.slug = wanted
                              || CASE n WHEN 1 THEN '' ELSE '-' || n END)
     LIMIT 1
$$;

-- The category's own slug, which is English, and those of other languages.  A
-- slug that it bore before is its own again, one that another has left is free;
-- one in use trips category_slugs_taken.  A deprecated category leaves its own.
CREATE FUNCTION categories.set_slugs(tenant uuid, category uuid, more jsonb,
    whole boolean)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    wanted  record;
    locales text[] := '{}';
BEGIN
    IF EXISTS (SELECT FROM categories.spoken(more, 'en') AS s
                WHERE s.locale = 'en')
    THEN
        RAISE EXCEPTION USING errcode = '23514',
            constraint = 'category_slugs_english',
            message = 'the English slug is the category''s own';
    END IF;

    FOR wanted IN
        SELECT c.taxonomy_id, 'en' AS locale, c.slug
          FROM categories.categories AS c
         WHERE c.tenant_id = tenant AND c.id = category AND c.live
           AND c.status <> 'deprecated'
        UNION ALL
        SELECT c.taxonomy_id, s.locale, s.word
          FROM categories.categories AS c, categories.spoken(more, 'en') AS s
         WHERE c.tenant_id = tenant AND c.id = category AND c.live
           AND c.status <> 'deprecated'
    LOOP
        locales := locales || wanted.locale;

        UPDATE categories.category_slugs SET is_current = false
         WHERE tenant_id = tenant AND category_id = category AND is_current
           AND locale = wanted.locale AND slug <> wanted.slug;

        INSERT INTO categories.category_slugs AS s
               (tenant_id, taxonomy_id, locale, slug, category_id)
        VALUES (tenant, wanted.taxonomy_id, wanted.locale, wanted.slug,
                category)
        ON CONFLICT ON CONSTRAINT category_slugs_pkey DO UPDATE
           SET category_id = excluded.category_id, is_current = true,
               slug = CASE WHEN s.category_id = excluded.category_id
                             OR NOT s.is_current
                      THEN excluded.slug ELSE '' END;
    END LOOP;

    IF whole OR locales = '{}' THEN
        UPDATE categories.category_slugs SET is_current = false
         WHERE tenant_id = tenant AND category_id = category AND is_current
           AND locale <> ALL (locales);
    END IF;
END $$;


-- How many subjects are filed where; kept by the events of their owners.
CREATE TABLE categories.category_counts (
    tenant_id     uuid NOT NULL,
    category_id   uuid NOT NULL,
    live          boolean NOT NULL GENERATED ALWAYS AS (true) STORED,
    subject_type  text NOT NULL,
    own           bigint NOT NULL DEFAULT 0,
    total         bigint NOT NULL DEFAULT 0,

    CONSTRAINT category_counts_pkey
        PRIMARY KEY (tenant_id, category_id, subject_type),
    CONSTRAINT category_counts_category_fkey FOREIGN KEY (category_id, live)
        REFERENCES categories.categories (id, live) ON DELETE CASCADE,
    CONSTRAINT category_counts_own_check CHECK (own >= 0),
    CONSTRAINT category_counts_total_check CHECK (total >= own)
);

CREATE INDEX category_counts_by_category
    ON categories.category_counts (category_id, live);


-- Documents
--
-- What these need to look up they do in PL/pgSQL, which keeps its plans as
-- long as the connection lives.  A function in SQL that cannot be inlined is
-- planned in each statement anew: fifteen times what reading a category costs.

CREATE FUNCTION categories.taxonomy_doc(t categories.taxonomies)
RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT jsonb_build_object(
        'id', t.id, 'key', t.key, 'name', t.name, 'subject', t.subject,
        'max_depth', t.max_depth, 'leaf_only', t.leaf_only,
        'live_version', t.live_version, 'draft_version', t.draft_version,
        'version', t.version, 'created_at', pando.rfc3339(t.created_at),
        'updated_at', pando.rfc3339(t.updated_at))
$$;

-- A category and what is above it, itself first: one look-up a level, however
-- many categories there are.
CREATE FUNCTION categories.lineage(category uuid, of_live boolean)
RETURNS SETOF categories.categories
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 4 AS $$
DECLARE
    c categories.categories;
BEGIN
    FOR level IN 1 .. 64 LOOP
        SELECT k.* INTO c FROM categories.categories AS k
         WHERE k.id = category AND k.live = of_live;
        EXIT WHEN NOT FOUND;
        RETURN NEXT c;
        category := c.parent_id;
    END LOOP;
END $$;

-- What is below a category that is not active is not shown either.
CREATE FUNCTION categories.hidden(category uuid, of_live boolean)
RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    above text;
BEGIN
    FOR level IN 1 .. 64 LOOP
        SELECT k.status, k.parent_id INTO above, category
          FROM categories.categories AS k
         WHERE k.id = category AND k.live = of_live;

        IF above <> 'active' THEN
            RETURN true;
        END IF;

        EXIT WHEN category IS NULL;
    END LOOP;

    RETURN false;
END $$;

CREATE FUNCTION categories.doc(c categories.categories, locale text)
RETURNS jsonb LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    n categories.category_names := categories.name_of(c.id, c.live, locale);
BEGIN
    RETURN jsonb_build_object(
        'id', c.id, 'taxonomy_id', c.taxonomy_id, 'parent_id', c.parent_id,
        'slug', c.slug, 'name', n.name, 'plural', n.plural,
        'description', n.description, 'status', c.status,
        'replaced_by', c.replaced_by, 'icon_media_id', c.icon_media_id,
        'color', c.color, 'depth', c.depth, 'position', c.position,
        'version', c.version, 'created_at', pando.rfc3339(c.created_at),
        'updated_at', pando.rfc3339(c.updated_at));
END $$;

CREATE FUNCTION categories.breadcrumb(c categories.categories, locale text)
RETURNS jsonb LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object(
                       'id', a.id, 'slug', a.slug, 'name',
                       (categories.name_of(a.id, a.live, locale)).name)
                       ORDER BY a.depth), '[]')
              FROM categories.lineage(c.parent_id, c.live) AS a);
END $$;

CREATE FUNCTION categories.counts(category uuid) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN (SELECT coalesce(jsonb_object_agg(k.subject_type, k.total), '{}')
              FROM categories.category_counts AS k
             WHERE k.category_id = category AND k.live);
END $$;

-- A node of the tree document, which adds the children itself.
CREATE FUNCTION categories.node(c categories.categories, locale text,
    with_counts boolean)
RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT jsonb_build_object('id', c.id, 'slug', c.slug,
               'name', (categories.name_of(c.id, c.live, locale)).name,
               'status', c.status, 'color', c.color,
               'icon_media_id', c.icon_media_id, 'version', c.version)
           || CASE WHEN with_counts
              THEN jsonb_build_object('counts', categories.counts(c.id))
              ELSE '{}' END
$$;

CREATE FUNCTION categories.detail(c categories.categories, locale text)
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
        'children', (SELECT coalesce(jsonb_agg(
                                categories.node(k, locale, true)
                                ORDER BY k.position), '[]')
                       FROM categories.categories AS k
                      WHERE k.parent_id = c.id AND k.live = c.live
                        AND k.status = 'active'));
END $$;
