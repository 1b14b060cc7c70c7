-- The root's own tables and functions, which every domain may use.
--
-- What must stay true: an event is a row of the same transaction as the change
-- it tells of; a key is claimed and its reply kept in the transaction that has
-- the effect; nothing here is granted to PUBLIC.

CREATE SCHEMA IF NOT EXISTS pando;

ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE USAGE ON TYPES FROM PUBLIC;


-- Ids and texts

-- UUID version 7 (RFC 9562, method 3): milliseconds, then twelve bits of the
-- microsecond, then random.
CREATE FUNCTION pando.uuid7() RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL SAFE AS $$
DECLARE
    us bigint := extract(epoch FROM clock_timestamp()) * 1000000;
BEGIN
    RETURN encode(substring(int8send(us / 1000) FROM 3)
                  || int2send((28672 + us % 1000 * 4096 / 1000)::int2)
                  || substring(uuid_send(gen_random_uuid()) FROM 9),
                  'hex')::uuid;
END $$;

-- RFC 3339 in UTC, with 0, 3 or 6 digits of a second, as few as are exact; null
-- for infinity.  It depends on no setting of the session, so it is immutable.
CREATE FUNCTION pando.rfc3339(at timestamptz) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    us int := extract(microseconds FROM at)::int % 1000000;
BEGIN
    IF NOT isfinite(at) THEN
        RETURN NULL;
    END IF;

    RETURN to_char(at AT TIME ZONE 'UTC',
        CASE WHEN us = 0 THEN 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
             WHEN us % 1000 = 0 THEN 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'
             ELSE 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' END);
END $$;

-- Words in one language of {"en": ..., "de": ...}: the locale, its language,
-- English, whatever is there.  Plain words are themselves.
CREATE FUNCTION pando.words(words jsonb, locale text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE jsonb_typeof(words)
           WHEN 'string' THEN words #>> '{}'
           WHEN 'object' THEN coalesce(words ->> locale,
               words ->> split_part(locale, '-', 1), words ->> 'en',
               jsonb_path_query_first(words, '$.*') #>> '{}')
           END
$$;

-- A text to stand in a LIKE pattern for itself alone.
CREATE FUNCTION pando.like(plain text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT replace(replace(replace(plain, '\', '\\'), '%', '\%'), '_', '\_')
$$;


-- Events
--
-- Readers follow (xid, seq) and stop before the oldest transaction that still
-- runs: seq alone is given out before the commit, and a reader that had passed
-- it would never see the row.  The primary key is that path and the only
-- index, since every write of every domain pays for it.
--
-- Retention is by deleting in batches what is old and behind every reader, not
-- by dropping a partition a day: a missing partition would refuse every write
-- of the suite, making one locks the table for all, and a reader that starts
-- at its cursor does not meet the dead rows behind it.  Events are written
-- through pando.emit() alone, so a deployment that outgrows this can put a
-- partitioned table behind it.

CREATE TABLE pando.outbox (
    seq        bigint GENERATED ALWAYS AS IDENTITY,
    id         uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id  uuid,
    type       text NOT NULL,
    schema     int NOT NULL,
    subject    uuid,
    data       jsonb NOT NULL,
    actor      uuid,
    trace      text,
    at         timestamptz NOT NULL DEFAULT now(),
    xid        xid8 NOT NULL DEFAULT pg_current_xact_id(),

    CONSTRAINT outbox_pkey PRIMARY KEY (xid, seq)
) WITH (autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_vacuum_insert_scale_factor = 0.1);

-- Of one statement with the change: make it the column of a statement that
-- reads the change (WITH o AS (INSERT ... RETURNING *) SELECT ...,
-- pando.emit(...) FROM o).  A WITH query that nobody reads is not run.
CREATE FUNCTION pando.emit(tenant uuid, type text, schema int, subject uuid,
    data jsonb, actor uuid DEFAULT NULL, trace text DEFAULT NULL)
RETURNS uuid LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    event uuid := pando.uuid7();
BEGIN
    INSERT INTO pando.outbox (id, tenant_id, type, schema, subject, data,
                              actor, trace)
    VALUES (event, tenant, type, schema, subject, data, actor, trace);
    RETURN event;
END $$;

-- How far each reader has come.
-- small: a row a reader, and readers are named in the code
CREATE TABLE pando.readers (
    name      text CONSTRAINT readers_pkey PRIMARY KEY,
    xid       xid8 NOT NULL DEFAULT '0',
    seq       bigint NOT NULL DEFAULT 0,
    moved_at  timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);


-- Idempotency keys
--
-- A row that others can see is finished: it is inserted as started (status 0)
-- and completed by the transaction that has the effect.  What runs at the same
-- time is told by the advisory lock, which dies with its transaction.

CREATE TABLE pando.idempotency (
    tenant_id   uuid NOT NULL,
    caller      uuid NOT NULL,
    key         text NOT NULL
                CONSTRAINT idempotency_key_length
                CHECK (length(key) BETWEEN 1 AND 255),
    route       text NOT NULL,
    body_hash   bytea NOT NULL,
    status      int NOT NULL DEFAULT 0,
    headers     text NOT NULL DEFAULT '',
    body        text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT idempotency_pkey PRIMARY KEY (tenant_id, caller, key)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX idempotency_by_age ON pando.idempotency (created_at);

-- Claims a key for the transaction, or raises PD409: it is running now; PD422:
-- it came with another request; PD200: it is done, and its reply can be read.
CREATE FUNCTION pando.claim_key(tenant uuid, who uuid, name text, at text,
    hash bytea)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    known record;
BEGIN
    IF NOT pg_try_advisory_xact_lock(
        hashtextextended(concat_ws(' ', tenant, who, name), 1346457156))
    THEN
        RAISE EXCEPTION 'the key is in use' USING ERRCODE = 'PD409';
    END IF;

    INSERT INTO pando.idempotency AS i
           (tenant_id, caller, key, route, body_hash)
    VALUES (tenant, who, name, at, hash)
    ON CONFLICT ON CONSTRAINT idempotency_pkey DO UPDATE
       SET route = at, body_hash = hash, status = 0, headers = '', body = '',
           created_at = now()
     WHERE i.created_at <= now() - interval '24 hours';

    IF FOUND THEN
        RETURN;
    END IF;

    SELECT route, body_hash INTO known FROM pando.idempotency
     WHERE tenant_id = tenant AND caller = who AND key = name;

    IF known.route = at AND known.body_hash = hash THEN
        RAISE EXCEPTION 'the key is done' USING ERRCODE = 'PD200';
    END IF;

    RAISE EXCEPTION 'the key came with another request'
    USING ERRCODE = 'PD422';
END $$;

-- Completes what the same transaction has claimed.
CREATE FUNCTION pando.keep_reply(tenant uuid, who uuid, name text, code int,
    head text, reply text)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE pando.idempotency SET status = code, headers = head, body = reply
     WHERE tenant_id = tenant AND caller = who AND key = name AND status = 0;

    IF NOT FOUND THEN
        RAISE EXCEPTION 'the key % was not claimed', name
        USING ERRCODE = 'PD500';
    END IF;
END $$;
