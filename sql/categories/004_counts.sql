-- Categories: which subjects are filed where, how many, and merges under way.
--
-- What must stay true: own is how many subjects are filed in a category, total
-- how many different ones in it and below it; what a subject's own events say
-- counts once, in the order of the subject's versions, however often and in
-- whatever order they are delivered; the mirror and the counts change in one
-- transaction.  Who counts holds the tree shared, who changes it alone.

-- What is known of each subject, gone ones for a while too: an older event
-- that comes late finds that it is late.
CREATE TABLE categories.subjects (
    tenant_id       uuid NOT NULL,
    subject_type    text NOT NULL,
    subject_id      uuid NOT NULL,
    source_version  bigint NOT NULL,
    gone_at         timestamptz,

    CONSTRAINT subjects_pkey PRIMARY KEY (tenant_id, subject_type, subject_id)
);

CREATE INDEX subjects_gone ON categories.subjects (gone_at)
    WHERE gone_at IS NOT NULL;

CREATE TABLE categories.subject_categories (
    tenant_id     uuid NOT NULL,
    subject_type  text NOT NULL,
    subject_id    uuid NOT NULL,
    category_id   uuid NOT NULL,
    live          boolean NOT NULL GENERATED ALWAYS AS (true) STORED,
    is_primary    boolean NOT NULL DEFAULT false,

    CONSTRAINT subject_categories_pkey
        PRIMARY KEY (tenant_id, subject_type, subject_id, category_id),
    CONSTRAINT subject_categories_category_fkey
        FOREIGN KEY (category_id, live)
        REFERENCES categories.categories (id, live)
);

CREATE INDEX subject_categories_by_category
    ON categories.subject_categories (category_id, live);
CREATE UNIQUE INDEX subject_categories_primary
    ON categories.subject_categories (tenant_id, subject_type, subject_id)
    WHERE is_primary;

-- Events that could not be understood, to be looked at.
-- small: what is thirty days old goes
CREATE TABLE categories.refused_events (
    id         uuid NOT NULL,
    tenant_id  uuid,
    type       text NOT NULL,
    why        text NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT refused_events_pkey PRIMARY KEY (id)
);

ALTER TABLE categories.taxonomies
    ADD COLUMN counted_at timestamptz NOT NULL DEFAULT now();

CREATE INDEX taxonomies_by_count ON categories.taxonomies (counted_at);

INSERT INTO pando.readers (name) VALUES ('categories');


-- Holds a tree for what changes no structure of it.
CREATE FUNCTION categories.hold_shared(taxonomy uuid) RETURNS void
LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock_shared(hashtext('categories'),
                                        hashtext(taxonomy::text))
$$;

