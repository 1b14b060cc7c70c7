-- SMS: messages, what became of each, and those that were only captured.
--
-- What must stay true: a message is written with the job that sends it; it is
-- handed over at most once in each attempt, since who hands it over has moved
-- it on to that attempt before; what came to an end stays there, but for a
-- report that it arrived after all; its body stands here encrypted, and not for
-- longer than it is of use.

CREATE SCHEMA sms;

CREATE TABLE sms.messages (
    id            uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id     uuid NOT NULL,
    lane          text NOT NULL,
    to_e164       text NOT NULL,
    country       text NOT NULL,
    sender        text,
    body_ct       text,
    encoding      text NOT NULL,
    segments      smallint NOT NULL,
    state         text NOT NULL DEFAULT 'queued',
    reason        text,
    attempts      int NOT NULL DEFAULT 0,
    next_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    lease_until   timestamptz,
    unsure        boolean NOT NULL DEFAULT false,   -- it may have been taken
    ttl_at        timestamptz NOT NULL,
    ended_at      timestamptz,
    version       bigint NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT messages_pkey PRIMARY KEY (id),
    CONSTRAINT messages_lane_check
        CHECK (lane IN ('otp', 'transactional', 'marketing')),
    CONSTRAINT messages_segments_check CHECK (segments BETWEEN 1 AND 10),
    CONSTRAINT messages_state_check CHECK (state IN ('scheduled', 'queued',
        'submitting', 'retry', 'accepted', 'delivered', 'undelivered',
        'expired', 'failed', 'canceled', 'suppressed'))
) WITH (autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX messages_by_tenant ON sms.messages (tenant_id, id);
CREATE INDEX messages_by_number ON sms.messages (tenant_id, to_e164, id);
CREATE INDEX messages_due ON sms.messages (next_at)
 WHERE state IN ('scheduled', 'queued', 'retry');
CREATE INDEX messages_lost ON sms.messages (lease_until)
 WHERE state = 'submitting' AND lease_until IS NOT NULL;
CREATE INDEX messages_open ON sms.messages (ttl_at)
 WHERE state IN ('submitting', 'accepted');
CREATE INDEX messages_by_age ON sms.messages (created_at);
CREATE INDEX messages_bodies ON sms.messages (lane, created_at)
 WHERE body_ct IS NOT NULL;

-- Kept for 30 days.
CREATE TABLE sms.message_keys (
    tenant_id   uuid NOT NULL,
    dedup_key   text NOT NULL,
    message_id  uuid NOT NULL,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT message_keys_pkey PRIMARY KEY (tenant_id, dedup_key)
);

CREATE INDEX message_keys_by_age ON sms.message_keys (at);

-- Append only; goes with its message.
CREATE TABLE sms.log (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id   uuid NOT NULL,
    message_id  uuid NOT NULL,
    kind        text NOT NULL,
    code        text,                   -- the provider's own
    reason      text,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT log_pkey PRIMARY KEY (id),
    CONSTRAINT log_message_fkey FOREIGN KEY (message_id)
        REFERENCES sms.messages ON DELETE CASCADE,
    CONSTRAINT log_kind_check CHECK (kind IN ('queued', 'submitted', 'accepted',
        'delivered', 'undelivered', 'failed', 'expired', 'canceled',
        'suppressed', 'unsure'))
);

CREATE INDEX log_by_message ON sms.log (message_id, id);

-- What the captured provider was handed; kept for a day.
CREATE TABLE sms.outbox (
    message_id  uuid NOT NULL,
    tenant_id   uuid NOT NULL,
    lane        text NOT NULL,
    to_e164     text NOT NULL,
    sender      text,
    body        text NOT NULL,
    encoding    text NOT NULL,
    segments    smallint NOT NULL,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT outbox_pkey PRIMARY KEY (message_id)
);

CREATE INDEX outbox_by_tenant ON sms.outbox (tenant_id, message_id);
CREATE INDEX outbox_by_age ON sms.outbox (at);


-- Documents

CREATE FUNCTION sms.doc(m sms.messages) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', m.id, 'lane', m.lane, 'to', m.to_e164,
        'country', m.country, 'sender', m.sender, 'encoding', m.encoding,
        'segments', m.segments, 'state', m.state, 'reason', m.reason,
        'attempts', m.attempts, 'unsure', m.unsure,
        'send_at', CASE WHEN m.state = 'scheduled'
                   THEN pando.rfc3339(m.next_at) END,
        'ttl_at', pando.rfc3339(m.ttl_at), 'version', m.version,
        'created_at', pando.rfc3339(m.created_at))
