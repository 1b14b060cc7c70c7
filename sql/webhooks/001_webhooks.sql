-- Webhooks: endpoints, the messages for them, and what became of each.
--
-- What must stay true: an event is one message of its tenant, and one delivery
-- to each endpoint that wants it; no more of an endpoint are under way than it
-- allows, since who claims holds its lane; what a worker that died had in hand
-- is claimed again when its lease is over; a secret stands here encrypted.

CREATE SCHEMA webhooks;

CREATE TABLE webhooks.endpoints (
    id               uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id        uuid NOT NULL,
    uid              text,
    url              text NOT NULL,
    description      text,
    event_types      text[] NOT NULL,
    max_in_flight    int NOT NULL,
    timeout_ms       int NOT NULL,
    state            text NOT NULL DEFAULT 'active',
    disabled_reason  text,
    version          bigint NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT endpoints_pkey PRIMARY KEY (id),
    CONSTRAINT endpoints_uid_key UNIQUE (tenant_id, uid),
    CONSTRAINT endpoints_state_check
        CHECK (state IN ('active', 'paused', 'disabled')),
    CONSTRAINT endpoints_in_flight_check CHECK (max_in_flight BETWEEN 1 AND 32),
    CONSTRAINT endpoints_timeout_check
        CHECK (timeout_ms BETWEEN 1000 AND 30000)
);

CREATE INDEX endpoints_by_tenant ON webhooks.endpoints (tenant_id, id);

-- How it goes with an endpoint; whoever claims a delivery holds its row.
CREATE TABLE webhooks.lanes (
    endpoint_id    uuid NOT NULL,
    tenant_id      uuid NOT NULL,
    failures       int NOT NULL DEFAULT 0,      -- in a row
    failing_since  timestamptz,
    told           int NOT NULL DEFAULT 0,      -- of how many days of it
    blocked_until  timestamptz,

    CONSTRAINT lanes_pkey PRIMARY KEY (endpoint_id),
    CONSTRAINT lanes_endpoint_fkey FOREIGN KEY (endpoint_id)
        REFERENCES webhooks.endpoints ON DELETE CASCADE
) WITH (fillfactor = 50);

CREATE INDEX lanes_failing ON webhooks.lanes (failing_since)
 WHERE failing_since IS NOT NULL;

-- The newest one signs, and those that are not over yet.
CREATE TABLE webhooks.secrets (
    id           uuid NOT NULL DEFAULT pando.uuid7(),
    endpoint_id  uuid NOT NULL,
    tenant_id    uuid NOT NULL,
    key_ct       text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,

    CONSTRAINT secrets_pkey PRIMARY KEY (id),
    CONSTRAINT secrets_endpoint_fkey FOREIGN KEY (endpoint_id)
        REFERENCES webhooks.endpoints ON DELETE CASCADE
);

CREATE INDEX secrets_by_endpoint ON webhooks.secrets (endpoint_id, id);
CREATE INDEX secrets_over ON webhooks.secrets (expires_at)
 WHERE expires_at IS NOT NULL;

-- Kept for 30 days; the body is what was signed, and is sent again as it is.
CREATE TABLE webhooks.messages (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id   uuid NOT NULL,
    event_id    uuid NOT NULL,
    type        text NOT NULL,
    body        text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT messages_pkey PRIMARY KEY (id),
    CONSTRAINT messages_event_key UNIQUE (tenant_id, event_id)
);

CREATE INDEX messages_by_tenant ON webhooks.messages (tenant_id, id);
CREATE INDEX messages_by_age ON webhooks.messages (created_at);

