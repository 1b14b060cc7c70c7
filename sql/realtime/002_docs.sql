-- Realtime: documents that several people write in.
--
-- What must stay true: updates of a document are numbered without a gap, since
-- its row is locked for each; one that is sent again, by its client's own clock,
-- is there once; a snapshot takes the place of an older one only, and what it
-- contains may go; a section's fence only rises, and who has an older one
-- writes nothing.

CREATE TABLE realtime.docs (
    id            uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id     uuid NOT NULL,
    ref           text NOT NULL,            -- module:type:id
    format        text NOT NULL,
    last_seq      bigint NOT NULL DEFAULT 0,
    told_seq      bigint NOT NULL DEFAULT 0,
    first_seq     bigint NOT NULL DEFAULT 1,    -- of what is kept
    snapshot_seq  bigint NOT NULL DEFAULT 0,
    snapshot      bytea,
    version       bigint NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT docs_pkey PRIMARY KEY (id),
    CONSTRAINT docs_ref_key UNIQUE (tenant_id, ref),
    CONSTRAINT docs_format_check
        CHECK (format IN ('yjs', 'automerge', 'json', 'text')),
    CONSTRAINT docs_seq_check CHECK (snapshot_seq <= last_seq
        AND told_seq <= last_seq AND first_seq <= last_seq + 1)
);

ALTER TABLE realtime.docs ALTER snapshot SET STORAGE EXTERNAL;

CREATE INDEX docs_by_tenant ON realtime.docs (tenant_id, id);

CREATE TABLE realtime.doc_updates (
    doc_id        uuid NOT NULL,
    seq           bigint NOT NULL,
    tenant_id     uuid NOT NULL,
    client_id     text NOT NULL,
    client_clock  bigint NOT NULL,
    user_id       uuid NOT NULL,
    data          bytea NOT NULL,
    at            timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT doc_updates_pkey PRIMARY KEY (doc_id, seq),
    CONSTRAINT doc_updates_clock_key UNIQUE (doc_id, client_id, client_clock),
    CONSTRAINT doc_updates_doc_fkey FOREIGN KEY (doc_id)
        REFERENCES realtime.docs ON DELETE CASCADE,
    CONSTRAINT doc_updates_data_check CHECK (length(data) <= 262144)
) PARTITION BY HASH (doc_id);

DO $$
BEGIN
    FOR i IN 0 .. 15 LOOP
        EXECUTE format('CREATE TABLE realtime.doc_updates_%s PARTITION OF '
            || 'realtime.doc_updates FOR VALUES WITH (MODULUS 16, REMAINDER %s)',
            i, i);
    END LOOP;
END $$;

CREATE INDEX doc_updates_by_user ON realtime.doc_updates (user_id);

-- States with a name.
CREATE TABLE realtime.doc_versions (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id   uuid NOT NULL,
    doc_id      uuid NOT NULL,
    name        text NOT NULL,
    seq         bigint NOT NULL,
    snapshot    bytea NOT NULL,
    user_id     uuid NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT doc_versions_pkey PRIMARY KEY (id),
    CONSTRAINT doc_versions_name_key UNIQUE (doc_id, name),
    CONSTRAINT doc_versions_doc_fkey FOREIGN KEY (doc_id)
        REFERENCES realtime.docs ON DELETE CASCADE
);

CREATE INDEX doc_versions_by_doc ON realtime.doc_versions (doc_id, id);
CREATE INDEX doc_versions_by_user ON realtime.doc_versions (user_id);

-- A row stays when its lock is over: its fence does not fall.
CREATE TABLE realtime.doc_locks (
    doc_id     uuid NOT NULL,
    section    text NOT NULL,
    tenant_id  uuid NOT NULL,
    holder     uuid NOT NULL,
    fence      bigint NOT NULL DEFAULT 1,
    until      timestamptz NOT NULL,

    CONSTRAINT doc_locks_pkey PRIMARY KEY (doc_id, section),
    CONSTRAINT doc_locks_doc_fkey FOREIGN KEY (doc_id)
        REFERENCES realtime.docs ON DELETE CASCADE
);