$$;

CREATE FUNCTION sms.log_of(message uuid) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('kind', l.kind,
               'code', l.code, 'reason', l.reason,
               'at', pando.rfc3339(l.at)) ORDER BY l.id), '[]')
      FROM sms.log AS l WHERE l.message_id = message
$$;


-- A job that sends a message then; each lane has a kind of its own, so that no
-- lane waits for another one's slow providers.
CREATE FUNCTION sms.wake(tenant uuid, lane text, message uuid, at timestamptz)
RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT pando.enqueue('sms.' || lane, jsonb_build_object('id', message),
                         tenant, at)
$$;

-- An end, or a step on the way; returns whether it was taken.  An end of lower
-- rank than what is known, or any other end, only goes into the log.
CREATE FUNCTION sms.move(m sms.messages, kind text, code text, reason text)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    ok boolean;
BEGIN
    INSERT INTO sms.log (tenant_id, message_id, kind, code, reason)
    VALUES (m.tenant_id, m.id, move.kind, move.code, move.reason);

    ok := CASE
        WHEN move.kind NOT IN ('accepted', 'delivered', 'undelivered', 'failed',
                               'expired', 'canceled', 'suppressed') THEN false
        WHEN m.state IN ('scheduled', 'queued', 'retry') THEN
            move.kind IN ('failed', 'expired', 'canceled', 'suppressed')
            OR m.unsure AND move.kind IN ('accepted', 'delivered', 'undelivered')
        WHEN m.state = 'submitting' THEN true
        WHEN m.state = 'accepted' THEN
            move.kind IN ('delivered', 'undelivered', 'failed', 'expired')
        WHEN m.state = 'undelivered' THEN move.kind = 'delivered'
            AND m.ended_at > clock_timestamp() - interval '72 hours'
        ELSE false END;

    IF NOT ok THEN
        RETURN false;
    END IF;

    UPDATE sms.messages AS o
       SET state = move.kind, reason = move.reason, lease_until = NULL,
           unsure = unsure AND move.kind IN ('expired'),
           ended_at = CASE WHEN move.kind <> 'accepted'
                      THEN clock_timestamp() END,
           version = version + 1
     WHERE o.id = m.id;

    IF move.kind IN ('delivered', 'failed', 'undelivered', 'expired') THEN
        PERFORM pando.emit(m.tenant_id,
            CASE move.kind WHEN 'delivered' THEN 'sms.delivered'
                           ELSE 'sms.failed' END, 1, m.id,
            jsonb_build_object('message_id', m.id, 'lane', m.lane,
                'country', m.country, 'state', move.kind,
                'reason', move.reason));

    ELSIF move.kind = 'accepted' THEN
        PERFORM pando.emit(m.tenant_id, 'sms.sent', 1, m.id,
            jsonb_build_object('message_id', m.id, 'lane', m.lane,
                'country', m.country, 'segments', m.segments));
    END IF;

    RETURN true;
END $$;