-- attempts: all of them; planned: those of the plan.
CREATE TABLE webhooks.deliveries (
    endpoint_id  uuid NOT NULL,
    message_id   uuid NOT NULL,
    tenant_id    uuid NOT NULL,
    state        text NOT NULL DEFAULT 'pending',
    attempts     int NOT NULL DEFAULT 0,
    planned      int NOT NULL DEFAULT 0,
    resent       boolean NOT NULL DEFAULT false,
    next_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    lease_until  timestamptz,

    CONSTRAINT deliveries_pkey PRIMARY KEY (endpoint_id, message_id),
    CONSTRAINT deliveries_endpoint_fkey FOREIGN KEY (endpoint_id)
        REFERENCES webhooks.endpoints ON DELETE CASCADE,
    CONSTRAINT deliveries_message_fkey FOREIGN KEY (message_id)
        REFERENCES webhooks.messages ON DELETE CASCADE,
    CONSTRAINT deliveries_state_check
        CHECK (state IN ('pending', 'sending', 'succeeded', 'failed'))
) WITH (autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX deliveries_by_message ON webhooks.deliveries (message_id);
CREATE INDEX deliveries_pending ON webhooks.deliveries (endpoint_id, next_at)
 WHERE state = 'pending';
CREATE INDEX deliveries_tried
    ON webhooks.deliveries (endpoint_id, planned DESC, next_at)
 WHERE state = 'pending';
CREATE INDEX deliveries_sending
    ON webhooks.deliveries (endpoint_id, lease_until)
 WHERE state = 'sending';
CREATE INDEX deliveries_due ON webhooks.deliveries (next_at)
 WHERE state = 'pending';
CREATE INDEX deliveries_lost ON webhooks.deliveries (lease_until)
 WHERE state = 'sending';

-- Kept for 30 days.
CREATE TABLE webhooks.attempts (
    id           uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id    uuid NOT NULL,
    endpoint_id  uuid NOT NULL,
    message_id   uuid NOT NULL,
    n            int NOT NULL,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    status       int,
    duration_ms  bigint NOT NULL,
    error        text,
    ip           text,
    response     text,

    CONSTRAINT attempts_pkey PRIMARY KEY (id)
);

CREATE INDEX attempts_by_message ON webhooks.attempts (message_id, id);
CREATE INDEX attempts_by_age ON webhooks.attempts (at);


-- Documents

CREATE FUNCTION webhooks.doc(e webhooks.endpoints) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', e.id, 'uid', e.uid, 'url', e.url,
        'description', e.description, 'event_types', e.event_types,
        'max_in_flight', e.max_in_flight, 'timeout_ms', e.timeout_ms,
        'state', e.state, 'disabled_reason', e.disabled_reason,
        'version', e.version, 'created_at', pando.rfc3339(e.created_at),
        'updated_at', pando.rfc3339(e.updated_at))
$$;

CREATE FUNCTION webhooks.message_doc(m webhooks.messages) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', m.id, 'event_id', m.event_id,
        'type', m.type, 'created_at', pando.rfc3339(m.created_at),
        'deliveries', (SELECT coalesce(json_agg(json_build_object(
            'endpoint_id', d.endpoint_id, 'state', d.state,
            'attempts', d.attempts, 'next_at', CASE WHEN d.state = 'pending'
                THEN pando.rfc3339(d.next_at) END) ORDER BY d.endpoint_id), '[]')
            FROM webhooks.deliveries AS d WHERE d.message_id = m.id))
$$;


-- Jobs that look for what is due to an endpoint, as many as it takes at once;
-- each sends one after another, and ends where there is no more or no room.
CREATE FUNCTION webhooks.wake(tenant uuid, endpoint uuid, at timestamptz)
RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT pando.enqueue('webhooks.dispatch',
               jsonb_build_object('endpoint_id', endpoint), tenant, at)
      FROM (SELECT FROM webhooks.deliveries AS d
             WHERE d.endpoint_id = endpoint
               AND d.state IN ('pending', 'sending')
             LIMIT (SELECT e.max_in_flight FROM webhooks.endpoints AS e
                     WHERE e.id = endpoint)) AS waiting
$$;


-- One event: a message, and a delivery to each endpoint that wants it.  What
-- webhooks say of themselves is for who asks for just that, and never for the
-- endpoint that it is about.
CREATE FUNCTION webhooks.fan_out(tenant uuid, event uuid, type text,
    subject uuid, body text)
RETURNS int LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    noun text := split_part(fan_out.type, '.', 1);
    own boolean := starts_with(fan_out.type, 'webhook');
    wanted text[] := ARRAY[fan_out.type, noun || '.*']
        || CASE WHEN own THEN '{}' ELSE '{*}'::text[] END;
    to_all uuid[];
    endpoint uuid;
    message uuid;
