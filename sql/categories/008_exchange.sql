-- Categories: trees written out as rows, and rows read into a tree.
--
-- A row says of one category what an export says of it; a category is known by
-- its slug.  An import adds and changes, it removes nothing; what a row does
-- not mention stays.

-- A row of an export.
CREATE FUNCTION categories.row_doc(c categories.categories) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN jsonb_build_object('slug', c.slug, 'status', c.status,
               'color', c.color,
               'parent', (SELECT p.slug FROM categories.categories AS p
                           WHERE p.id = c.parent_id AND p.live = c.live),
               'aliases', categories.aliases(c.id),
               'mappings', categories.mappings(c.id))
        || (SELECT jsonb_strip_nulls(jsonb_build_object(
                'name', jsonb_object_agg(n.locale, n.name),
                'plural', jsonb_object_agg(n.locale, n.plural)
                          FILTER (WHERE n.plural IS NOT NULL),
                'description', jsonb_object_agg(n.locale, n.description)
                          FILTER (WHERE n.description IS NOT NULL)))
              FROM categories.category_names AS n
             WHERE n.category_id = c.id AND n.live = c.live);
END $$;

-- The rows of a tree, or of a part of it, each parent before its children.
CREATE FUNCTION categories.rows(tenant uuid, taxonomy uuid, root uuid,
    most int)
RETURNS TABLE (n bigint, doc jsonb) LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    WITH RECURSIVE below AS (
        SELECT c.id, ARRAY[c.position] AS place
          FROM categories.categories AS c
         WHERE c.tenant_id = tenant AND c.taxonomy_id = taxonomy AND c.live
           AND c.status <> 'deprecated'
           AND CASE WHEN root IS NULL THEN c.parent_id IS NULL
               ELSE c.id = root END
        UNION ALL
        SELECT c.id, b.place || c.position
          FROM below AS b
         CROSS JOIN LATERAL (SELECT k.id, k.position
                               FROM categories.categories AS k
                              WHERE k.list_id = b.id AND k.live
                                AND k.status <> 'deprecated'
                             OFFSET 0) AS c
    )
    SELECT row_number() OVER (ORDER BY b.place), categories.row_doc(c)
      FROM (SELECT * FROM below ORDER BY place LIMIT most) AS b
      JOIN categories.categories AS c ON c.id = b.id AND c.live
     ORDER BY b.place;
END $$;