-- Taking on: each item is a message that was looked at already.  Of one key
-- there is one message, whoever comes at the same time.
CREATE FUNCTION sms.accept(tenant uuid, items jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    i jsonb;
    m sms.messages;
    own uuid;
    at timestamptz;
    out jsonb := '[]';
BEGIN
    FOR i IN SELECT o.value FROM jsonb_array_elements(items)
                  WITH ORDINALITY AS o (value, n) ORDER BY o.n
    LOOP
        own := pando.uuid7();

        IF i ? 'dedup_key' THEN
            INSERT INTO sms.message_keys (tenant_id, dedup_key, message_id)
            VALUES (tenant, i->>'dedup_key', own)
            ON CONFLICT ON CONSTRAINT message_keys_pkey DO NOTHING;

            IF NOT FOUND THEN
                SELECT o.* INTO m
                  FROM sms.message_keys AS k
                  JOIN sms.messages AS o ON o.id = k.message_id
                 WHERE k.tenant_id = tenant AND k.dedup_key = i->>'dedup_key';
                out := out || jsonb_build_array(sms.taken(m));
                CONTINUE;
            END IF;
        END IF;

        at := greatest((i->>'send_at')::timestamptz, clock_timestamp());

        INSERT INTO sms.messages (id, tenant_id, lane, to_e164, country,
               sender, body_ct, encoding, segments, state, next_at, ttl_at)
        VALUES (own, tenant, i->>'lane', i->>'to', i->>'country',
               i->>'sender', i->>'body_ct', i->>'encoding',
               (i->>'segments')::int,
               CASE WHEN (i->>'send_at')::timestamptz > clock_timestamp()
               THEN 'scheduled' ELSE 'queued' END,
               at, at + (i->>'ttl_s')::bigint * interval '1 s')
        RETURNING * INTO m;

        INSERT INTO sms.log (tenant_id, message_id, kind)
        VALUES (tenant, own, 'queued');
        PERFORM sms.wake(tenant, m.lane, own, at);
        out := out || jsonb_build_array(sms.taken(m));
    END LOOP;

    RETURN out;
END $$;

CREATE FUNCTION sms.taken(m sms.messages) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', m.id, 'state', m.state,
        'segments', m.segments, 'encoding', m.encoding)
$$;


-- An attempt begins: before anything is handed over.  Nothing where the message
-- is not due, was canceled, or is in someone's hands.
CREATE FUNCTION sms.claim(tenant uuid, message uuid, lease_s int)
RETURNS SETOF sms.messages LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    m sms.messages;
BEGIN
    SELECT * INTO m FROM sms.messages AS o
     WHERE o.id = message AND o.tenant_id = tenant
       AND o.state IN ('scheduled', 'queued', 'retry') FOR UPDATE;

    IF NOT FOUND THEN
        RETURN;
    END IF;

    IF m.ttl_at <= clock_timestamp() OR m.body_ct IS NULL THEN
        PERFORM sms.move(m, 'expired', NULL, 'expired');
        RETURN;
    END IF;

    IF m.next_at > clock_timestamp() THEN
        PERFORM sms.wake(tenant, m.lane, message, m.next_at);
        RETURN;
    END IF;

    INSERT INTO sms.log (tenant_id, message_id, kind)
    VALUES (tenant, message, 'submitted');

    RETURN QUERY
    UPDATE sms.messages AS o
       SET state = 'submitting', attempts = attempts + 1,
           lease_until = clock_timestamp() + lease_s * interval '1 s',
           version = version + 1
     WHERE o.id = message
    RETURNING o.*;
END $$;