BEGIN
    SELECT array_agg(e.id) INTO to_all
      FROM (SELECT e.id FROM webhooks.endpoints AS e
             WHERE e.tenant_id = tenant AND e.state <> 'disabled'
               AND e.event_types && wanted
               AND NOT (own AND e.id IS NOT DISTINCT FROM fan_out.subject)
               FOR KEY SHARE) AS e;

    IF to_all IS NULL THEN
        RETURN 0;
    END IF;

    INSERT INTO webhooks.messages (tenant_id, event_id, type, body)
    VALUES (tenant, event, fan_out.type, fan_out.body)
    ON CONFLICT ON CONSTRAINT messages_event_key DO NOTHING
    RETURNING id INTO message;

    IF message IS NULL THEN
        RETURN 0;
    END IF;

    INSERT INTO webhooks.deliveries (endpoint_id, message_id, tenant_id)
    SELECT id, message, tenant FROM unnest(to_all) AS id;

    FOREACH endpoint IN ARRAY to_all LOOP
        PERFORM pando.enqueue('webhooks.dispatch',
            jsonb_build_object('endpoint_id', endpoint), tenant);
    END LOOP;

    RETURN cardinality(to_all);
END $$;


-- The next delivery that is due to an endpoint and may be under way, too.  Of
-- one that fails again and again it is the one that was tried most, alone.
CREATE FUNCTION webhooks.claim(tenant uuid, endpoint uuid, spare_s int)
RETURNS TABLE (message_id uuid, attempt int, type text, url text,
    timeout_ms int, body text, key_1 text, key_2 text)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    e webhooks.endpoints;
    l webhooks.lanes;
    at timestamptz;
    message uuid;
    n int;
BEGIN
    SELECT * INTO l FROM webhooks.lanes AS l
     WHERE l.endpoint_id = endpoint AND l.tenant_id = tenant FOR UPDATE;
    SELECT * INTO e FROM webhooks.endpoints AS e
     WHERE e.id = endpoint AND e.tenant_id = tenant;
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

    IF message IS NULL THEN
        RETURN;
    END IF;

    UPDATE webhooks.deliveries AS d
       SET state = 'sending', attempts = attempts + 1,
           planned = planned + CASE WHEN resent THEN 0 ELSE 1 END,
           lease_until = at + e.timeout_ms * interval '1 ms'
                         + spare_s * interval '1 s'
     WHERE d.endpoint_id = endpoint AND d.message_id = message
    RETURNING d.attempts INTO n;

    RETURN QUERY
    SELECT m.id, n, m.type, e.url, e.timeout_ms, m.body, k.keys[1], k.keys[2]
      FROM webhooks.messages AS m,
           (SELECT array_agg(s.key_ct ORDER BY s.id DESC) AS keys
              FROM webhooks.secrets AS s
             WHERE s.endpoint_id = endpoint
               AND (s.expires_at IS NULL OR s.expires_at > at)) AS k
     WHERE m.id = message;
END $$;


-- When it is tried again after so many attempts of the plan; null: no more.
-- random is from 0 to 1.
CREATE FUNCTION webhooks.pause(planned int, random float8)
RETURNS interval LANGUAGE sql IMMUTABLE AS $$
    SELECT (ARRAY[5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400])
           [greatest(planned, 1)] * (1 + 0.2 * random) * interval '1 s'
$$;

CREATE FUNCTION webhooks.disable(e webhooks.endpoints, reason text)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE webhooks.endpoints AS o
       SET state = 'disabled', disabled_reason = reason,
           version = version + 1, updated_at = now()
     WHERE o.id = e.id AND o.state <> 'disabled';

    IF FOUND THEN
        PERFORM pando.emit(e.tenant_id, 'webhook_endpoint.disabled', 1, e.id,
            jsonb_build_object('endpoint_id', e.id, 'reason', reason));
    END IF;
END $$;