CREATE FUNCTION categories.quoted(field text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN field ~ '[",\r\n]'
           THEN '"' || replace(field, '"', '""') || '"'
           ELSE coalesce(field, '') END
$$;

-- A line for each language of each category.
CREATE FUNCTION categories.csv(tenant uuid, taxonomy uuid, root uuid, most int)
RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN 'slug,parent,status,color,locale,name,plural,description,aliases,'
        || E'mappings\n' || coalesce((
        SELECT string_agg(concat_ws(',', r.doc ->> 'slug',
                   coalesce(r.doc ->> 'parent', ''), r.doc ->> 'status',
                   coalesce(r.doc ->> 'color', ''), l.key,
                   categories.quoted(l.value),
                   categories.quoted(r.doc -> 'plural' ->> l.key),
                   categories.quoted(r.doc -> 'description' ->> l.key),
                   categories.quoted((SELECT string_agg(a ->> 'alias', '|')
                       FROM jsonb_array_elements(r.doc -> 'aliases') AS a
                      WHERE a ->> 'locale' = l.key)),
                   CASE WHEN l.at = 1 THEN categories.quoted((
                       SELECT string_agg(concat_ws(':', m ->> 'scheme',
                                  m ->> 'direction', m ->> 'weight',
                                  m ->> 'code'), '|')
                         FROM jsonb_array_elements(r.doc -> 'mappings') AS m))
                   ELSE '' END) || E'\n', '' ORDER BY r.n, l.at)
          FROM categories.rows(tenant, taxonomy, root, most) AS r
         CROSS JOIN LATERAL jsonb_each_text(r.doc -> 'name')
               WITH ORDINALITY AS l (key, value, at)), '');
END $$;

CREATE FUNCTION categories.xml(field text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT replace(replace(replace(replace(field, '&', '&amp;'), '<', '&lt;'),
                   '>', '&gt;'), '"', '&quot;')
$$;

-- SKOS (W3C, 2009), as RDF/XML.
CREATE FUNCTION categories.skos(tenant uuid, taxonomy uuid, root uuid,
    most int)
RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    base text := 'urn:uuid:' || taxonomy || '#';
BEGIN
    RETURN '<?xml version="1.0" encoding="UTF-8"?>' || E'\n'
        || '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
        || E'\n  xmlns:skos="http://www.w3.org/2004/02/skos/core#">\n'
        || '<skos:ConceptScheme rdf:about="urn:uuid:' || taxonomy || E'"/>\n'
        || coalesce((
        SELECT string_agg('<skos:Concept rdf:about="' || base
                   || (r.doc ->> 'slug') || E'">\n'
                   || '  <skos:inScheme rdf:resource="urn:uuid:' || taxonomy
                   || E'"/>\n  <skos:notation>' || (r.doc ->> 'slug')
                   || E'</skos:notation>\n'
                   || coalesce('  <skos:broader rdf:resource="' || base
                               || (r.doc ->> 'parent') || E'"/>\n', '')
                   || (SELECT string_agg('  <skos:prefLabel xml:lang="' || key
                              || '">' || categories.xml(value)
                              || E'</skos:prefLabel>\n', '')
                         FROM jsonb_each_text(r.doc -> 'name'))
                   || coalesce((SELECT string_agg('  <skos:definition xml:lang="'
                              || key || '">' || categories.xml(value)
                              || E'</skos:definition>\n', '')
                         FROM jsonb_each_text(r.doc -> 'description')), '')
                   || coalesce((SELECT string_agg('  <skos:altLabel xml:lang="'
                              || (a ->> 'locale') || '">'
                              || categories.xml(a ->> 'alias')
                              || E'</skos:altLabel>\n', '')
                         FROM jsonb_array_elements(r.doc -> 'aliases') AS a), '')
                   || E'</skos:Concept>\n', '' ORDER BY r.n)
          FROM categories.rows(tenant, taxonomy, root, most) AS r), '')
        || E'</rdf:RDF>\n';
END $$;

-- Rows of SKOS; null where it is no such document.  What it could pull in from
-- elsewhere, or blow up to, is refused before it is parsed.
CREATE FUNCTION categories.skos_rows(doc text) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF doc ~* '<!(DOCTYPE|ENTITY)' OR NOT xml_is_well_formed_document(doc) THEN
        RETURN NULL;
    END IF;

    RETURN (SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                'slug', regexp_replace(coalesce(k.notation, k.about),
                                       '^.*[/#:]', ''),
                'name', (SELECT jsonb_object_agg(coalesce(l.lang, 'en'), l.word)
                           FROM xmltable(XMLNAMESPACES(
                                'http://www.w3.org/2004/02/skos/core#' AS skos),
                                '/c/skos:prefLabel'
                                PASSING xmlelement(name c, k.labels)
                                COLUMNS lang text PATH '@xml:lang',
                                        word text PATH '.') AS l),
                'description', (SELECT jsonb_object_agg(
                                    coalesce(l.lang, 'en'), l.word)
                           FROM xmltable(XMLNAMESPACES(
                                'http://www.w3.org/2004/02/skos/core#' AS skos),
                                '/c/skos:definition'
                                PASSING xmlelement(name c, k.notes)
                                COLUMNS lang text PATH '@xml:lang',
                                        word text PATH '.') AS l),
                'aliases', (SELECT jsonb_agg(jsonb_build_object('locale',
                                    coalesce(l.lang, 'en'), 'alias', l.word))
                           FROM xmltable(XMLNAMESPACES(
                                'http://www.w3.org/2004/02/skos/core#' AS skos),
                                '/c/skos:altLabel'
                                PASSING xmlelement(name c, k.others)
                                COLUMNS lang text PATH '@xml:lang',
                                        word text PATH '.') AS l)))
                || jsonb_build_object('parent', regexp_replace(k.broader,
                                      '^.*[/#:]', '')) ORDER BY k.at), '[]')
              FROM xmltable(XMLNAMESPACES(
                   'http://www.w3.org/1999/02/22-rdf-syntax-ns#' AS rdf,
                   'http://www.w3.org/2004/02/skos/core#' AS skos),
                   '/rdf:RDF/skos:Concept' PASSING (doc::xml)
                   COLUMNS at FOR ORDINALITY,
                           about text PATH '@rdf:about',
                           notation text PATH 'skos:notation',
                           broader text PATH 'skos:broader/@rdf:resource',
                           labels xml PATH 'skos:prefLabel',
                           notes xml PATH 'skos:definition',
                           others xml PATH 'skos:altLabel') AS k);
END $$;


-- A place at the end of a list: the first four digits count up.
CREATE FUNCTION categories.position_last(list uuid) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    digits  text := '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'
                    || 'abcdefghijklmnopqrstuvwxyz';
    last    text;
    n       bigint := 0;
BEGIN
    SELECT max(c.position) INTO last FROM categories.categories AS c
     WHERE c.list_id = list AND c.live;

    IF last IS NULL THEN
        RETURN 'A001';
    END IF;

    FOR i IN 1 .. 4 LOOP
        n := n * 62 + greatest(strpos(digits, substr(last, i, 1)), 1)
             - 1;
    END LOOP;

    n := n + CASE WHEN n % 62 = 61 THEN 2 ELSE 1 END;
    last := '';

    FOR i IN 1 .. 4 LOOP
        last := substr(digits, (n % 62)::int + 1, 1) || last;
        n := n / 62;
    END LOOP;

    RETURN last;
END $$;

-- Who has a slug today.
CREATE FUNCTION categories.with_slug(tenant uuid, taxonomy uuid, wanted text)
RETURNS categories.categories LANGUAGE plpgsql STABLE AS $$
DECLARE
    own categories.categories;
