-- Notifications: webhooks of the tenant as a channel, digests that wait for
-- more, steps with conditions, fan-outs that are paused and paced, and users
-- who turn out to be one.
--
-- What must stay true: a fan-out is paused and goes on under its request's row
-- lock, so that no chunk is planned in between; how fast a tenant's go is kept
-- in one row of the tenant's; who has two users' counters holds both.

ALTER TABLE notifications.categories
    ADD COLUMN digest_window_s  int,
    ADD COLUMN digest_max_s     int,
    ADD CONSTRAINT categories_digest_check
        CHECK (digest_max_s IS NULL OR digest_max_s >= digest_window_s);

ALTER TABLE notifications.digests
    ADD COLUMN opened_at timestamptz NOT NULL DEFAULT clock_timestamp();

-- total: whom a fan-out is for, when it began.
ALTER TABLE notifications.requests
    ADD COLUMN paused  boolean NOT NULL DEFAULT false,
    ADD COLUMN total   bigint;

-- Until when a tenant's fan-outs have to wait.
CREATE TABLE notifications.paces (
    tenant_id  uuid NOT NULL,
    until      timestamptz NOT NULL,

    CONSTRAINT paces_pkey PRIMARY KEY (tenant_id)
);

CREATE OR REPLACE FUNCTION notifications.category_doc
    (c notifications.categories)
RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', c.id, 'key', c.key, 'title', c.title,
        'class', c.class, 'mandatory', c.mandatory, 'channels', c.channels,
        'digestible', c.digestible, 'digest_window_s', c.digest_window_s,
        'digest_max_s', c.digest_max_s, 'urgent', c.urgent, 'ttl_s', c.ttl_s,
        'cap_push_day', c.cap_push_day, 'cap_week', c.cap_week,
        'version', c.version, 'created_at', pando.rfc3339(c.created_at),
        'updated_at', pando.rfc3339(c.updated_at))
$$;

CREATE OR REPLACE FUNCTION notifications.request_doc(r notifications.requests)
RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', r.id, 'state', r.state,
        'paused', r.paused, 'dedup_key', r.dedup_key, 'template', r.template,
        'category', r.category, 'channels', r.channels,
        'recipients', r.recipients, 'total', r.total,
        'send_at', pando.rfc3339(r.send_at),
        'expires_at', pando.rfc3339(r.expires_at),
        'created_at', pando.rfc3339(r.created_at),
        'counts', (SELECT coalesce(json_agg(json_build_object('channel',
                s.channel, 'state', s.state, 'reason', s.reason,
                'n', s.n) ORDER BY s.channel, s.state, s.reason), '[]')
            FROM (SELECT d.channel, d.state, d.reason, count(*) AS n
                    FROM notifications.deliveries AS d
                   WHERE d.request_id = r.id AND d.tenant_id = r.tenant_id
                   GROUP BY 1, 2, 3) AS s),
        'deliveries', (SELECT coalesce(json_agg(json_build_object('id', d.id,
                'user_id', nullif(d.user_id,
                    '00000000-0000-0000-0000-000000000000'),
                'channel', d.channel, 'state', d.state, 'reason', d.reason,
                'decided_by', d.decided_by, 'attempts', d.attempts,
                'next_at', CASE WHEN isfinite(d.next_at)
                                THEN pando.rfc3339(d.next_at) END,
                'provider', d.provider, 'error_code', d.error_code)
                ORDER BY d.user_id, d.channel, d.target), '[]')
            FROM (SELECT * FROM notifications.deliveries AS d
                   WHERE d.request_id = r.id AND d.tenant_id = r.tenant_id
                   ORDER BY d.user_id, d.channel, d.target
                   LIMIT 100) AS d))
$$;

CREATE OR REPLACE FUNCTION notifications.targets(tenant uuid, who uuid,
    by_channel text)
RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT CASE by_channel
        WHEN 'webhook' THEN ARRAY['tenant']
        WHEN 'push' THEN
            (SELECT array_agg(t.id::text ORDER BY t.id)
               FROM notifications.device_tokens AS t
              WHERE t.tenant_id = tenant AND t.user_id = who
                AND t.disabled_reason IS NULL)
        ELSE
            (SELECT array_agg(CASE by_channel WHEN 'email' THEN o.email
                                              ELSE o.phone END)
               FROM notifications.contacts AS o
              WHERE o.tenant_id = tenant AND o.user_id = who
                AND CASE by_channel WHEN 'email' THEN o.email
                                    ELSE o.phone END IS NOT NULL)
        END