-- Null: there is none; false: it is too late.
CREATE FUNCTION sms.cancel(tenant uuid, message uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    m sms.messages;
BEGIN
    SELECT * INTO m FROM sms.messages AS o
     WHERE o.id = message AND o.tenant_id = tenant FOR UPDATE;

    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    RETURN m.state IN ('scheduled', 'queued', 'retry') AND NOT m.unsure
        AND sms.move(m, 'canceled', NULL, NULL);
END $$;

-- The captured provider: it is handed over by being written down.
CREATE FUNCTION sms.capture(tenant uuid, message uuid, try int, body text,
    fate text)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    m sms.messages;
BEGIN
    SELECT * INTO m FROM sms.messages AS o
     WHERE o.id = message AND o.tenant_id = tenant AND o.state = 'submitting'
       AND o.attempts = capture.try FOR UPDATE;

    IF NOT FOUND THEN
        RETURN;
    END IF;

    INSERT INTO sms.outbox (message_id, tenant_id, lane, to_e164, sender, body,
           encoding, segments)
    VALUES (message, tenant, m.lane, m.to_e164, m.sender, capture.body,
            m.encoding, m.segments)
    ON CONFLICT ON CONSTRAINT outbox_pkey DO NOTHING;

    PERFORM sms.move(m, 'accepted', NULL, NULL);

    IF fate <> 'accepted' THEN
        SELECT * INTO m FROM sms.messages AS o WHERE o.id = message;
        PERFORM sms.move(m, fate, NULL,
                         CASE WHEN fate <> 'delivered' THEN 'unknown' END);
    END IF;
END $$;


-- What nobody came for, and what a worker that died had in hand.  The captured
-- provider has nothing of that: it is tried again.
CREATE FUNCTION sms.sweep(most int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    m sms.messages;
    n int := 0;
BEGIN
    FOR m IN
        SELECT * FROM sms.messages AS o
         WHERE o.state = 'submitting' AND o.lease_until < clock_timestamp()
         ORDER BY o.lease_until LIMIT most FOR UPDATE SKIP LOCKED
    LOOP
        UPDATE sms.messages AS o
           SET state = 'retry', lease_until = NULL,
               next_at = clock_timestamp(), version = version + 1
         WHERE o.id = m.id;
        PERFORM sms.wake(m.tenant_id, m.lane, m.id, clock_timestamp());
        n := n + 1;
    END LOOP;

    FOR m IN
        SELECT * FROM sms.messages AS o
         WHERE o.state IN ('scheduled', 'queued', 'retry')
           AND o.next_at < clock_timestamp() - interval '60 s'
         ORDER BY o.next_at LIMIT most
    LOOP
        PERFORM pando.enqueue('sms.' || m.lane,
            jsonb_build_object('id', m.id), m.tenant_id,
            unique_key => 'sweep ' || m.id);
        n := n + 1;
    END LOOP;

    RETURN n;
END $$;

-- Of what was taken nothing is heard: 72 hours beyond its time it is over.
CREATE FUNCTION sms.expire(most int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    m sms.messages;
    n int := 0;
BEGIN
    FOR m IN
        SELECT * FROM sms.messages AS o
         WHERE o.state IN ('submitting', 'accepted')
           AND o.ttl_at < clock_timestamp() - interval '72 hours'
         ORDER BY o.ttl_at LIMIT most FOR UPDATE SKIP LOCKED
    LOOP
        PERFORM sms.move(m, 'expired', NULL, 'unknown');
        n := n + 1;
    END LOOP;

    RETURN n;
END $$;

-- Bodies of codes after a day and of all else after 90, messages after 13
-- months, keys after 30 days, what was captured after a day.
CREATE FUNCTION sms.forget(most int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    n int;
    all_of_them int := 0;
BEGIN
    UPDATE sms.messages AS m SET body_ct = NULL
     WHERE m.id IN (
        (SELECT o.id FROM sms.messages AS o
          WHERE o.body_ct IS NOT NULL AND o.lane = 'otp'
            AND o.created_at < now() - interval '1 day'
            AND o.state NOT IN ('scheduled', 'queued', 'retry', 'submitting')
          ORDER BY o.created_at LIMIT most)
        UNION ALL
        (SELECT o.id FROM sms.messages AS o
          WHERE o.body_ct IS NOT NULL AND o.lane IN ('transactional', 'marketing')
            AND o.created_at < now() - interval '90 days'
          ORDER BY o.created_at LIMIT most));
    GET DIAGNOSTICS all_of_them = ROW_COUNT;

    DELETE FROM sms.messages AS m
     WHERE m.id IN (SELECT o.id FROM sms.messages AS o
                     WHERE o.created_at < now() - interval '13 months'
                     ORDER BY o.created_at LIMIT most);
    GET DIAGNOSTICS n = ROW_COUNT;
    all_of_them := all_of_them + n;

    DELETE FROM sms.message_keys AS k
     WHERE (k.tenant_id, k.dedup_key) IN
           (SELECT o.tenant_id, o.dedup_key FROM sms.message_keys AS o
             WHERE o.at < now() - interval '30 days' ORDER BY o.at LIMIT most);
    GET DIAGNOSTICS n = ROW_COUNT;
    all_of_them := all_of_them + n;

    DELETE FROM sms.outbox AS b
     WHERE b.message_id IN (SELECT o.message_id FROM sms.outbox AS o
                             WHERE o.at < now() - interval '1 day'
                             ORDER BY o.at LIMIT most);
    GET DIAGNOSTICS n = ROW_COUNT;

    RETURN all_of_them + n;
END $$;