BEGIN
    SELECT c.* INTO own
      FROM categories.category_slugs AS s
      JOIN categories.categories AS c ON c.id = s.category_id AND c.live
     WHERE s.tenant_id = tenant AND s.taxonomy_id = taxonomy
       AND s.locale = 'en' AND s.slug = wanted AND s.is_current;
    RETURN own;
END $$;

-- One row into the live tree: what came of it.
CREATE FUNCTION categories.import_row(tenant uuid, taxonomy uuid, r jsonb)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    own     categories.categories;
    above   categories.categories;
    before  jsonb := '{}';
    after   jsonb;
BEGIN
    IF r ->> 'parent' IS NOT NULL THEN
        above := categories.with_slug(tenant, taxonomy, r ->> 'parent');

        IF above.id IS NULL THEN
            RAISE EXCEPTION USING errcode = '23514',
                constraint = 'parent_unknown',
                message = 'there is no such category';
        END IF;
    END IF;

    own := categories.with_slug(tenant, taxonomy, r ->> 'slug');

    IF own.id IS NULL THEN
        IF r -> 'name' IS NULL THEN
            RAISE EXCEPTION USING errcode = '23514',
                constraint = 'name_needed', message = 'a new one has a name';
        END IF;

        INSERT INTO categories.categories AS c
               (tenant_id, taxonomy_id, parent_id, slug, position)
        VALUES (tenant, taxonomy, above.id, r ->> 'slug',
                categories.position_last(coalesce(above.id, taxonomy)))
        RETURNING * INTO own;
    ELSE
        before := categories.row_doc(own);

        IF r ? 'parent' AND own.parent_id IS DISTINCT FROM above.id THEN
            IF above.path <@ own.path THEN
                RAISE EXCEPTION USING errcode = '23514',
                    constraint = 'category_cycle',
                    message = 'a category does not stand below itself';
            END IF;

            UPDATE categories.categories AS c
               SET path = coalesce(above.path, ''::ltree)
                          || subpath(c.path, nlevel(own.path) - 1),
                   parent_id = CASE WHEN c.id = own.id THEN above.id
                               ELSE c.parent_id END,
                   position = CASE WHEN c.id = own.id
                       THEN categories.position_last(coalesce(above.id,
                                                              taxonomy))
                       ELSE c.position END
             WHERE c.tenant_id = tenant AND c.live AND c.path <@ own.path;
            PERFORM categories.carry(tenant, own.id, own.parent_id, above.id);
        END IF;
    END IF;

    PERFORM categories.say(tenant, own.id, true, r -> 'name', r -> 'plural',
                           r -> 'description', false);

    UPDATE categories.categories AS c
       SET status = coalesce(r ->> 'status', c.status),
           color = CASE WHEN r ? 'color' THEN r ->> 'color' ELSE c.color END
     WHERE c.tenant_id = tenant AND c.id = own.id AND c.live;

    IF before = '{}' THEN
        PERFORM categories.set_slugs(tenant, own.id, NULL, false);
    END IF;

    IF r ? 'aliases' THEN
        PERFORM categories.set_aliases(tenant, own.id, r -> 'aliases');
    END IF;

    IF r ? 'mappings' THEN
        PERFORM categories.set_mappings(tenant, own.id, r -> 'mappings');
    END IF;

    SELECT categories.row_doc(c) INTO after FROM categories.categories AS c
     WHERE c.id = own.id AND c.live;

    IF before <> '{}' AND before <> after THEN
        UPDATE categories.categories
           SET version = version + 1, updated_at = now()
         WHERE tenant_id = tenant AND categories.id = own.id AND live;
    END IF;

    RETURN jsonb_build_object('id', own.id, 'slug', own.slug,
        'what', CASE WHEN before = '{}' THEN 'added'
                WHEN before = after THEN 'unchanged' ELSE 'changed' END,
        'changes', CASE WHEN before = '{}'
                   THEN jsonb_build_object('parent', after -> 'parent')
                   ELSE (SELECT coalesce(jsonb_object_agg(a.key,
                                    jsonb_build_array(before -> a.key,
                                                      a.value)), '{}')
                           FROM jsonb_each(after) AS a
                          WHERE a.value IS DISTINCT FROM before -> a.key) END);
END $$;

-- Some rows; one that cannot be is told so, and the next is read.
CREATE FUNCTION categories.import_rows(tenant uuid, taxonomy uuid, list jsonb)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    r      jsonb;
    why    text;
    said   text;
    out    jsonb := '[]';
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;

    FOR r IN SELECT e FROM jsonb_array_elements(list) AS e LOOP
        BEGIN
            out := out || categories.import_row(tenant, taxonomy, r);
        EXCEPTION WHEN integrity_constraint_violation OR data_exception THEN
            GET STACKED DIAGNOSTICS why = CONSTRAINT_NAME,
                                    said = MESSAGE_TEXT;
            out := out || jsonb_build_object('what', 'refused',
                'code', coalesce(nullif(why, ''), 'malformed'),
                'message', said);
        END;
    END LOOP;

    RETURN out;
END $$;