CREATE INDEX doc_locks_by_holder ON realtime.doc_locks (holder);


-- Documents, as they are shown

CREATE FUNCTION realtime.doc_doc(d realtime.docs) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', d.id, 'ref', d.ref, 'format', d.format,
        'channel', 'doc:' || d.id, 'last_seq', d.last_seq,
        'snapshot_seq', d.snapshot_seq, 'version', d.version,
        'created_at', pando.rfc3339(d.created_at),
        'updated_at', pando.rfc3339(d.updated_at))
$$;

-- In lines of no more than 76 characters is how PostgreSQL would write it.
CREATE FUNCTION realtime.base64(data bytea) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT translate(encode(data, 'base64'), E'\n', '')
$$;

CREATE FUNCTION realtime.update_doc(u realtime.doc_updates) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('seq', u.seq, 'client_id', u.client_id,
        'client_clock', u.client_clock, 'user_id', u.user_id,
        'data', realtime.base64(u.data))
$$;

-- From behind seq: the snapshot, where what is kept does not reach so far back
-- or nothing is there yet, and what came after it, as much as fits.
CREATE FUNCTION realtime.doc_since(d realtime.docs, since bigint, bytes bigint)
RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    whole boolean := d.snapshot IS NOT NULL
        AND (since + 1 < d.first_seq OR since = 0);
    first bigint := CASE WHEN whole THEN d.snapshot_seq ELSE since END;
    list jsonb := '[]';
    room bigint := bytes;
    u realtime.doc_updates;
    top bigint := first;
BEGIN
    FOR u IN SELECT * FROM realtime.doc_updates AS t
              WHERE t.doc_id = d.id AND t.seq > first
                AND t.seq <= d.last_seq ORDER BY t.seq LIMIT 1000
    LOOP
        room := room - length(u.data) - 100;
        EXIT WHEN room < 0 AND top > first;
        list := list || realtime.update_doc(u);
        top := u.seq;
    END LOOP;

    RETURN realtime.doc_doc(d) || jsonb_build_object('updates', list,
        'seq', top, 'more', top < d.last_seq,
        'snapshot', CASE WHEN whole THEN realtime.base64(d.snapshot) END);
END $$;

-- Takes an update on: its number, whether it was there before, or why not.
CREATE FUNCTION realtime.doc_append(tenant uuid, doc uuid, who uuid,
    client text, clock bigint, content bytea, part text, given_fence bigint)
RETURNS TABLE (seq bigint, repeated boolean, refusal text)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    d realtime.docs;
    l realtime.doc_locks;
    was bigint;
BEGIN
    SELECT * INTO d FROM realtime.docs AS t
     WHERE t.id = doc AND t.tenant_id = tenant FOR UPDATE;

    IF NOT FOUND THEN
        RETURN QUERY SELECT 0::bigint, false, 'none';
        RETURN;
    END IF;

    SELECT u.seq INTO was FROM realtime.doc_updates AS u
     WHERE u.doc_id = doc AND u.client_id = client AND u.client_clock = clock;

    IF FOUND THEN
        RETURN QUERY SELECT was, true, NULL::text;
        RETURN;
    END IF;

    IF part IS NOT NULL THEN
        SELECT * INTO l FROM realtime.doc_locks AS t
         WHERE t.doc_id = doc AND t.section = part FOR SHARE;

        IF NOT FOUND OR l.fence <> given_fence OR l.until <= clock_timestamp()
        THEN
            RETURN QUERY SELECT 0::bigint, false, 'fence';
            RETURN;
        END IF;
    END IF;

    INSERT INTO realtime.doc_updates (doc_id, seq, tenant_id, client_id,
           client_clock, user_id, data)
    VALUES (doc, d.last_seq + 1, tenant, client, clock, who, content);

    UPDATE realtime.docs AS t SET last_seq = d.last_seq + 1, updated_at = now()
     WHERE t.id = doc;

    PERFORM pando.enqueue('realtime.doc_tell', jsonb_build_object('id', doc),
        tenant, delay_ms => 20, unique_key => doc::text);
    PERFORM pando.enqueue('realtime.doc_told', jsonb_build_object('id', doc),
        tenant, delay_ms => 5000, unique_key => doc::text);

    RETURN QUERY SELECT d.last_seq + 1, false, NULL::text;