-- Adds to one line of the counts, which may not be there yet.
CREATE FUNCTION categories.count(tenant uuid, category uuid, subject text,
    more_own bigint, more_total bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE categories.category_counts
       SET own = own + more_own, total = total + more_total
     WHERE tenant_id = tenant AND category_id = category
       AND subject_type = subject;

    IF NOT FOUND THEN
        INSERT INTO categories.category_counts
               (tenant_id, category_id, subject_type, own, total)
        VALUES (tenant, category, subject, more_own, more_total);
    END IF;
END $$;


-- Files a subject in these categories and no others, in none when it is gone.
-- False where something younger was said of it before.
CREATE FUNCTION categories.file(tenant uuid, subject text, id uuid,
    wanted uuid[], main uuid, said bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    filed  uuid[];
    line   record;
BEGIN
    INSERT INTO categories.subjects AS s
           (tenant_id, subject_type, subject_id, source_version, gone_at)
    VALUES (tenant, subject, file.id, said,
            CASE WHEN wanted = '{}' THEN now() END)
    ON CONFLICT ON CONSTRAINT subjects_pkey DO UPDATE
       SET source_version = said, gone_at = excluded.gone_at
     WHERE s.source_version < said;

    IF NOT FOUND THEN
        RETURN false;
    END IF;

    filed := ARRAY(SELECT f.category_id FROM categories.subject_categories AS f
                    WHERE f.tenant_id = tenant AND f.subject_type = subject
                      AND f.subject_id = file.id);

    PERFORM categories.hold_shared(t.taxonomy_id)
       FROM (SELECT DISTINCT c.taxonomy_id FROM categories.categories AS c
              WHERE c.id = ANY (wanted || filed) AND c.live
              ORDER BY 1) AS t;

    wanted := ARRAY(SELECT c.id FROM categories.categories AS c
                     WHERE c.tenant_id = tenant AND c.id = ANY (wanted)
                       AND c.live);

    FOR line IN
        WITH old AS (
            SELECT DISTINCT l.id, l.path FROM unnest(filed) AS c (id)
             CROSS JOIN LATERAL categories.lineage(c.id, true) AS l
        ), new AS (
            SELECT DISTINCT l.id, l.path FROM unnest(wanted) AS c (id)
             CROSS JOIN LATERAL categories.lineage(c.id, true) AS l
        )
        SELECT coalesce(n.id, o.id) AS id,
               (coalesce(n.id, o.id) = ANY (wanted))::int
               - (coalesce(n.id, o.id) = ANY (filed))::int AS own,
               (n.id IS NOT NULL)::int - (o.id IS NOT NULL)::int AS total
          FROM old AS o FULL JOIN new AS n ON n.id = o.id
         ORDER BY coalesce(n.path, o.path)
    LOOP
        IF line.own <> 0 OR line.total <> 0 THEN
            PERFORM categories.count(tenant, line.id, subject, line.own,
                                     line.total);
        END IF;
    END LOOP;

    DELETE FROM categories.subject_categories AS f
     WHERE f.tenant_id = tenant AND f.subject_type = subject
       AND f.subject_id = file.id
       AND (f.is_primary OR f.category_id <> ALL (wanted));

    INSERT INTO categories.subject_categories
           (tenant_id, subject_type, subject_id, category_id, is_primary)
    SELECT tenant, subject, file.id, c.id, c.id IS NOT DISTINCT FROM main
      FROM unnest(wanted) AS c (id)
    ON CONFLICT ON CONSTRAINT subject_categories_pkey DO UPDATE
       SET is_primary = excluded.is_primary;

    RETURN true;
END $$;

-- Which attributes have values, and which of their options were chosen.
CREATE FUNCTION categories.mark_used(wanted uuid[], given jsonb)
RETURNS void LANGUAGE sql AS $$
    UPDATE categories.category_attributes AS a
       SET used = true,
           used_options = ARRAY(SELECT DISTINCT u.o FROM unnest(
                                a.used_options || m.chosen) AS u (o)
                                 ORDER BY 1)
      FROM (SELECT DISTINCT k.id, CASE WHEN k.options IS NULL THEN '{}'
                   WHEN jsonb_typeof(v.value) = 'array'
                   THEN ARRAY(SELECT jsonb_array_elements_text(v.value))
                   ELSE ARRAY[v.value #>> '{}'] END AS chosen
              FROM unnest(wanted) AS c (id)
             CROSS JOIN LATERAL categories.lineage(c.id, true) AS l
              JOIN categories.category_attributes AS k
                ON k.category_id = l.id AND k.live
              JOIN jsonb_each(given) AS v ON v.key = k.key
             WHERE v.value <> 'null') AS m
     WHERE a.id = m.id AND NOT (a.used AND a.used_options @> m.chosen)
$$;


-- A subtree has moved: what is below it counts for those above it now.
CREATE FUNCTION categories.carry(tenant uuid, category uuid, from_parent uuid,
    to_parent uuid)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    own_path ltree;
    line     record;
BEGIN
    SELECT c.path INTO own_path FROM categories.categories AS c
     WHERE c.tenant_id = tenant AND c.id = category AND c.live;

    FOR line IN
        WITH old AS (SELECT l.id, l.path
                       FROM categories.lineage(from_parent, true) AS l),
        new AS (SELECT l.id, l.path
                  FROM categories.lineage(to_parent, true) AS l),
        carried AS MATERIALIZED (
            SELECT DISTINCT f.subject_type, f.subject_id
              FROM categories.categories AS k
              JOIN categories.subject_categories AS f
                ON f.category_id = k.id AND f.live
             WHERE k.path <@ own_path AND k.live
        )
        SELECT a.id, s.subject_type, a.more * count(*) AS total
          FROM (SELECT n.id, n.path, 1 AS more FROM new AS n
                 WHERE n.id NOT IN (SELECT id FROM old)
                UNION ALL
                SELECT o.id, o.path, -1 FROM old AS o
                 WHERE o.id NOT IN (SELECT id FROM new)) AS a
         CROSS JOIN carried AS s
         WHERE NOT EXISTS (
               SELECT FROM categories.subject_categories AS f
                 JOIN categories.categories AS k
                   ON k.id = f.category_id AND k.live
                WHERE f.tenant_id = tenant
                  AND f.subject_type = s.subject_type
                  AND f.subject_id = s.subject_id
                  AND k.path <@ a.path AND NOT k.path <@ own_path)
         GROUP BY a.id, a.path, a.more, s.subject_type
         ORDER BY a.path
    LOOP
        PERFORM categories.count(tenant, line.id, line.subject_type, 0,
                                 line.total);
    END LOOP;
END $$;

-- The counts of a tree from the mirror; how many of them were wrong.
CREATE FUNCTION categories.recount(taxonomy uuid) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    wrong int;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('categories'),
                                  hashtext(taxonomy::text));

    WITH filed AS MATERIALIZED (
        SELECT f.tenant_id, f.subject_type, f.subject_id, k.id, k.path
          FROM categories.categories AS k
          JOIN categories.subject_categories AS f
            ON f.category_id = k.id AND f.live
         WHERE k.taxonomy_id = taxonomy AND k.live
    ), totals AS (
        SELECT f.tenant_id, f.subject_type, a.id,
               count(DISTINCT f.subject_id) AS total,
               count(DISTINCT f.subject_id) FILTER (WHERE f.id = a.id) AS own
          FROM filed AS f
         CROSS JOIN LATERAL categories.lineage(f.id, true) AS a
         GROUP BY 1, 2, 3
    ), kept AS (
        SELECT k.* FROM categories.category_counts AS k
          JOIN categories.categories AS c
            ON c.id = k.category_id AND c.live
         WHERE c.taxonomy_id = taxonomy AND (k.own > 0 OR k.total > 0)
    ), mended AS (
        INSERT INTO categories.category_counts AS k
               (tenant_id, category_id, subject_type, own, total)
        SELECT coalesce(t.tenant_id, w.tenant_id),
               coalesce(t.id, w.category_id),
               coalesce(t.subject_type, w.subject_type),
               coalesce(t.own, 0), coalesce(t.total, 0)
          FROM totals AS t
          FULL JOIN kept AS w
            ON w.category_id = t.id AND w.subject_type = t.subject_type
         WHERE (t.own, t.total) IS DISTINCT FROM (w.own, w.total)
        ON CONFLICT ON CONSTRAINT category_counts_pkey DO UPDATE
           SET own = excluded.own, total = excluded.total
        RETURNING 1
    )
    SELECT count(*) INTO wrong FROM mended;

    UPDATE categories.taxonomies SET counted_at = now() WHERE id = taxonomy;
    RETURN wrong;
END $$;

-- The tree that was counted longest ago, if that is so many hours; null: none.
CREATE FUNCTION categories.recount_next(hours int) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    next uuid;
BEGIN
    SELECT t.id INTO next FROM categories.taxonomies AS t
     WHERE t.counted_at < now() - make_interval(hours => hours)
     ORDER BY t.counted_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;

    RETURN CASE WHEN FOUND THEN categories.recount(next) END;
END $$;


-- Merges: open until nothing is filed in the category that went.
CREATE TABLE categories.category_merges (
    id           uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id    uuid NOT NULL,
    category_id  uuid NOT NULL,
    live         boolean NOT NULL GENERATED ALWAYS AS (true) STORED,
    into_id      uuid NOT NULL,
    opened_at    timestamptz NOT NULL DEFAULT now(),
    sent         int NOT NULL DEFAULT 1,
    sent_at      timestamptz NOT NULL DEFAULT now(),
    closed_at    timestamptz,

    CONSTRAINT category_merges_pkey PRIMARY KEY (id),
    CONSTRAINT category_merges_category_fkey FOREIGN KEY (category_id, live)
        REFERENCES categories.categories (id, live) ON DELETE CASCADE
);

CREATE INDEX category_merges_by_category
    ON categories.category_merges (category_id, live);
CREATE INDEX category_merges_open
    ON categories.category_merges (sent_at) WHERE closed_at IS NULL;

CREATE TABLE categories.category_merge_acks (
    merge_id   uuid NOT NULL,
    tenant_id  uuid NOT NULL,
    module     text NOT NULL,
    moved      bigint NOT NULL,
    remaining  bigint NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT category_merge_acks_pkey PRIMARY KEY (merge_id, module),
    CONSTRAINT category_merge_acks_merge_fkey FOREIGN KEY (merge_id)
        REFERENCES categories.category_merges (id) ON DELETE CASCADE
);

CREATE FUNCTION categories.merge_doc(m categories.category_merges)
RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN jsonb_build_object('category_id', m.category_id,
        'into_id', m.into_id, 'opened_at', pando.rfc3339(m.opened_at),
        'closed_at', pando.rfc3339(m.closed_at), 'sent', m.sent,
        'remaining', (SELECT coalesce(sum(k.own), 0)
                        FROM categories.category_counts AS k
                       WHERE k.category_id = m.category_id AND k.live),
        'modules', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                        'module', a.module, 'moved', a.moved,
                        'remaining', a.remaining, 'at', pando.rfc3339(a.at))
                        ORDER BY a.module), '[]')
                      FROM categories.category_merge_acks AS a
                     WHERE a.merge_id = m.id));
