-- What an endpoint chooses: by conditions, by channels, in which order, how
-- much of an event, with which headers of its own; messages that a tenant
-- sends itself; and what was missed, sent later.
--
-- What must stay true: of an ordered endpoint only the first delivery of a key
-- that is not over is ever due, and its lane's row is held by who adds one and
-- by who ends one.  The functions of before stay for nodes of that version.

ALTER TABLE webhooks.endpoints
    ADD COLUMN filters       text[] NOT NULL DEFAULT '{}',
    ADD COLUMN channels      text[] NOT NULL DEFAULT '{}',
    ADD COLUMN ordering      text NOT NULL DEFAULT 'none',
    ADD COLUMN when_stuck    text NOT NULL DEFAULT 'skip',
    ADD COLUMN payload       text NOT NULL DEFAULT 'full',
    ADD COLUMN header_names  text[] NOT NULL DEFAULT '{}',
    ADD COLUMN headers_ct    text,
    ADD CONSTRAINT endpoints_ordering_check
        CHECK (ordering IN ('none', 'by_key', 'strict')),
    ADD CONSTRAINT endpoints_stuck_check
        CHECK (when_stuck IN ('skip', 'block')),
    ADD CONSTRAINT endpoints_payload_check
        CHECK (payload IN ('full', 'thin'));

ALTER TABLE webhooks.lanes ADD COLUMN seq bigint NOT NULL DEFAULT 0;

ALTER TABLE webhooks.messages
    ADD COLUMN channels  text[] NOT NULL DEFAULT '{}',
    ADD COLUMN key       text;

-- seq and line: of an ordered endpoint; a line is a key's, or '' for all.
ALTER TABLE webhooks.deliveries
    ADD COLUMN seq   bigint,
    ADD COLUMN line  text,
    DROP CONSTRAINT deliveries_state_check,
    ADD CONSTRAINT deliveries_state_check
        CHECK (state IN ('pending', 'sending', 'succeeded', 'failed',
                         'expired'));

CREATE INDEX deliveries_in_line ON webhooks.deliveries (endpoint_id, line, seq)
 WHERE line IS NOT NULL AND state IN ('pending', 'sending');
CREATE INDEX deliveries_missed ON webhooks.deliveries (endpoint_id, message_id)
 WHERE state IN ('failed', 'expired');
CREATE INDEX attempts_by_endpoint ON webhooks.attempts (endpoint_id, at);

CREATE OR REPLACE FUNCTION webhooks.doc(e webhooks.endpoints) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', e.id, 'uid', e.uid, 'url', e.url,
        'description', e.description, 'event_types', e.event_types,
        'filters', e.filters, 'channels', e.channels,
        'ordering', e.ordering, 'when_stuck', e.when_stuck,
        'payload', e.payload, 'header_names', e.header_names,
        'max_in_flight', e.max_in_flight, 'timeout_ms', e.timeout_ms,
        'state', e.state, 'disabled_reason', e.disabled_reason,
        'version', e.version, 'created_at', pando.rfc3339(e.created_at),
        'updated_at', pando.rfc3339(e.updated_at))
$$;

CREATE OR REPLACE FUNCTION webhooks.message_doc(m webhooks.messages)
RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', m.id, 'event_id', m.event_id,
        'type', m.type, 'channels', m.channels, 'key', m.key,
        'created_at', pando.rfc3339(m.created_at),
        'deliveries', (SELECT coalesce(json_agg(json_build_object(
            'endpoint_id', d.endpoint_id, 'state', d.state,
            'attempts', d.attempts, 'seq', d.seq,
            'next_at', CASE WHEN d.state = 'pending' AND isfinite(d.next_at)
                THEN pando.rfc3339(d.next_at) END) ORDER BY d.endpoint_id), '[]')
            FROM webhooks.deliveries AS d WHERE d.message_id = m.id))
$$;


-- Who wants an event, by its type and channels; whether their conditions hold
-- is for the caller to find out.
CREATE FUNCTION webhooks.wanted(tenant uuid, type text, subject uuid,
    channels text[])
