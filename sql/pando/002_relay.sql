-- The relay: what the consumers of events have handled, and what they have
-- not managed to.
--
-- What must stay true: that an event was handled, or put aside, is a row of
-- the same transaction as the effect; what is put aside is whole, since the
-- outbox forgets; of one subject the next is due when the one before is done
-- with or given up.

-- Where a worker's connection asks for it, the client is told that a
-- transaction emits, and can wake who listens when that is committed.  No
-- NOTIFY here: PostgreSQL lets one such transaction commit at a time.
CREATE OR REPLACE FUNCTION pando.emit(tenant uuid, type text, schema int,
    subject uuid, data jsonb, actor uuid DEFAULT NULL, trace text DEFAULT NULL)
RETURNS uuid LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    event uuid := pando.uuid7();
BEGIN
    INSERT INTO pando.outbox (id, tenant_id, type, schema, subject, data,
                              actor, trace)
    VALUES (event, tenant, type, schema, subject, data, actor, trace);

    IF current_setting('pando.told', true) = 'on' THEN
        RAISE NOTICE 'pando.emit';
    END IF;

    RETURN event;
END $$;

-- What a consumer has handled and its reader has not passed yet.
CREATE TABLE pando.inbox (
    consumer  text NOT NULL,
    xid       xid8 NOT NULL,
    seq       bigint NOT NULL,

    CONSTRAINT inbox_pkey PRIMARY KEY (consumer, xid, seq)
) WITH (autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_vacuum_insert_scale_factor = 0.1);

-- What a consumer failed at: due again, behind another of its subject (due_at
-- is null), or parked, until somebody looks at it.
CREATE TABLE pando.parked (
    id         uuid NOT NULL DEFAULT pando.uuid7(),
    consumer   text NOT NULL,
    xid        xid8 NOT NULL,
    seq        bigint NOT NULL,
    event      uuid NOT NULL,
    tenant_id  uuid,
    type       text NOT NULL,
    schema     int NOT NULL,
    subject    uuid,
    data       jsonb NOT NULL,
    actor      uuid,
    trace      text,
    at         timestamptz NOT NULL,
    attempts   int NOT NULL,
    error      text,
    due_at     timestamptz,
    parked_at  timestamptz,

    CONSTRAINT parked_pkey PRIMARY KEY (id),
    CONSTRAINT parked_place_key UNIQUE (consumer, xid, seq)
);

CREATE INDEX parked_due ON pando.parked (consumer, due_at)
    WHERE due_at IS NOT NULL;
CREATE INDEX parked_by_subject ON pando.parked (consumer, subject, xid, seq)
    WHERE parked_at IS NULL;
CREATE INDEX parked_by_age ON pando.parked (parked_at, id)
    WHERE parked_at IS NOT NULL;

CREATE FUNCTION pando.parked_doc(p pando.parked) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', p.id, 'consumer', p.consumer,
        'event', p.event, 'tenant_id', p.tenant_id, 'type', p.type,
        'schema', p.schema, 'subject', p.subject, 'actor', p.actor,
        'at', pando.rfc3339(p.at), 'attempts', p.attempts,
        'error', coalesce(p.error, ''),
        'parked_at', pando.rfc3339(p.parked_at), 'data', p.data)
$$;


-- Takes an event to be handled by this transaction, or raises PD411: it was.
CREATE FUNCTION pando.claim_event(who text, at_xid xid8, at_seq bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pando.inbox (consumer, xid, seq)
    VALUES (who, at_xid, at_seq) ON CONFLICT DO NOTHING;

    IF NOT FOUND THEN
        RAISE EXCEPTION 'the event was handled before' USING ERRCODE = 'PD411';
    END IF;
END $$;

-- The same for one that was put aside.
CREATE FUNCTION pando.claim_parked(parked uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM pando.parked AS p WHERE p.id = claim_parked.parked
       AND p.parked_at IS NULL;

    IF NOT FOUND THEN
        RAISE EXCEPTION 'the event was handled before' USING ERRCODE = 'PD411';
    END IF;
END $$;

-- The next event of a subject is due; false where there is none.
CREATE FUNCTION pando.next_parked(who text, what uuid) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    follower uuid;
BEGIN
    SELECT p.id INTO follower FROM pando.parked AS p
     WHERE p.consumer = who AND p.subject = what AND p.parked_at IS NULL
     ORDER BY p.xid, p.seq LIMIT 1;

    IF FOUND THEN
        UPDATE pando.parked AS p SET due_at = coalesce(p.due_at, now())
         WHERE p.id = follower;
    END IF;

    RETURN follower IS NOT NULL;
END $$;

-- An event could not be handled and is put aside, unless it was handled after
-- all: tried, it is due again so much later (never, when that is null: it is
-- parked); untried, it waits behind one of its subject.  Whether others of
-- the subject have to wait behind it.
CREATE FUNCTION pando.put_aside(who text, at_xid xid8, at_seq bigint,
    event uuid, tenant uuid, type text, schema int, subject uuid, data jsonb,
    actor uuid, trace text, at timestamptz, attempts int, error text,
    again_ms bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    due  timestamptz := now() + again_ms * interval '1 millisecond';
BEGIN
    INSERT INTO pando.inbox (consumer, xid, seq)
    VALUES (who, at_xid, at_seq) ON CONFLICT DO NOTHING;

    IF FOUND THEN
        IF attempts = 0 THEN
            due := CASE WHEN NOT EXISTS (SELECT FROM pando.parked AS p
                             WHERE p.consumer = who
                               AND p.subject = put_aside.subject
                               AND p.parked_at IS NULL) THEN now() END;
        END IF;

        INSERT INTO pando.parked (consumer, xid, seq, event, tenant_id, type,
               schema, subject, data, actor, trace, at, attempts, error,
               due_at, parked_at)
        VALUES (who, at_xid, at_seq, event, tenant, type, schema, subject,
                data, actor, trace, at, attempts, left(error, 1000), due,
                CASE WHEN attempts > 0 AND again_ms IS NULL THEN now() END);
    END IF;

    RETURN EXISTS (SELECT FROM pando.parked AS p
                    WHERE p.consumer = who AND p.subject = put_aside.subject
                      AND p.parked_at IS NULL);
END $$;

-- The same for one that was put aside before.
CREATE FUNCTION pando.put_back(parked uuid, who text, subject uuid,
    attempts int, error text, again_ms bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pando.parked AS p
       SET attempts = put_back.attempts, error = left(put_back.error, 1000),
           due_at = now() + again_ms * interval '1 millisecond',
           parked_at = CASE WHEN again_ms IS NULL THEN now() END
     WHERE p.id = put_back.parked AND p.parked_at IS NULL;

    RETURN pando.next_parked(who, put_back.subject);
END $$;

-- A parked one is to be tried again, behind those of its subject that wait.
CREATE FUNCTION pando.replay(p pando.parked) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pando.parked AS r
       SET parked_at = NULL, attempts = 0, error = NULL,
           due_at = CASE WHEN p.subject IS NULL OR NOT EXISTS (
               SELECT FROM pando.parked AS o
                WHERE o.consumer = p.consumer AND o.subject = p.subject
                  AND o.parked_at IS NULL) THEN now() END
     WHERE r.id = p.id AND r.parked_at IS NOT NULL;

    RETURN FOUND;
END $$;