END $$;

-- An older one than there is, or of what is not there, is refused.  Updates go
-- but for the last thousand before it, which who was away may still ask for.
CREATE FUNCTION realtime.doc_snapshot(tenant uuid, doc uuid, at_seq bigint,
    content bytea, if_version bigint)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    keep bigint := greatest(at_seq - 1000, 0);
BEGIN
    UPDATE realtime.docs AS d
       SET snapshot = content, snapshot_seq = at_seq,
           first_seq = greatest(d.first_seq, keep + 1),
           version = version + 1, updated_at = now()
     WHERE d.id = doc AND d.tenant_id = tenant AND d.snapshot_seq < at_seq
       AND d.last_seq >= at_seq
       AND (if_version IS NULL OR d.version = if_version);

    IF NOT FOUND THEN
        RETURN false;
    END IF;

    DELETE FROM realtime.doc_updates AS u
     WHERE u.doc_id = doc AND u.seq <= keep;
    RETURN true;
END $$;

-- A named state again: all that was written since gives way to it, as one step.
CREATE FUNCTION realtime.doc_restore(tenant uuid, doc uuid, to_version uuid)
RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    top bigint;
BEGIN
    UPDATE realtime.docs AS d
       SET snapshot = v.snapshot, snapshot_seq = d.last_seq + 1,
           last_seq = d.last_seq + 1, first_seq = d.last_seq + 2,
           version = d.version + 1, updated_at = now()
      FROM realtime.doc_versions AS v
     WHERE d.id = doc AND d.tenant_id = tenant AND v.doc_id = d.id
       AND v.id = to_version
    RETURNING d.last_seq INTO top;

    IF FOUND THEN
        DELETE FROM realtime.doc_updates AS u WHERE u.doc_id = doc;
        PERFORM pando.enqueue('realtime.doc_tell',
            jsonb_build_object('id', doc), tenant, delay_ms => 20,
            unique_key => doc::text);
    END IF;

    RETURN top;
END $$;

-- Who asks with the fence of a lock that is not over has it for longer; who
-- asks without, or too late, gets it when nobody has it, with a higher fence.
CREATE FUNCTION realtime.doc_lock(tenant uuid, doc uuid, part text, who uuid,
    seconds int, given_fence bigint, if_fence bigint)
RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    l realtime.doc_locks;
    at timestamptz := clock_timestamp() + seconds * interval '1 second';
BEGIN
    IF if_fence IS NOT NULL AND NOT EXISTS (
        SELECT FROM realtime.doc_locks AS t
         WHERE t.doc_id = doc AND t.section = part AND t.tenant_id = tenant
           AND t.fence = if_fence)
    THEN
        RETURN '{"stale": true}';
    END IF;

    INSERT INTO realtime.doc_locks AS t (doc_id, section, tenant_id, holder,
           until)
    SELECT d.id, part, tenant, who, at FROM realtime.docs AS d
     WHERE d.id = doc AND d.tenant_id = tenant
    ON CONFLICT (doc_id, section) DO UPDATE
       SET until = at, holder = who,
           fence = t.fence + CASE WHEN t.until > clock_timestamp() THEN 0
                                  ELSE 1 END
     WHERE t.until <= clock_timestamp()
        OR (t.holder = who AND t.fence = given_fence)
    RETURNING * INTO l;

    IF NOT FOUND THEN
        SELECT * INTO l FROM realtime.doc_locks AS t
         WHERE t.doc_id = doc AND t.section = part AND t.tenant_id = tenant;

        RETURN CASE WHEN FOUND THEN
            jsonb_build_object('locked_by', l.holder) END;
    END IF;

    RETURN jsonb_build_object('section', part, 'fence', l.fence,
        'until', pando.rfc3339(l.until));
END $$;
