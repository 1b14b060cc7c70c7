-- Metrics: what other domains say becomes annotations, so that a change of
-- what is run stands beside what it did to the numbers.
--
-- What must stay true: how far the events were read and the notes made of them
-- are one transaction, so each event is noted once.

ALTER TABLE metrics.annotations
    ALTER COLUMN author DROP NOT NULL,
    ADD COLUMN source text;

CREATE OR REPLACE FUNCTION metrics.annotation_doc(a metrics.annotations)
RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', a.id, 'at', pando.rfc3339(a.at),
        'until', pando.rfc3339(a.until), 'text', a.text, 'tags', a.tags,
        'author', a.author, 'source', a.source)
$$;

-- Reads on in the events of all domains, one reader at a time; how many it
-- read.  What belongs to no tenant is the operator's, if there is one.  The
-- reader is there from the first look on: where metrics is not enabled nothing
-- waits for it.
CREATE FUNCTION metrics.follow(batch int, operator uuid) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    place pando.readers;
    e record;
    n int := 0;
BEGIN
    SELECT * INTO place FROM pando.readers
     WHERE name = 'metrics' FOR UPDATE SKIP LOCKED;

    IF NOT FOUND THEN
        INSERT INTO pando.readers (name) VALUES ('metrics')
        ON CONFLICT DO NOTHING;
        RETURN 0;
    END IF;

    FOR e IN
        SELECT o.xid, o.seq, coalesce(o.tenant_id, operator) AS tenant_id,
               o.type, o.data, o.actor, o.at
          FROM pando.outbox AS o
         WHERE (o.xid, o.seq) > (place.xid, place.seq)
           AND o.xid < pg_snapshot_xmin(pg_current_snapshot())
         ORDER BY o.xid, o.seq LIMIT batch
    LOOP
        n := n + 1;
        place.xid := e.xid;
        place.seq := e.seq;

        CONTINUE WHEN e.tenant_id IS NULL OR NOT (
            e.type IN ('gateway_revision.activated', 'setting.changed')
            OR split_part(e.type, '.', 1) IN ('backup', 'circuit'));

        INSERT INTO metrics.annotations
               (tenant_id, at, text, tags, author, source)
        VALUES (e.tenant_id, e.at,
                left(concat_ws(' ', e.type, coalesce(e.data ->> 'name',
                    e.data ->> 'key', e.data ->> 'upstream',
                    e.data ->> 'revision')), 1000),
                ARRAY[split_part(e.type, '.', 1)], e.actor, e.type);
    END LOOP;

    IF n > 0 THEN
        UPDATE pando.readers
           SET xid = place.xid, seq = place.seq, moved_at = now()
         WHERE name = 'metrics';
    END IF;

    RETURN n;
END $$;
