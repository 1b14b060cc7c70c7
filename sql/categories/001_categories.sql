-- Categories: taxonomies, their trees, names and slugs.
--
-- What must stay true: a category's path is its parent's path and its own
-- label, no deeper than its taxonomy allows, so that neither a cycle nor a torn
-- subtree can commit.  Labels are made of a number that never changes: a new
-- name or slug touches one row.

CREATE EXTENSION IF NOT EXISTS ltree;
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE EXTENSION IF NOT EXISTS pg_trgm;

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


CREATE TABLE categories.categories (
    id             uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id      uuid NOT NULL,
    taxonomy_id    uuid NOT NULL,
    seq            bigint GENERATED ALWAYS AS IDENTITY,
    parent_id      uuid,
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

    CONSTRAINT categories_pkey PRIMARY KEY (id),
    CONSTRAINT categories_taxonomy_fkey FOREIGN KEY (taxonomy_id)
        REFERENCES categories.taxonomies (id),
    CONSTRAINT categories_parent_fkey FOREIGN KEY (parent_id)
        REFERENCES categories.categories (id),
    CONSTRAINT categories_replaced_by_fkey FOREIGN KEY (replaced_by)
        REFERENCES categories.categories (id),
    CONSTRAINT categories_status_check
        CHECK (status IN ('active', 'hidden', 'deprecated')),
    CONSTRAINT categories_own_parent_check CHECK (id <> parent_id),
    CONSTRAINT categories_replaced_check
        CHECK (status = 'deprecated' OR replaced_by IS NULL),
    CONSTRAINT categories_slug_key UNIQUE NULLS NOT DISTINCT
        (tenant_id, taxonomy_id, parent_id, slug),
    CONSTRAINT categories_position_key UNIQUE NULLS NOT DISTINCT
        (taxonomy_id, parent_id, position) DEFERRABLE,
    CONSTRAINT categories_path_key UNIQUE (taxonomy_id, path)
        DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX categories_by_path ON categories.categories USING gist (path);
CREATE INDEX categories_by_parent
    ON categories.categories (parent_id, position);
CREATE INDEX categories_by_replacement
    ON categories.categories (replaced_by) WHERE replaced_by IS NOT NULL;
CREATE INDEX categories_by_tenant ON categories.categories (tenant_id, id);


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


CREATE FUNCTION categories.place() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    SELECT p.path || categories.label(NEW.seq) INTO NEW.path
      FROM categories.categories AS p
     WHERE p.id = NEW.parent_id AND p.taxonomy_id = NEW.taxonomy_id;

    IF NEW.path IS NULL THEN
        NEW.path := categories.label(NEW.seq)::ltree;
    END IF;

    RETURN NEW;
END $$;

CREATE TRIGGER categories_place BEFORE INSERT ON categories.categories
FOR EACH ROW EXECUTE FUNCTION categories.place();


CREATE FUNCTION categories.hold_together() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    own  categories.categories;
    deep int;
BEGIN
    SELECT * INTO own FROM categories.categories WHERE id = NEW.id;

    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    SELECT max_depth INTO deep
      FROM categories.taxonomies WHERE id = own.taxonomy_id;

    IF own.depth > deep THEN
        RAISE EXCEPTION USING errcode = '23514',
            constraint = 'categories_too_deep',
            message = 'a category is deeper than its taxonomy allows';
    END IF;

    IF own.path IS DISTINCT FROM coalesce(
        (SELECT p.path FROM categories.categories AS p
          WHERE p.id = own.parent_id AND p.taxonomy_id = own.taxonomy_id
            AND NOT p.path <@ own.path), ''::ltree)
        || categories.label(own.seq)
       OR (own.parent_id IS NOT NULL AND own.depth = 1)
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
    SELECT lower(unaccent(normalize(btrim(name), NFKC)))
$$;

CREATE TABLE categories.category_names (
    category_id  uuid NOT NULL,
    tenant_id    uuid NOT NULL,
    taxonomy_id  uuid NOT NULL,
    parent_id    uuid,
    locale       text NOT NULL,
    name         text NOT NULL,
    folded       text NOT NULL,
    plural       text,
    description  text,

    CONSTRAINT category_names_pkey PRIMARY KEY (category_id, locale),
    CONSTRAINT category_names_category_fkey FOREIGN KEY (category_id)
        REFERENCES categories.categories (id) ON DELETE CASCADE,
    CONSTRAINT category_names_sibling_key UNIQUE NULLS NOT DISTINCT
        (tenant_id, taxonomy_id, parent_id, locale, folded)
);

CREATE INDEX category_names_by_likeness
    ON categories.category_names USING gin (folded gin_trgm_ops);

-- A sibling list is known by its parent: a move takes the names along.
CREATE FUNCTION categories.move_names() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE categories.category_names
       SET parent_id = NEW.parent_id WHERE category_id = NEW.id;
    RETURN NULL;
END $$;

CREATE TRIGGER categories_move_names
AFTER UPDATE OF parent_id ON categories.categories
FOR EACH ROW WHEN (OLD.parent_id IS DISTINCT FROM NEW.parent_id)
EXECUTE FUNCTION categories.move_names();


-- Slugs: old ones stay and lead to where the category is now.
CREATE TABLE categories.category_slugs (
    tenant_id    uuid NOT NULL,
    taxonomy_id  uuid NOT NULL,
    locale       text NOT NULL,
    slug         text NOT NULL,
    category_id  uuid NOT NULL,
    is_current   boolean NOT NULL DEFAULT true,

    CONSTRAINT category_slugs_taken CHECK (slug <> ''),
    CONSTRAINT category_slugs_pkey
        PRIMARY KEY (tenant_id, taxonomy_id, locale, slug),
    CONSTRAINT category_slugs_category_fkey FOREIGN KEY (category_id)
        REFERENCES categories.categories (id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX category_slugs_current
    ON categories.category_slugs (category_id, locale) WHERE is_current;


-- How many subjects are filed where; kept by the events of their owners.
CREATE TABLE categories.category_counts (
    tenant_id     uuid NOT NULL,
    category_id   uuid NOT NULL,
    subject_type  text NOT NULL,
    own           bigint NOT NULL DEFAULT 0,
    total         bigint NOT NULL DEFAULT 0,

    CONSTRAINT category_counts_pkey
        PRIMARY KEY (tenant_id, category_id, subject_type),
    CONSTRAINT category_counts_category_fkey FOREIGN KEY (category_id)
        REFERENCES categories.categories (id) ON DELETE CASCADE,
    CONSTRAINT category_counts_own_check CHECK (own >= 0),
    CONSTRAINT category_counts_total_check CHECK (total >= own)
);


-- Documents

-- The best text of a category's names: the locale, its language, English, any.
CREATE FUNCTION categories.name_of(category uuid, wanted text)
RETURNS categories.category_names LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT n FROM categories.category_names AS n
     WHERE n.category_id = category
     ORDER BY n.locale = wanted DESC,
              n.locale = split_part(wanted, '-', 1) DESC,
              n.locale = 'en' DESC, n.locale
     LIMIT 1
$$;

CREATE FUNCTION categories.doc(c categories.categories, locale text)
RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT jsonb_build_object(
        'id', c.id, 'taxonomy_id', c.taxonomy_id, 'parent_id', c.parent_id,
        'slug', c.slug, 'name', n.name, 'plural', n.plural,
        'description', n.description, 'status', c.status,
        'replaced_by', c.replaced_by, 'icon_media_id', c.icon_media_id,
        'color', c.color, 'depth', c.depth, 'position', c.position,
        'version', c.version, 'created_at', pando.rfc3339(c.created_at),
        'updated_at', pando.rfc3339(c.updated_at))
      FROM (SELECT (categories.name_of(c.id, locale)).*) AS n
$$;

CREATE FUNCTION categories.breadcrumb(c categories.categories, locale text)
RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'id', a.id, 'slug', a.slug,
               'name', (categories.name_of(a.id, locale)).name)
               ORDER BY a.depth), '[]')
      FROM categories.categories AS a
     WHERE a.path @> c.path AND a.taxonomy_id = c.taxonomy_id
       AND a.id <> c.id
