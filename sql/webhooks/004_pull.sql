-- Webhooks: endpoints that are asked instead of told, how many a second, how
-- much may wait for a tenant, and which ids of others' were seen.
--
-- What must stay true: what an endpoint that pulls is to get has its place in
-- line under the lane's lock, so no place is filled behind one that was seen.

ALTER TABLE webhooks.endpoints
    ADD COLUMN kind        text NOT NULL DEFAULT 'http',
    ADD COLUMN rate_per_s  int,
    ALTER COLUMN url DROP NOT NULL,
    ADD CONSTRAINT endpoints_kind_check CHECK (kind IN ('http', 'pull')),
    ADD CONSTRAINT endpoints_url_check
        CHECK ((kind = 'http') = (url IS NOT NULL)),
    ADD CONSTRAINT endpoints_rate_check CHECK (rate_per_s BETWEEN 1 AND 1000);

-- paced_until: when the next attempt is its turn; paced_at: jobs come then.
ALTER TABLE webhooks.lanes
    ADD COLUMN paced_until  timestamptz,
    ADD COLUMN paced_at     timestamptz;

CREATE INDEX deliveries_pulled ON webhooks.deliveries (endpoint_id, seq)
 WHERE state = 'pending' AND seq IS NOT NULL;

-- Tenants for whom too much waits.
CREATE TABLE webhooks.backlogs (
    tenant_id  uuid NOT NULL,
    pending    bigint NOT NULL,
    since      timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT backlogs_pkey PRIMARY KEY (tenant_id)
);

-- Ids of messages that others have sent and that were verified here, for a day.
CREATE TABLE webhooks.seen (
    tenant_id  uuid NOT NULL,
    source     text NOT NULL,
    id         text NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT seen_pkey PRIMARY KEY (tenant_id, source, id)
);

CREATE INDEX seen_by_age ON webhooks.seen (at);

CREATE OR REPLACE FUNCTION webhooks.doc(e webhooks.endpoints) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', e.id, 'uid', e.uid, 'kind', e.kind,
        'url', e.url, 'description', e.description,
        'event_types', e.event_types,
        'filters', e.filters, 'channels', e.channels,
        'ordering', e.ordering, 'when_stuck', e.when_stuck,
        'payload', e.payload, 'header_names', e.header_names,
        'ed25519', e.ed25519, 'rate_per_s', e.rate_per_s,
        'max_in_flight', e.max_in_flight, 'timeout_ms', e.timeout_ms,
        'state', e.state, 'disabled_reason', e.disabled_reason,
        'version', e.version, 'created_at', pando.rfc3339(e.created_at),
        'updated_at', pando.rfc3339(e.updated_at))
$$;

-- As before, but for nobody who pulls.
CREATE OR REPLACE FUNCTION webhooks.wake(tenant uuid, endpoint uuid,
    at timestamptz)
RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT pando.enqueue('webhooks.dispatch',
               jsonb_build_object('endpoint_id', endpoint), tenant, at)
      FROM (SELECT FROM webhooks.deliveries AS d
             WHERE d.endpoint_id = endpoint
               AND d.state IN ('pending', 'sending')
             LIMIT coalesce((SELECT e.max_in_flight
                               FROM webhooks.endpoints AS e
                              WHERE e.id = endpoint AND e.kind = 'http'), 0))
           AS waiting
$$;