-- How an attempt went.  Where the delivery is another's by now, its lease was
-- over: then the attempt is only noted.
CREATE FUNCTION webhooks.record(tenant uuid, endpoint uuid, message uuid,
    n int, good boolean, status int, ms bigint, error text, ip text,
    response text, after_s int)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    e webhooks.endpoints;
    l webhooks.lanes;
    d webhooks.deliveries;
    what text;
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

    IF l.blocked_until > clock_timestamp() THEN
        PERFORM webhooks.wake(tenant, endpoint, l.blocked_until);
    END IF;

    IF at IS NOT NULL THEN
        PERFORM pando.enqueue('webhooks.dispatch',
            jsonb_build_object('endpoint_id', endpoint), tenant, at);
    END IF;
END $$;

-- It was not tried, for want of room on this side.
CREATE FUNCTION webhooks.put_off(tenant uuid, endpoint uuid, message uuid,
    n int, ms bigint)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    at timestamptz := clock_timestamp() + ms * interval '1 ms';
BEGIN
    UPDATE webhooks.deliveries AS d
       SET state = 'pending', attempts = attempts - 1, lease_until = NULL,
           planned = planned - CASE WHEN resent THEN 0 ELSE 1 END, next_at = at
     WHERE d.endpoint_id = endpoint AND d.message_id = message
       AND d.tenant_id = tenant AND d.state = 'sending' AND d.attempts = n;

    PERFORM pando.enqueue('webhooks.dispatch',
        jsonb_build_object('endpoint_id', endpoint), tenant, at);
END $$;


-- What nobody came for: a worker died, or a job for it was lost.
CREATE FUNCTION webhooks.sweep(most int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    o record;
    n int := 0;
BEGIN
    FOR o IN
        SELECT DISTINCT x.tenant_id, x.endpoint_id
          FROM ((SELECT d.tenant_id, d.endpoint_id
                   FROM webhooks.deliveries AS d
                   JOIN webhooks.endpoints AS e
                     ON e.id = d.endpoint_id AND e.state = 'active'
                   JOIN webhooks.lanes AS l ON l.endpoint_id = e.id
                    AND coalesce(l.blocked_until < clock_timestamp(), true)
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

-- Tenants are told of what fails for one day and for three; after five, and
-- ten attempts, it is given up.
CREATE FUNCTION webhooks.review() RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    o record;
    days int;
    n int := 0;
BEGIN
    FOR o IN
        SELECT e, l.failures, l.told, l.failing_since
          FROM webhooks.lanes AS l
          JOIN webhooks.endpoints AS e ON e.id = l.endpoint_id
         WHERE l.failing_since < now() - interval '1 day'
           AND e.state = 'active'
           FOR UPDATE OF l
    LOOP
        days := CASE WHEN o.failing_since < now() - interval '5 days' THEN 5
                     WHEN o.failing_since < now() - interval '3 days' THEN 3
                     ELSE 1 END;
        CONTINUE WHEN days <= o.told OR (days = 5 AND o.failures < 10);

        UPDATE webhooks.lanes AS l SET told = days
         WHERE l.endpoint_id = (o.e).id;
        n := n + 1;

        IF days = 5 THEN
            PERFORM webhooks.disable(o.e, 'failing');
        ELSE
            PERFORM pando.emit((o.e).tenant_id, 'webhook_endpoint.failing', 1,
                (o.e).id, jsonb_build_object('endpoint_id', (o.e).id,
                    'days', days, 'failures', o.failures));
        END IF;
    END LOOP;

    RETURN n;
END $$;

-- What is older than 30 days, so many messages and attempts at once.
CREATE FUNCTION webhooks.forget(most int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    n int;
    more int;
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

    RETURN n + more;
END $$;

-- A message is sent again to those of its endpoints that are named, or to all;
-- what is under way is not, and what was over is tried just once.
CREATE FUNCTION webhooks.resend(tenant uuid, message uuid, named uuid[])
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
        PERFORM pando.enqueue('webhooks.dispatch',
            jsonb_build_object('endpoint_id', endpoint), tenant);
        n := n + 1;
    END LOOP;

    RETURN n;
END $$;