END $$;

-- Closes what is done and tells again of what is not, each time after twice as
-- long, an hour at most; how many are open.
CREATE FUNCTION categories.follow_merges(seconds int) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    m  categories.category_merges;
BEGIN
    FOR m IN
        SELECT * FROM categories.category_merges
         WHERE closed_at IS NULL ORDER BY sent_at LIMIT 100
           FOR UPDATE SKIP LOCKED
    LOOP
        IF NOT EXISTS (SELECT FROM categories.category_counts AS k
                        WHERE k.category_id = m.category_id AND k.live
                          AND k.own > 0)
        THEN
            UPDATE categories.category_merges SET closed_at = now()
             WHERE id = m.id;
        ELSIF m.sent_at + least(make_interval(secs => seconds)
                                * 2 ^ least(m.sent - 1, 20),
                                interval '1 hour') <= now()
        THEN
            UPDATE categories.category_merges
               SET sent = sent + 1, sent_at = now() WHERE id = m.id;
            PERFORM pando.emit(m.tenant_id, 'taxonomy_category.merged', 1,
                               c.id, categories.detail(c, 'en'))
               FROM categories.categories AS c
              WHERE c.id = m.category_id AND c.live;
        END IF;
    END LOOP;

    RETURN (SELECT count(*) FROM categories.category_merges
             WHERE closed_at IS NULL);