CREATE OR REPLACE FUNCTION webhooks.add_delivery(e webhooks.endpoints,
    message uuid, key text, at timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    n bigint;
    in_line text;
BEGIN
    IF e.ordering <> 'none' OR e.kind = 'pull' THEN
        UPDATE webhooks.lanes AS l SET seq = seq + 1
         WHERE l.endpoint_id = e.id RETURNING l.seq INTO n;
    END IF;

    IF e.ordering <> 'none' AND e.kind = 'http' THEN
        in_line := CASE e.ordering WHEN 'by_key' THEN coalesce(add_delivery.key,
                       message::text) ELSE '' END;

        IF EXISTS (SELECT FROM webhooks.deliveries AS d
                    WHERE d.endpoint_id = e.id AND d.line = in_line
                      AND d.state IN ('pending', 'sending')) THEN
            at := 'infinity';
        END IF;
    END IF;

    INSERT INTO webhooks.deliveries AS d (endpoint_id, message_id, tenant_id,
           state, next_at, seq, line)
    VALUES (e.id, message, e.tenant_id, CASE e.state
            WHEN 'disabled' THEN 'expired' ELSE 'pending' END, at, n, in_line)
    ON CONFLICT ON CONSTRAINT deliveries_pkey DO UPDATE
       SET state = excluded.state, next_at = excluded.next_at,
           seq = excluded.seq, line = excluded.line, planned = 0,
           resent = false
     WHERE d.state NOT IN ('pending', 'sending');

    IF e.kind = 'http' AND e.state <> 'disabled' AND at < 'infinity' THEN
        PERFORM pando.enqueue('webhooks.dispatch',
            jsonb_build_object('endpoint_id', e.id), e.tenant_id, at);
    END IF;
END $$;

-- As before, and: where too much waits already it is kept, to be recovered.
CREATE OR REPLACE FUNCTION webhooks.fan_out(tenant uuid, event uuid, type text,
    body text, channels text[], key text, to_all uuid[])
RETURNS uuid LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    e webhooks.endpoints;
    message uuid;
    is_full boolean;
BEGIN
    INSERT INTO webhooks.messages (tenant_id, event_id, type, body, channels,
           key)
    VALUES (tenant, event, fan_out.type, fan_out.body, fan_out.channels,
            fan_out.key)
    ON CONFLICT ON CONSTRAINT messages_event_key DO NOTHING
    RETURNING id INTO message;

    IF message IS NULL THEN
        RETURN NULL;
    END IF;

    is_full := EXISTS (SELECT FROM webhooks.backlogs AS b
                        WHERE b.tenant_id = tenant);

    FOR e IN
        SELECT o.* FROM webhooks.endpoints AS o
         WHERE o.tenant_id = tenant AND o.id = ANY (to_all)
         ORDER BY o.id FOR KEY SHARE
    LOOP
        IF is_full THEN
            e.state := 'disabled';
        END IF;

        PERFORM webhooks.add_delivery(e, message, fan_out.key,
                                      clock_timestamp());
    END LOOP;

    RETURN message;
END $$;

-- Whether one more attempt is in time for an endpoint that says how many a
-- second, of which a tenth may come at once; if not, jobs come when it is.
-- Who asks holds the lane.
CREATE FUNCTION webhooks.paced(e webhooks.endpoints, l webhooks.lanes,
    at timestamptz)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    step interval := interval '1 s' / e.rate_per_s;
    most int := greatest(1, e.rate_per_s / 10);
    turn timestamptz := greatest(l.paced_until, at);
BEGIN
    IF turn <= at + step * (most - 1) THEN
        UPDATE webhooks.lanes AS o SET paced_until = turn + step
         WHERE o.endpoint_id = e.id;
        RETURN true;
    END IF;

    IF l.paced_at IS NULL OR l.paced_at <= at THEN
        UPDATE webhooks.lanes AS o SET paced_at = turn - step * (most - 1)
         WHERE o.endpoint_id = e.id;
        PERFORM pando.enqueue('webhooks.dispatch',
                    jsonb_build_object('endpoint_id', e.id), e.tenant_id,
                    turn - step * (most - 1))
           FROM generate_series(1, least(most, e.max_in_flight));
    END IF;

    RETURN false;
END $$;

-- As before, but for nobody who pulls, and no more than so many a second.
CREATE OR REPLACE FUNCTION webhooks.claim(tenant uuid, endpoint uuid,
    spare_s int)
RETURNS TABLE (message_id uuid, attempt int, type text, url text,
    timeout_ms int, body text, key_1 text, key_2 text)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    e webhooks.endpoints;
    l webhooks.lanes;
    at timestamptz;
    message uuid;
    keys text[];
    n int;
BEGIN
    SELECT * INTO l FROM webhooks.lanes AS l
     WHERE l.endpoint_id = endpoint AND l.tenant_id = tenant FOR UPDATE;
    SELECT * INTO e FROM webhooks.endpoints AS e
     WHERE e.id = endpoint AND e.tenant_id = tenant AND e.kind = 'http';
    at := clock_timestamp();

    IF e.id IS NULL OR e.state <> 'active' OR l.blocked_until > at THEN
        RETURN;
    END IF;

    SELECT count(*) INTO n FROM webhooks.deliveries AS d
     WHERE d.endpoint_id = endpoint AND d.state = 'sending'
       AND d.lease_until > at;

    IF n >= (CASE WHEN l.failures >= 10 THEN 1 ELSE e.max_in_flight END) THEN
        RETURN;
    END IF;

    SELECT d.message_id INTO message FROM webhooks.deliveries AS d
     WHERE d.endpoint_id = endpoint AND d.state = 'sending'
       AND d.lease_until <= at
     ORDER BY d.lease_until LIMIT 1;

    IF message IS NULL AND l.failures >= 10 THEN
        SELECT d.message_id INTO message FROM webhooks.deliveries AS d
         WHERE d.endpoint_id = endpoint AND d.state = 'pending'
           AND d.next_at <= at
         ORDER BY d.planned DESC, d.next_at LIMIT 1;

    ELSIF message IS NULL THEN
        SELECT d.message_id INTO message FROM webhooks.deliveries AS d
         WHERE d.endpoint_id = endpoint AND d.state = 'pending'
           AND d.next_at <= at
         ORDER BY d.next_at LIMIT 1;
    END IF;

    IF message IS NULL
       OR (e.rate_per_s IS NOT NULL AND NOT webhooks.paced(e, l, at))
    THEN
        RETURN;
    END IF;

    UPDATE webhooks.deliveries AS d
       SET state = 'sending', attempts = attempts + 1,
           planned = planned + CASE WHEN resent THEN 0 ELSE 1 END,
           lease_until = at + e.timeout_ms * interval '1 ms'
                         + spare_s * interval '1 s'
     WHERE d.endpoint_id = endpoint AND d.message_id = message
    RETURNING d.attempts INTO n;

    keys := webhooks.live(endpoint, 'hmac');

    RETURN QUERY
    SELECT m.id, n, m.type, e.url, e.timeout_ms, m.body, keys[1], keys[2]
      FROM webhooks.messages AS m
     WHERE m.id = message;
END $$;

-- As before, but who pulls is not missed by anybody.
CREATE OR REPLACE FUNCTION webhooks.sweep(most int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    o record;
    n int := 0;
BEGIN
    FOR o IN
        SELECT DISTINCT x.tenant_id, x.endpoint_id
          FROM ((SELECT d.tenant_id, d.endpoint_id
                   FROM webhooks.deliveries AS d
                   JOIN webhooks.endpoints AS e ON e.id = d.endpoint_id
                    AND e.state = 'active' AND e.kind = 'http'
                   JOIN webhooks.lanes AS l ON l.endpoint_id = e.id
                    AND coalesce(l.blocked_until < clock_timestamp(), true)
                    AND coalesce(l.paced_at < clock_timestamp(), true)
                  WHERE d.state = 'pending'
                    AND d.next_at < clock_timestamp() - interval '10 s'
                  ORDER BY d.next_at LIMIT most)
                UNION ALL
                (SELECT d.tenant_id, d.endpoint_id
                   FROM webhooks.deliveries AS d
                   JOIN webhooks.endpoints AS e
                     ON e.id = d.endpoint_id AND e.state = 'active'
                  WHERE d.state = 'sending'
                    AND d.lease_until < clock_timestamp()
                  ORDER BY d.lease_until LIMIT most)) AS x
    LOOP
        PERFORM webhooks.wake(o.tenant_id, o.endpoint_id, clock_timestamp());
        n := n + 1;
    END LOOP;

    RETURN n;
END $$;

-- As before; who pulls has it at the end of the line.
CREATE OR REPLACE FUNCTION webhooks.resend(tenant uuid, message uuid,
    named uuid[])
RETURNS int LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    endpoint uuid;
    n int := 0;
BEGIN
    FOR endpoint IN
        UPDATE webhooks.deliveries AS d
           SET state = 'pending', resent = true, next_at = clock_timestamp(),
               planned = CASE d.state WHEN 'pending' THEN planned ELSE 10 END
         WHERE d.message_id = message AND d.tenant_id = tenant
           AND d.state <> 'sending'
           AND (cardinality(named) = 0 OR d.endpoint_id = ANY (named))
        RETURNING d.endpoint_id
    LOOP
        n := n + 1;

        IF EXISTS (SELECT FROM webhooks.endpoints AS e
                    WHERE e.id = endpoint AND e.kind = 'http') THEN
            PERFORM pando.enqueue('webhooks.dispatch',
                jsonb_build_object('endpoint_id', endpoint), tenant);
            CONTINUE;
        END IF;

        WITH l AS (
            UPDATE webhooks.lanes AS l SET seq = seq + 1
             WHERE l.endpoint_id = endpoint RETURNING l.seq
        )
        UPDATE webhooks.deliveries AS d SET seq = l.seq FROM l
         WHERE d.endpoint_id = endpoint AND d.message_id = message;
    END LOOP;

    RETURN n;
END $$;

-- What is behind a place in line, so many and of some 4 MiB at most.
CREATE FUNCTION webhooks.poll(e webhooks.endpoints, after bigint, most int)
RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object('data', coalesce(json_agg(json_build_object(
               'id', x.id, 'seq', x.seq, 'type', x.type,
               'payload', CASE e.payload WHEN 'full' THEN x.body::jsonb
                   ELSE x.body::jsonb - 'data' || jsonb_build_object('dataref',
                       '/api/v1/webhook-messages/' || x.id) END)
               ORDER BY x.seq), '[]'), 'next', max(x.seq)::text)
      FROM (SELECT m.id, m.type, m.body, d.seq, sum(octet_length(m.body))
                       OVER (ORDER BY d.seq) - octet_length(m.body) AS before
              FROM (SELECT o.message_id, o.seq FROM webhooks.deliveries AS o
                     WHERE o.endpoint_id = e.id AND o.state = 'pending'
                       AND o.seq > after
                     ORDER BY o.seq LIMIT most) AS d
              JOIN webhooks.messages AS m ON m.id = d.message_id) AS x
     WHERE x.before < 4194304
$$;

-- What is up to that place has arrived; 10,000 at most at once.
CREATE FUNCTION webhooks.ack(e webhooks.endpoints, upto bigint)
RETURNS int LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    n int;
BEGIN
    UPDATE webhooks.deliveries AS d
       SET state = 'succeeded', attempts = attempts + 1, resent = false
     WHERE d.endpoint_id = e.id AND d.state = 'pending'
       AND d.message_id = ANY (ARRAY(
               SELECT o.message_id FROM webhooks.deliveries AS o
                WHERE o.endpoint_id = e.id AND o.state = 'pending'
                  AND o.seq <= upto
                ORDER BY o.seq LIMIT 10000));
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$;

-- For whom too much waits, and for whom no longer.  Each is told once.
CREATE FUNCTION webhooks.measure(most bigint) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    o record;
    who uuid[];
    counts bigint[];
    n int := 0;
BEGIN
    SELECT array_agg(x.tenant_id), array_agg(x.n) INTO who, counts
      FROM (SELECT e.tenant_id, sum(d.n)::bigint AS n
              FROM (SELECT endpoint_id, count(*) AS n FROM webhooks.deliveries
                     WHERE state = 'pending' GROUP BY 1) AS d
              JOIN webhooks.endpoints AS e ON e.id = d.endpoint_id
             GROUP BY 1 HAVING sum(d.n) >= most * 0.9) AS x;

    FOR o IN
        INSERT INTO webhooks.backlogs AS b (tenant_id, pending)
        SELECT w.tenant_id, w.n FROM unnest(who, counts) AS w (tenant_id, n)
         WHERE w.n >= most
        ON CONFLICT (tenant_id) DO NOTHING
        RETURNING b.tenant_id, b.pending
    LOOP
        PERFORM pando.emit(o.tenant_id, 'webhook_backlog.filled', 1,
            o.tenant_id, jsonb_build_object('pending', o.pending));
        n := n + 1;
    END LOOP;

    DELETE FROM webhooks.backlogs AS b
     WHERE b.tenant_id <> ALL (coalesce(who, '{}'));

    RETURN n;
END $$;

-- As before, and ids that were seen a day ago.
CREATE OR REPLACE FUNCTION webhooks.forget(most int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    n int;
    more int;
    ids int;
BEGIN
    DELETE FROM webhooks.messages AS m
     WHERE m.id IN (SELECT o.id FROM webhooks.messages AS o
                     WHERE o.created_at < now() - interval '30 days'
                     ORDER BY o.created_at LIMIT most);
    GET DIAGNOSTICS n = ROW_COUNT;

    DELETE FROM webhooks.attempts AS a
     WHERE a.id IN (SELECT o.id FROM webhooks.attempts AS o
                     WHERE o.at < now() - interval '30 days'
                     ORDER BY o.at LIMIT most);
    GET DIAGNOSTICS more = ROW_COUNT;

    DELETE FROM webhooks.seen AS s
     WHERE s.ctid = ANY (ARRAY(SELECT o.ctid FROM webhooks.seen AS o
                                WHERE o.at < now() - interval '1 day'
                                ORDER BY o.at LIMIT most));
    GET DIAGNOSTICS ids = ROW_COUNT;

    RETURN n + more + ids;
END $$;