RETURNS TABLE (id uuid, filters text[]) LANGUAGE sql STABLE AS $$
    SELECT e.id, e.filters FROM webhooks.endpoints AS e
     WHERE e.tenant_id = wanted.tenant
       AND e.event_types && (ARRAY[wanted.type,
               split_part(wanted.type, '.', 1) || '.*']
           || CASE WHEN starts_with(wanted.type, 'webhook') THEN '{}'
                   ELSE '{*}'::text[] END)
       AND (e.channels = '{}' OR e.channels && wanted.channels)
       AND NOT (starts_with(wanted.type, 'webhook')
                AND e.id IS NOT DISTINCT FROM wanted.subject)
$$;

-- A delivery to an endpoint: due, or behind others of its line, or expired
-- where the endpoint takes none.  at: when it would be due.
CREATE FUNCTION webhooks.add_delivery(e webhooks.endpoints, message uuid,
    key text, at timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    n bigint;
    in_line text;
BEGIN
    IF e.ordering <> 'none' THEN
        in_line := CASE e.ordering WHEN 'by_key' THEN coalesce(add_delivery.key,
                       message::text) ELSE '' END;
        UPDATE webhooks.lanes AS l SET seq = seq + 1
         WHERE l.endpoint_id = e.id RETURNING l.seq INTO n;

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

    IF e.state <> 'disabled' AND at < 'infinity' THEN
        PERFORM pando.enqueue('webhooks.dispatch',
            jsonb_build_object('endpoint_id', e.id), e.tenant_id, at);
    END IF;
END $$;

-- One event: a message, and a delivery to each endpoint of those.  null: it
-- was there before.
CREATE FUNCTION webhooks.fan_out(tenant uuid, event uuid, type text,
    body text, channels text[], key text, to_all uuid[])
RETURNS uuid LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    e webhooks.endpoints;
    message uuid;
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

    FOR e IN
        SELECT o.* FROM webhooks.endpoints AS o
         WHERE o.tenant_id = tenant AND o.id = ANY (to_all)
         ORDER BY o.id FOR KEY SHARE
    LOOP
        PERFORM webhooks.add_delivery(e, message, fan_out.key,
                                      clock_timestamp());
    END LOOP;

    RETURN message;
END $$;

-- The first of a line that is not over is due, if nothing else made it so.
CREATE FUNCTION webhooks.advance(tenant uuid, endpoint uuid, in_line text)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE webhooks.deliveries AS d SET next_at = clock_timestamp()
     WHERE d.endpoint_id = endpoint AND d.next_at = 'infinity'
       AND d.message_id = (SELECT o.message_id FROM webhooks.deliveries AS o
                            WHERE o.endpoint_id = endpoint
                              AND o.line = in_line
                              AND o.state IN ('pending', 'sending')
                            ORDER BY o.seq LIMIT 1);

    IF FOUND THEN
        PERFORM pando.enqueue('webhooks.dispatch',
            jsonb_build_object('endpoint_id', endpoint), tenant);
    END IF;
END $$;

-- Lines whose first one is gone, since it was too old to be kept.
CREATE FUNCTION webhooks.unstick() RETURNS int
LANGUAGE sql VOLATILE AS $$
    SELECT count(webhooks.advance(d.tenant_id, d.endpoint_id, d.line))::int
      FROM (SELECT DISTINCT ON (o.endpoint_id, o.line) o.*
              FROM webhooks.deliveries AS o
             WHERE o.line IS NOT NULL AND o.state IN ('pending', 'sending')
             ORDER BY o.endpoint_id, o.line, o.seq) AS d
     WHERE d.next_at = 'infinity'
$$;


-- What an attempt needs besides webhooks.claim().  In a statement of its own:
-- what was added while claim() waited for the lane is not seen by the one
-- that calls it.
CREATE FUNCTION webhooks.claim_next(tenant uuid, endpoint uuid, spare_s int)
RETURNS TABLE (message_id uuid, attempt int, type text, url text,
    timeout_ms int, body text, key_1 text, key_2 text, thin boolean,
    headers_ct text, seq bigint)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    c record;
BEGIN
    FOR c IN SELECT * FROM webhooks.claim(tenant, endpoint, spare_s) LOOP
        RETURN QUERY
        SELECT c.message_id, c.attempt, c.type, c.url, c.timeout_ms, c.body,
               c.key_1, c.key_2, e.payload = 'thin', e.headers_ct, d.seq
          FROM webhooks.endpoints AS e
          JOIN webhooks.deliveries AS d
            ON d.endpoint_id = e.id AND d.message_id = c.message_id
         WHERE e.id = endpoint;
    END LOOP;
END $$;

-- As before, and: the line goes on when a delivery is over; of an ordered
-- endpoint that is stuck, it is over after a day, or never, as it says.
CREATE OR REPLACE FUNCTION webhooks.record(tenant uuid, endpoint uuid,
    message uuid, n int, good boolean, status int, ms bigint, error text,
    ip text, response text, after_s int)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    e webhooks.endpoints;
    l webhooks.lanes;
    d webhooks.deliveries;
    at timestamptz;
BEGIN
    SELECT * INTO l FROM webhooks.lanes AS l
     WHERE l.endpoint_id = endpoint AND l.tenant_id = tenant FOR UPDATE;
    SELECT * INTO e FROM webhooks.endpoints AS e
     WHERE e.id = endpoint AND e.tenant_id = tenant;
    SELECT * INTO d FROM webhooks.deliveries AS d
     WHERE d.endpoint_id = endpoint AND d.message_id = message;

    IF e.id IS NULL OR d.message_id IS NULL THEN
        RETURN;
    END IF;

    INSERT INTO webhooks.attempts (tenant_id, endpoint_id, message_id, n,
           status, duration_ms, error, ip, response)
    VALUES (tenant, endpoint, message, record.n, record.status, ms,
            record.error, record.ip, record.response);

    IF d.state <> 'sending' OR d.attempts <> record.n THEN
        RETURN;
    END IF;

    IF good THEN
        UPDATE webhooks.deliveries AS o
           SET state = 'succeeded', resent = false, lease_until = NULL
         WHERE o.endpoint_id = endpoint AND o.message_id = message;

        IF d.line IS NOT NULL THEN
            PERFORM webhooks.advance(tenant, endpoint, d.line);
        END IF;

        IF l.failures > 0 THEN
            UPDATE webhooks.lanes AS o
               SET failures = 0, failing_since = NULL, told = 0,
                   blocked_until = NULL
             WHERE o.endpoint_id = endpoint;
            PERFORM webhooks.wake(tenant, endpoint, clock_timestamp());
        END IF;

        RETURN;
    END IF;

    at := clock_timestamp() + webhooks.pause(d.planned, random());

    IF after_s > 0 AND at IS NOT NULL THEN
        at := greatest(at, clock_timestamp() + after_s * interval '1 s');
    END IF;

    IF record.status = 410 THEN
        at := NULL;

    ELSIF d.line IS NOT NULL AND e.when_stuck = 'block' THEN
        at := coalesce(at, clock_timestamp() + interval '1 day');

    ELSIF d.line IS NOT NULL AND at > interval '1 day' + (SELECT m.created_at
            FROM webhooks.messages AS m WHERE m.id = message) THEN
        at := NULL;
    END IF;

    UPDATE webhooks.deliveries AS o
       SET state = CASE WHEN at IS NULL THEN 'failed' ELSE 'pending' END,
           next_at = coalesce(at, next_at), resent = false, lease_until = NULL
     WHERE o.endpoint_id = endpoint AND o.message_id = message;

    UPDATE webhooks.lanes AS o
       SET failures = failures + 1,
           failing_since = coalesce(failing_since, clock_timestamp()),
           blocked_until = greatest(blocked_until,
               clock_timestamp() + nullif(after_s, 0) * interval '1 s',
               CASE WHEN failures >= 9 THEN at END)
     WHERE o.endpoint_id = endpoint
    RETURNING * INTO l;

    IF record.status = 410 THEN
        PERFORM webhooks.disable(e, 'gone');
        RETURN;
    END IF;

    IF at IS NULL AND NOT d.resent AND NOT EXISTS (SELECT FROM webhooks.messages AS m
            WHERE m.id = message AND starts_with(m.type, 'webhook')) THEN
        PERFORM pando.emit(tenant, 'webhook.exhausted', 1, endpoint,
            jsonb_build_object('endpoint_id', endpoint,
                               'message_id', message));
    END IF;

    IF at IS NULL AND d.line IS NOT NULL THEN
        PERFORM webhooks.advance(tenant, endpoint, d.line);
    END IF;

    IF l.blocked_until > clock_timestamp() THEN
        PERFORM webhooks.wake(tenant, endpoint, l.blocked_until);
    END IF;

    IF at IS NOT NULL THEN
        PERFORM pando.enqueue('webhooks.dispatch',
            jsonb_build_object('endpoint_id', endpoint), tenant, at);
    END IF;
END $$;


-- These are due to an endpoint again, one after another as they are named,
-- but for what is under way.
CREATE FUNCTION webhooks.redeliver(tenant uuid, endpoint uuid,
    messages uuid[])
RETURNS int LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    e webhooks.endpoints;
    m record;
    n int := 0;
    at timestamptz := clock_timestamp();
BEGIN
    PERFORM FROM webhooks.lanes AS l
      WHERE l.endpoint_id = endpoint AND l.tenant_id = tenant FOR UPDATE;
    SELECT * INTO e FROM webhooks.endpoints AS e
     WHERE e.id = endpoint AND e.tenant_id = tenant;

    FOR m IN
        SELECT o.id, o.key FROM webhooks.messages AS o
          LEFT JOIN webhooks.deliveries AS d
            ON d.message_id = o.id AND d.endpoint_id = endpoint
         WHERE o.tenant_id = tenant AND o.id = ANY (messages)
           AND coalesce(d.state, '') NOT IN ('pending', 'sending')
         ORDER BY o.id
    LOOP
        at := at + interval '1 microsecond';
        PERFORM webhooks.add_delivery(e, m.id, m.key, at);
        n := n + 1;
    END LOOP;

    RETURN n;
END $$;

-- How it went with an endpoint in its last day.
CREATE FUNCTION webhooks.stats(e webhooks.endpoints) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('attempts', a.n, 'succeeded', a.good,
        'success_ratio', round(a.good::numeric / nullif(a.n, 0), 4),
        'p50_ms', a.p50, 'p95_ms', a.p95,
        'backlog', b.n, 'oldest_age_s', b.age,
        'failures_in_a_row', l.failures,
        'failing_since', pando.rfc3339(l.failing_since),
        'blocked_until', CASE WHEN l.blocked_until > now()
                              THEN pando.rfc3339(l.blocked_until) END)
      FROM (SELECT count(*) AS n,
                   count(*) FILTER (WHERE t.status BETWEEN 200 AND 299) AS good,
                   percentile_disc(0.5) WITHIN GROUP (ORDER BY t.duration_ms)
                       AS p50,
                   percentile_disc(0.95) WITHIN GROUP (ORDER BY t.duration_ms)
                       AS p95
              FROM webhooks.attempts AS t
             WHERE t.endpoint_id = e.id AND t.at > now() - interval '1 day'
           ) AS a,
           (SELECT count(*) AS n,
                   extract(epoch FROM now() - min(m.created_at))::bigint AS age
              FROM webhooks.deliveries AS d
              JOIN webhooks.messages AS m ON m.id = d.message_id
             WHERE d.endpoint_id = e.id
               AND d.state IN ('pending', 'sending')) AS b,
           webhooks.lanes AS l
     WHERE l.endpoint_id = e.id
$$;