END $$;


-- One event of another domain.
CREATE FUNCTION categories.hear(tenant uuid, type text, subject uuid,
    data jsonb)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    kind    text := split_part(type, '.', 1);
    listed  boolean := type IN ('place.published', 'place.updated',
                                'business.updated', 'event.published',
                                'content.published')
                       AND coalesce(data ->> 'status', 'published') IN
                           ('published', 'temporarily_closed', 'active');
    wanted  uuid[] := '{}';
BEGIN
    IF listed THEN
        wanted := ARRAY(SELECT DISTINCT e::uuid FROM jsonb_array_elements_text(
                   coalesce(data -> 'category_ids', '[]')) AS e);
    END IF;

    IF categories.file(tenant, kind, subject, wanted,
                       (data ->> 'primary_category_id')::uuid,
                       coalesce((data ->> 'version')::bigint, 1))
       AND jsonb_typeof(data -> 'attributes') = 'object'
    THEN
        PERFORM categories.mark_used(wanted, data -> 'attributes');
    END IF;
END $$;

-- Reads on in the events of all domains, one reader at a time; how many it
-- read.  One that cannot be understood is put aside, and the next is heard.
CREATE FUNCTION categories.follow(batch int) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    place  pando.readers;
    e      record;
    n      int := 0;
BEGIN
    SELECT * INTO place FROM pando.readers
     WHERE name = 'categories' FOR UPDATE SKIP LOCKED;

    IF NOT FOUND THEN
        RETURN 0;
    END IF;

    FOR e IN
        SELECT o.* FROM pando.outbox AS o
         WHERE (o.xid, o.seq) > (place.xid, place.seq)
           AND o.xid < pg_snapshot_xmin(pg_current_snapshot())
         ORDER BY o.xid, o.seq LIMIT batch
    LOOP
        n := n + 1;
        place.xid := e.xid;
        place.seq := e.seq;

        IF e.type IN ('place.published', 'place.updated', 'place.closed',
            'place.hidden', 'place.deleted', 'place.merged',
            'business.updated', 'business.closed', 'event.published',
            'event.canceled', 'content.published', 'content.unpublished')
           AND e.tenant_id IS NOT NULL AND e.subject IS NOT NULL
        THEN
            BEGIN
                PERFORM categories.hear(e.tenant_id, e.type, e.subject,
                                        e.data);
            EXCEPTION WHEN data_exception OR integrity_constraint_violation
            THEN
                INSERT INTO categories.refused_events
                       (id, tenant_id, type, why)
                VALUES (e.id, e.tenant_id, e.type, sqlerrm)
                ON CONFLICT ON CONSTRAINT refused_events_pkey DO NOTHING;
            END;
        END IF;
    END LOOP;

    IF n > 0 THEN
        UPDATE pando.readers
           SET xid = place.xid, seq = place.seq, moved_at = now()
         WHERE name = 'categories';
    END IF;

    RETURN n;
END $$;

-- What is kept for a while only.
CREATE FUNCTION categories.forget() RETURNS void LANGUAGE sql AS $$
    DELETE FROM categories.subjects
     WHERE (tenant_id, subject_type, subject_id) IN
           (SELECT s.tenant_id, s.subject_type, s.subject_id
              FROM categories.subjects AS s
             WHERE s.gone_at < now() - interval '30 days'
             ORDER BY s.gone_at LIMIT 1000);
    DELETE FROM categories.refused_events
     WHERE at < now() - interval '30 days';
$$;