$$;

CREATE FUNCTION categories.taxonomy_doc(t categories.taxonomies)
RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT jsonb_build_object(
        'id', t.id, 'key', t.key, 'name', t.name, 'subject', t.subject,
        'max_depth', t.max_depth, 'leaf_only', t.leaf_only,
        'live_version', t.live_version, 'draft_version', t.draft_version,
        'version', t.version, 'created_at', pando.rfc3339(t.created_at),
        'updated_at', pando.rfc3339(t.updated_at))
$$;

-- A node of the tree document, which adds the children itself.
CREATE FUNCTION categories.node(c categories.categories, locale text,
    with_counts boolean)
RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT jsonb_build_object('id', c.id, 'slug', c.slug, 'name', n.name,
               'status', c.status, 'color', c.color,
               'icon_media_id', c.icon_media_id, 'version', c.version)
           || CASE WHEN with_counts THEN jsonb_build_object('counts',
                coalesce((SELECT jsonb_object_agg(k.subject_type, k.total)
                            FROM categories.category_counts AS k
                           WHERE k.tenant_id = c.tenant_id
                             AND k.category_id = c.id), '{}'))
              ELSE '{}' END
      FROM (SELECT (categories.name_of(c.id, locale)).*) AS n
$$;


-- Words as they came: a plain text, or {"en": ..., "de": ...}.
CREATE FUNCTION categories.spoken(words jsonb, otherwise text)
RETURNS TABLE (locale text, name text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT otherwise, words #>> '{}' WHERE jsonb_typeof(words) = 'string'
    UNION ALL
    SELECT e.key, e.value
      FROM jsonb_each_text(CASE jsonb_typeof(words)
                           WHEN 'object' THEN words ELSE '{}' END) AS e
$$;

CREATE FUNCTION categories.word(words jsonb, wanted text, otherwise text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT s.name FROM categories.spoken(words, otherwise) AS s
     WHERE s.locale = wanted
$$;