$$;

-- Into a digest of a category that collects: due so long after the first, or
-- after the last one, but no later than so long after the first.
CREATE FUNCTION notifications.gather(r notifications.requests,
    c notifications.categories, who uuid, by_channel text, texts jsonb,
    at timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM notifications.collect(r, who, by_channel, texts,
                                  at + c.digest_window_s * interval '1 s');

    IF c.digest_max_s IS NOT NULL THEN
        UPDATE notifications.digests AS d
           SET due_at = least(at + c.digest_window_s * interval '1 s',
                   d.opened_at + c.digest_max_s * interval '1 s')
         WHERE d.tenant_id = r.tenant_id AND d.user_id = who
           AND d.key = r.category AND d.channel = by_channel
           AND d.state = 'open';
    END IF;
END $$;

CREATE OR REPLACE FUNCTION notifications.reach(r notifications.requests,
    c notifications.categories, who uuid, by_channel text)
RETURNS int LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    o notifications.contacts;
    s notifications.schedules;
    w record;
    texts jsonb;
    zone text;
    at timestamptz;
    free timestamptz;
    to_all text[];
    n int;
BEGIN
    SELECT * INTO o FROM notifications.contacts AS q
     WHERE q.tenant_id = r.tenant_id AND q.user_id = who;
    w := notifications.decided(r, c, o, who, by_channel);

    IF w.value = 'off' THEN
        PERFORM notifications.skip(r, who, by_channel, 'skipped', w.source,
                                   'preference');
        RETURN 0;
    END IF;

    texts := notifications.worded(r.content -> by_channel, o.locale, r.locale);

    IF by_channel = 'in_app' THEN
        IF notifications.skip(r, who, by_channel, 'delivered', w.source, NULL)
        THEN
            PERFORM notifications.put(r, who, texts);
        END IF;

        RETURN 0;
    END IF;

    to_all := notifications.targets(r.tenant_id, who, by_channel);

    IF to_all IS NULL THEN
        PERFORM notifications.skip(r, who, by_channel, 'skipped', w.source,
                                   'no_target');
        RETURN 0;
    END IF;

    SELECT * INTO s FROM notifications.schedules AS q
     WHERE q.tenant_id = r.tenant_id AND q.user_id = who;
    zone := coalesce(o.time_zone, 'UTC');
    at := clock_timestamp();

    IF EXISTS (SELECT FROM notifications.deliveries AS d
                WHERE d.request_id = r.id AND d.user_id = who
                  AND d.channel = by_channel) THEN
        RETURN 0;
    END IF;

    IF c.digestible AND (w.value LIKE 'digest%'
                         OR c.digest_window_s IS NOT NULL) THEN
        PERFORM notifications.skip(r, who, by_channel, 'skipped', w.source,
                                   'digest');

        IF w.value LIKE 'digest%' THEN
            PERFORM notifications.collect(r, who, by_channel, texts,
                notifications.digest_due(at, w.value, zone, s.digest_at));
        ELSE
            PERFORM notifications.gather(r, c, who, by_channel, texts, at);
        END IF;

        RETURN 0;
    END IF;

    IF NOT coalesce(c.mandatory, false) AND notifications.capped(r.tenant_id,
           who, r.class, by_channel, coalesce(c.cap_push_day,
               CASE r.class WHEN 'marketing' THEN 1 END),
           coalesce(c.cap_week, CASE r.class WHEN 'marketing' THEN 3 END))
    THEN
        IF c.digestible THEN
            PERFORM notifications.skip(r, who, by_channel, 'skipped',
                                       w.source, 'digest');
            PERFORM notifications.collect(r, who, by_channel, texts,
                notifications.digest_due(at, 'digest_daily', zone,
                                         s.digest_at));
        ELSE
            PERFORM notifications.skip(r, who, by_channel, 'capped',
                                       w.source, 'frequency');
        END IF;

        RETURN 0;
    END IF;

    free := CASE WHEN r.urgent OR s IS NULL THEN at
                 ELSE notifications.allowed_at(at, zone, s, by_channel) END;

    INSERT INTO notifications.deliveries (request_id, tenant_id, user_id,
           channel, target, state, decided_by, reason, next_at, lane)
    SELECT r.id, r.tenant_id, who, by_channel, t,
           CASE WHEN free > at THEN 'planned' ELSE 'queued' END, w.source,
           CASE WHEN free > at THEN 'quiet' END, free, r.lane
      FROM unnest(to_all) AS t
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS n = ROW_COUNT;

    RETURN CASE WHEN free > at THEN 0 ELSE n END;
END $$;


-- A step of a flow; where its condition does not hold, only the next one; of
-- a request that waits, later.
CREATE FUNCTION notifications.step_if(tenant uuid, request uuid, who uuid,
    no int, holds boolean)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    r notifications.requests;
BEGIN
    SELECT * INTO r FROM notifications.requests AS q
     WHERE q.id = request AND q.tenant_id = tenant;

    IF r.paused THEN
        PERFORM pando.enqueue('notifications.step', jsonb_build_object(
            'request_id', r.id, 'user_id', who, 'step', no), tenant,
            clock_timestamp() + interval '1 min');
        RETURN false;
    END IF;

    IF holds THEN
        RETURN notifications.step(tenant, request, who, no);
    END IF;

    IF r.id IS NOT NULL AND r.state <> 'canceled'
       AND r.flow -> no IS NOT NULL AND NOT notifications.acted(r, who)
    THEN
        PERFORM notifications.step_at(r, who, no + 1);
    END IF;

    RETURN false;
END $$;


-- A chunk of a fan-out, if it is the tenant's turn; n is negative while it is
-- not, by so many milliseconds.  per_s: users a second, 0 as fast as it goes.
CREATE FUNCTION notifications.fan_out_paced(tenant uuid, request uuid,
    most int, per_s int)
RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    r notifications.requests;
    free timestamptz;
    n int;
BEGIN
    SELECT * INTO r FROM notifications.requests AS q
     WHERE q.id = request AND q.tenant_id = tenant FOR UPDATE;

    IF r.id IS NULL OR r.paused THEN
        RETURN 0;
    END IF;

    IF r.audience ? 'topic' AND r.total IS NULL THEN
        UPDATE notifications.requests AS q SET total =
            (SELECT count(*) FROM notifications.topic_subscriptions AS s
              WHERE s.topic_id = (r.audience ->> 'topic')::uuid)
         WHERE q.id = request;
    END IF;

    IF per_s > 0 AND r.audience ? 'topic' THEN
        INSERT INTO notifications.paces AS p VALUES (tenant, now())
        ON CONFLICT ON CONSTRAINT paces_pkey DO UPDATE SET until = p.until
        RETURNING p.until INTO free;

        IF free > clock_timestamp() THEN
            RETURN least(-1, -ceil(extract(epoch FROM free
                                           - clock_timestamp()) * 1000));
        END IF;
    END IF;

    n := notifications.fan_out(tenant, request, most);

    IF per_s > 0 AND r.audience ? 'topic' THEN
        UPDATE notifications.paces AS p
           SET until = clock_timestamp() + n * interval '1 s' / per_s
         WHERE p.tenant_id = tenant;
    END IF;

    RETURN n;
END $$;

-- What is still to come of a request waits; false: nothing is, or it does.
CREATE FUNCTION notifications.hold_up(tenant uuid, request uuid)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    r notifications.requests;
    n int;
BEGIN
    SELECT * INTO r FROM notifications.requests AS q
     WHERE q.id = request AND q.tenant_id = tenant FOR UPDATE;

    IF r.paused OR r.state = 'canceled' THEN
        RETURN false;
    END IF;

    UPDATE notifications.deliveries AS d SET next_at = 'infinity'
     WHERE d.request_id = request AND d.tenant_id = tenant
       AND d.state IN ('planned', 'queued');
    GET DIAGNOSTICS n = ROW_COUNT;

    IF n = 0 AND r.state = 'planned' THEN
        RETURN false;
    END IF;

    UPDATE notifications.requests AS q SET paused = true
     WHERE q.id = request;
    RETURN true;
END $$;

-- And goes on; false: it was not waiting.
CREATE FUNCTION notifications.go_on(tenant uuid, request uuid)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    r notifications.requests;
    n int;
BEGIN
    UPDATE notifications.requests AS q SET paused = false
     WHERE q.id = request AND q.tenant_id = tenant AND q.paused
    RETURNING * INTO r;

    IF NOT FOUND OR r.state = 'canceled' THEN
        RETURN false;
    END IF;

    UPDATE notifications.deliveries AS d SET next_at = clock_timestamp()
     WHERE d.request_id = request AND d.tenant_id = tenant
       AND d.state IN ('planned', 'queued') AND d.next_at = 'infinity';
    GET DIAGNOSTICS n = ROW_COUNT;

    IF n > 0 THEN
        PERFORM notifications.wake(tenant, r.lane, n);
    END IF;

    IF r.state IN ('scheduled', 'planning') THEN
        PERFORM pando.enqueue('notifications.fan_out',
            jsonb_build_object('request_id', request), tenant, r.send_at);
    END IF;

    RETURN true;
END $$;


-- Two users are one: what the loser had is the winner's, whose own word
-- stands where both have said something.
CREATE FUNCTION notifications.merge(tenant uuid, loser uuid, winner uuid)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    d notifications.digests;
    into_digest uuid;
BEGIN
    PERFORM notifications.hold(tenant, ARRAY[loser, winner]);

    UPDATE notifications.notifications AS n SET user_id = winner
     WHERE n.tenant_id = tenant AND n.user_id = loser;
    DELETE FROM notifications.open_groups AS g
     WHERE g.tenant_id = tenant AND g.user_id = loser;
    UPDATE notifications.device_tokens AS t SET user_id = winner
     WHERE t.tenant_id = tenant AND t.user_id = loser;
    UPDATE notifications.deliveries AS q SET user_id = winner
     WHERE q.tenant_id = tenant AND q.user_id = loser
       AND q.state IN ('planned', 'queued')
       AND NOT EXISTS (SELECT FROM notifications.deliveries AS x
            WHERE x.request_id = q.request_id AND x.user_id = winner
              AND x.channel = q.channel AND x.target = q.target);

    UPDATE notifications.preferences AS p SET user_id = winner
     WHERE p.tenant_id = tenant AND p.user_id = loser
       AND NOT EXISTS (SELECT FROM notifications.preferences AS x
            WHERE x.tenant_id = tenant AND x.user_id = winner
              AND x.category = p.category AND x.channel = p.channel);
    UPDATE notifications.schedules AS s SET user_id = winner
     WHERE s.tenant_id = tenant AND s.user_id = loser
       AND NOT EXISTS (SELECT FROM notifications.schedules AS x
            WHERE x.tenant_id = tenant AND x.user_id = winner);
    UPDATE notifications.contacts AS o SET user_id = winner
     WHERE o.tenant_id = tenant AND o.user_id = loser
       AND NOT EXISTS (SELECT FROM notifications.contacts AS x
            WHERE x.tenant_id = tenant AND x.user_id = winner);
    UPDATE notifications.topic_subscriptions AS s SET user_id = winner
     WHERE s.tenant_id = tenant AND s.user_id = loser
       AND NOT EXISTS (SELECT FROM notifications.topic_subscriptions AS x
            WHERE x.topic_id = s.topic_id AND x.user_id = winner);

    FOR d IN SELECT * FROM notifications.digests AS x
              WHERE x.tenant_id = tenant AND x.user_id = loser
                AND x.state = 'open' ORDER BY x.id
    LOOP
        UPDATE notifications.digests AS x SET items = x.items + d.items
         WHERE x.tenant_id = tenant AND x.user_id = winner
           AND x.key = d.key AND x.channel = d.channel AND x.state = 'open'
        RETURNING x.id INTO into_digest;

        IF NOT FOUND THEN
            UPDATE notifications.digests AS x SET user_id = winner
             WHERE x.id = d.id;
            CONTINUE;
        END IF;

        UPDATE notifications.digest_items AS i SET digest_id = into_digest
         WHERE i.digest_id = d.id
           AND NOT EXISTS (SELECT FROM notifications.digest_items AS x
                WHERE x.digest_id = into_digest
                  AND x.request_id = i.request_id);
        UPDATE notifications.digests AS x SET items =
               (SELECT count(*) FROM notifications.digest_items AS i
                 WHERE i.digest_id = into_digest)
         WHERE x.id = into_digest;
    END LOOP;

    PERFORM notifications.erase(tenant, loser);
    PERFORM notifications.recount(tenant, ARRAY[winner]);
END $$;
