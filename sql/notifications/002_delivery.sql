-- Notifications: devices, and how what was planned leaves the house.
--
-- What must stay true: who claims a delivery owns it until its lease is over,
-- which is its next_at, so that what a lost worker had in hand comes back by
-- itself; how an attempt went is noted by its number alone; the fates of a
-- delivery only rise.  A device is one user's, the last who signed in on it.

ALTER TABLE notifications.requests
    ADD COLUMN lane text NOT NULL DEFAULT 'transactional',
    ADD COLUMN urgent boolean NOT NULL DEFAULT false,
    ADD COLUMN reached uuid,            -- the last user of a fan-out
    ADD COLUMN flow jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN resolved_at timestamptz,
    ADD CONSTRAINT requests_lane_check
        CHECK (lane IN ('transactional', 'marketing'));

CREATE INDEX requests_to_topic
    ON notifications.requests (tenant_id, (audience ->> 'topic'))
 WHERE state IN ('scheduled', 'planning');
CREATE INDEX requests_by_object ON notifications.requests (tenant_id, object)
 WHERE object IS NOT NULL;

ALTER TABLE notifications.deliveries
    ADD COLUMN lane text NOT NULL DEFAULT 'transactional';

CREATE INDEX deliveries_lane
    ON notifications.deliveries (tenant_id, lane, next_at)
 WHERE state IN ('planned', 'queued');
CREATE INDEX deliveries_due ON notifications.deliveries (next_at)
 WHERE state IN ('planned', 'queued');

ALTER TABLE notifications.categories
    ADD COLUMN cap_push_day int,
    ADD COLUMN cap_week int;

ALTER TABLE notifications.templates
    ADD COLUMN flow jsonb NOT NULL DEFAULT '[]';

-- token_ct: its URL or registration, encrypted; token_hash finds it.
CREATE TABLE notifications.device_tokens (
    id               uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id        uuid NOT NULL,
    user_id          uuid,                  -- null: signed out
    token_hash       bytea NOT NULL,
    token_ct         text NOT NULL,
    platform         text NOT NULL,
    device_id        text,
    app_id           text,
    environment      text NOT NULL,
    p256dh           text,
    auth             text,
    failures         int NOT NULL DEFAULT 0,
    disabled_reason  text,
    last_ok_at       timestamptz,
    version          bigint NOT NULL DEFAULT 1,
    used_at          timestamptz NOT NULL DEFAULT now(),
    created_at       timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT device_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT device_tokens_token_key UNIQUE (tenant_id, token_hash),
    CONSTRAINT device_tokens_platform_check
        CHECK (platform IN ('webpush', 'fcm', 'apns', 'custom'))
);

CREATE INDEX device_tokens_by_user
    ON notifications.device_tokens (tenant_id, user_id, id);
CREATE INDEX device_tokens_by_age ON notifications.device_tokens (used_at);

-- Who this installation is to the servers of Web Push, for each tenant.
CREATE TABLE notifications.vapid_keys (
    tenant_id   uuid NOT NULL,
    point       text NOT NULL,
    key_ct      text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT vapid_keys_pkey PRIMARY KEY (tenant_id)
);

-- What the embedded provider has taken, for 7 days.
CREATE TABLE notifications.outbox (
    id          uuid NOT NULL,              -- the delivery's: once
    tenant_id   uuid NOT NULL,
    user_id     uuid NOT NULL,
    device_id   uuid NOT NULL,
    platform    text NOT NULL,
    payload     jsonb NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT outbox_pkey PRIMARY KEY (id)
);

CREATE INDEX outbox_by_tenant ON notifications.outbox (tenant_id, id);
CREATE INDEX outbox_by_age ON notifications.outbox (created_at);


-- Rules of time and number

-- When a user wants quiet.  days: of the window's start, 1 is Monday.
CREATE TABLE notifications.schedules (
    tenant_id   uuid NOT NULL,
    user_id     uuid NOT NULL,
    quiet_from  time,
    quiet_to    time,
    days        int[] NOT NULL,
    digest_at   time,
    dnd_until   timestamptz,
    version     bigint NOT NULL DEFAULT 1,

    CONSTRAINT schedules_pkey PRIMARY KEY (tenant_id, user_id)
);

-- How many a user was sent, by the hour; kept eight days.
CREATE TABLE notifications.caps (
    tenant_id     uuid NOT NULL,
    user_id       uuid NOT NULL,
    class         text NOT NULL,
    channel       text NOT NULL,
    window_start  timestamptz NOT NULL,
    n             int NOT NULL DEFAULT 1,

    CONSTRAINT caps_pkey
        PRIMARY KEY (tenant_id, user_id, class, channel, window_start)
);

CREATE INDEX caps_by_age ON notifications.caps (window_start);

-- What is told together, later.
CREATE TABLE notifications.digests (
    id         uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id  uuid NOT NULL,
    user_id    uuid NOT NULL,
    key        text NOT NULL,               -- the category
    channel    text NOT NULL,
    state      text NOT NULL DEFAULT 'open',
    due_at     timestamptz NOT NULL,
    items      int NOT NULL DEFAULT 0,
    sent_at    timestamptz,

    CONSTRAINT digests_pkey PRIMARY KEY (id),
    CONSTRAINT digests_state_check CHECK (state IN ('open', 'sent'))
);

CREATE UNIQUE INDEX digests_open
    ON notifications.digests (tenant_id, user_id, key, channel)
 WHERE state = 'open';
CREATE INDEX digests_due ON notifications.digests (due_at)
 WHERE state = 'open';
CREATE INDEX digests_sent ON notifications.digests (sent_at)
 WHERE state = 'sent';

CREATE TABLE notifications.digest_items (
    digest_id   uuid NOT NULL,
    tenant_id   uuid NOT NULL,
    request_id  uuid NOT NULL,
    texts       jsonb NOT NULL,

    CONSTRAINT digest_items_pkey PRIMARY KEY (digest_id, request_id),
    CONSTRAINT digest_items_digest_fkey FOREIGN KEY (digest_id)
        REFERENCES notifications.digests ON DELETE CASCADE
);

-- The instant at which clocks of that zone show that time: the first, where
-- they show it twice; the next that there is, where they skip it.
CREATE FUNCTION notifications.instant(at timestamp, zone text)
RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
DECLARE
    found timestamptz := at AT TIME ZONE zone;
    before timestamptz;
    middle timestamptz;
    back interval;
BEGIN
    FOREACH back IN ARRAY ARRAY['30 min', '1 h', '2 h']::interval[] LOOP
        IF (found - back) AT TIME ZONE zone = at THEN
            RETURN found - back;
        END IF;
    END LOOP;

    IF found AT TIME ZONE zone = at THEN
        RETURN found;
    END IF;

    before := found - interval '4 h';

    WHILE found - before > interval '1 s' LOOP
        middle := to_timestamp(ceil(extract(epoch FROM before)
                      + extract(epoch FROM found - before) / 2));
        EXIT WHEN middle = found;

        IF middle AT TIME ZONE zone >= at THEN
            found := middle;
        ELSE
            before := middle;
        END IF;
    END LOOP;

    RETURN found;
END $$;

-- When the quiet is over that reigns at that instant; null: there is none.
CREATE FUNCTION notifications.quiet_end(at timestamptz, zone text,
    quiet_from time, quiet_to time, days int[])
RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
DECLARE
    here timestamp := at AT TIME ZONE zone;
    start date := here::date;
    last date;
BEGIN
    IF quiet_from IS NULL OR quiet_to IS NULL OR quiet_from = quiet_to THEN
        RETURN NULL;
    END IF;

    IF quiet_from < quiet_to THEN
        last := start;
    ELSE
        IF here::time < quiet_to THEN
            start := start - 1;
        END IF;

        last := start + 1;
    END IF;

    IF here < start + quiet_from OR here >= last + quiet_to
       OR NOT extract(isodow FROM start)::int = ANY (days)
    THEN
        RETURN NULL;
    END IF;

    RETURN notifications.instant(last + quiet_to, zone);
END $$;

-- From when on something may be sent to a user who is held to be quiet.
CREATE FUNCTION notifications.allowed_at(at timestamptz, zone text,
    s notifications.schedules, by_channel text)
RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
DECLARE
    free timestamptz := greatest(at, s.dnd_until);
BEGIN
    IF by_channel NOT IN ('push', 'sms') THEN
        RETURN free;
    END IF;

    RETURN coalesce(notifications.quiet_end(free, zone, s.quiet_from,
                                            s.quiet_to, s.days), free);
END $$;

-- When a digest that is opened now is due.
CREATE FUNCTION notifications.digest_due(at timestamptz, value text,
    zone text, wanted time)
RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
DECLARE
    here timestamp := at AT TIME ZONE zone;
    days int := CASE value WHEN 'digest_weekly' THEN 7 ELSE 1 END;
BEGIN
    IF value = 'digest_hourly' THEN
        RETURN at + interval '1 h';
    END IF;

    IF wanted IS NULL THEN
        RETURN at + days * interval '1 day';
    END IF;

    IF days = 1 AND here::time < wanted THEN
        days := 0;
    END IF;

    RETURN notifications.instant(here::date + days + wanted, zone);
END $$;

-- Counts one more for a user whose counters are held; false: it is too many.
CREATE FUNCTION notifications.capped(tenant uuid, who uuid, of_class text,
    by_channel text, push_day int, week int)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    IF push_day IS NULL AND week IS NULL THEN
        RETURN false;
    END IF;

    INSERT INTO notifications.caps AS c
           (tenant_id, user_id, class, channel, window_start)
    SELECT tenant, who, of_class, by_channel, date_trunc('hour', now())
     WHERE (push_day IS NULL OR by_channel <> 'push' OR push_day >
               (SELECT coalesce(sum(o.n), 0) FROM notifications.caps AS o
                 WHERE o.tenant_id = tenant AND o.user_id = who
                   AND o.class = of_class AND o.channel = 'push'
                   AND o.window_start > now() - interval '1 day'))
       AND (week IS NULL OR week >
               (SELECT coalesce(sum(o.n), 0) FROM notifications.caps AS o
                 WHERE o.tenant_id = tenant AND o.user_id = who
                   AND o.class = of_class
                   AND o.window_start > now() - interval '7 days'))
    ON CONFLICT ON CONSTRAINT caps_pkey DO UPDATE SET n = c.n + 1;

    RETURN NOT FOUND;
END $$;


-- Planning

-- Into a digest of a user whose counters are held.
CREATE FUNCTION notifications.collect(r notifications.requests, who uuid,
    by_channel text, texts jsonb, due timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    digest uuid;
BEGIN
    INSERT INTO notifications.digests AS d
           (tenant_id, user_id, key, channel, due_at, items)
    VALUES (r.tenant_id, who, r.category, by_channel, due, 1)
    ON CONFLICT (tenant_id, user_id, key, channel) WHERE state = 'open'
    DO UPDATE SET items = d.items + 1
    RETURNING id INTO digest;

    INSERT INTO notifications.digest_items
    VALUES (digest, r.tenant_id, r.id, texts)
    ON CONFLICT ON CONSTRAINT digest_items_pkey DO NOTHING;
END $$;

CREATE FUNCTION notifications.skip(r notifications.requests, who uuid,
    by_channel text, state text, source text, reason text)
RETURNS boolean LANGUAGE sql VOLATILE AS $$
    WITH added AS (
        INSERT INTO notifications.deliveries (request_id, tenant_id, user_id,
               channel, target, state, decided_by, reason)
        VALUES (r.id, r.tenant_id, who, by_channel, '', state, source, reason)
        ON CONFLICT DO NOTHING
        RETURNING 1
    )
    SELECT EXISTS (SELECT FROM added)
$$;

-- What a user says of a category's channel at this moment.
CREATE FUNCTION notifications.decided(r notifications.requests,
    c notifications.categories, o notifications.contacts, who uuid,
    by_channel text, OUT value text, OUT source text)
LANGUAGE sql STABLE AS $$
    SELECT d.value, d.source
      FROM notifications.decide(coalesce(c.mandatory, false),
               r.class = 'marketing', o.marketing,
               notifications.word_of(r.tenant_id, who, r.category,
                                     by_channel),
               notifications.word_of(r.tenant_id,
                   '00000000-0000-0000-0000-000000000000', r.category,
                   by_channel),
               coalesce(by_channel = ANY (c.channels), true)) AS d
$$;

-- One user by one channel.  Returns how many deliveries are to be sent now.
CREATE FUNCTION notifications.reach(r notifications.requests,
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
    targets text[];
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

    IF by_channel = 'push' THEN
        SELECT array_agg(t.id::text ORDER BY t.id) INTO targets
          FROM notifications.device_tokens AS t
         WHERE t.tenant_id = r.tenant_id AND t.user_id = who
           AND t.disabled_reason IS NULL;
    END IF;

    IF targets IS NULL THEN
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

    IF w.value LIKE 'digest%' AND c.digestible THEN
        PERFORM notifications.skip(r, who, by_channel, 'skipped', w.source,
                                   'digest');
        PERFORM notifications.collect(r, who, by_channel, texts,
            notifications.digest_due(at, w.value, zone, s.digest_at));
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
      FROM unnest(targets) AS t
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS n = ROW_COUNT;

    RETURN CASE WHEN free > at THEN 0 ELSE n END;
END $$;

-- Jobs that send what is due to a lane of a tenant.
CREATE FUNCTION notifications.wake(tenant uuid, lane text, n int)
RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT pando.enqueue(CASE lane WHEN 'marketing'
                             THEN 'notifications.dispatch_bulk'
                             ELSE 'notifications.dispatch' END, '{}', tenant)
      FROM generate_series(1, least(8, (n + 9) / 10))
$$;

CREATE OR REPLACE FUNCTION notifications.plan(request uuid, who uuid[])
RETURNS int LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    r notifications.requests;
    c notifications.categories;
    u uuid;
    by_channel text;
    later text[];
    n int := 0;
    due int := 0;
BEGIN
    SELECT * INTO r FROM notifications.requests AS q WHERE q.id = request;
    SELECT * INTO c FROM notifications.categories AS q
     WHERE q.tenant_id = r.tenant_id AND q.key = r.category;
    PERFORM notifications.hold(r.tenant_id, who);
    SELECT coalesce(array_agg(e ->> 'channel'), '{}') INTO later
      FROM jsonb_array_elements(r.flow) AS e;

    FOR u IN SELECT v FROM unnest(who) AS v GROUP BY v ORDER BY v LOOP
        n := n + 1;

        FOREACH by_channel IN ARRAY r.channels LOOP
            IF by_channel <> ALL (later) THEN
                due := due + notifications.reach(r, c, u, by_channel);
            END IF;
        END LOOP;

        IF later <> '{}' THEN
            PERFORM notifications.step_at(r, u, 0);
        END IF;
    END LOOP;

    IF due > 0 THEN
        PERFORM notifications.wake(r.tenant_id, r.lane, due);
    END IF;

    UPDATE notifications.requests AS q
       SET recipients = recipients + n WHERE q.id = request;
    RETURN n;
END $$;


-- Escalation: [{"channel", "after_s"}, ...], each step that long after the one
-- before, unless the person acted meanwhile.

CREATE FUNCTION notifications.step_at(r notifications.requests, who uuid,
    no int)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    at timestamptz;
BEGIN
    IF r.flow -> no IS NULL THEN
        RETURN;
    END IF;

    at := clock_timestamp() + (r.flow -> no ->> 'after_s')::int
          * interval '1 s';

    IF r.expires_at IS NULL OR at < r.expires_at THEN
        PERFORM pando.enqueue('notifications.step', jsonb_build_object(
            'request_id', r.id, 'user_id', who, 'step', no), r.tenant_id, at,
            unique_key => r.id::text || who::text || no);
    END IF;
END $$;

-- Whether that user did something about it.
CREATE FUNCTION notifications.acted(r notifications.requests, who uuid)
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT r.resolved_at IS NOT NULL
        OR EXISTS (SELECT FROM notifications.deliveries AS d
            WHERE d.request_id = r.id AND d.user_id = who
              AND d.state IN ('opened', 'clicked'))
        OR EXISTS (SELECT FROM notifications.deliveries AS d
            WHERE d.request_id = r.id AND d.user_id = who
              AND d.channel = 'in_app' AND d.state = 'delivered')
       AND NOT EXISTS (SELECT FROM notifications.notifications AS n
            WHERE n.tenant_id = r.tenant_id AND n.user_id = who
              AND n.request_id = r.id AND n.read_at IS NULL
              AND n.archived_at IS NULL)
$$;

CREATE FUNCTION notifications.step(tenant uuid, request uuid, who uuid,
    no int)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    r notifications.requests;
    c notifications.categories;
    due int;
BEGIN
    SELECT * INTO r FROM notifications.requests AS q
     WHERE q.id = request AND q.tenant_id = tenant;

    IF r.id IS NULL OR r.state = 'canceled' OR r.flow -> no IS NULL
       OR r.expires_at < clock_timestamp()
    THEN
        RETURN false;
    END IF;

    PERFORM notifications.hold(tenant, ARRAY[who]);

    IF notifications.acted(r, who) THEN
        RETURN false;
    END IF;

    SELECT * INTO c FROM notifications.categories AS q
     WHERE q.tenant_id = tenant AND q.key = r.category;
    due := notifications.reach(r, c, who, r.flow -> no ->> 'channel');
    PERFORM notifications.wake(tenant, r.lane, due);
    PERFORM notifications.step_at(r, who, no + 1);

    RETURN true;
END $$;

-- What somebody did about an object ends all steps that are still to come.
CREATE FUNCTION notifications.resolve(tenant uuid, what text) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    n int;
BEGIN
    UPDATE notifications.requests AS r SET resolved_at = clock_timestamp()
     WHERE r.tenant_id = tenant AND r.object = what AND r.resolved_at IS NULL;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$;


-- Sending

CREATE FUNCTION notifications.settle(d notifications.deliveries, to_state text,
    why text)
RETURNS void LANGUAGE sql VOLATILE AS $$
    UPDATE notifications.deliveries AS o
       SET state = to_state, reason = why, next_at = NULL
     WHERE o.request_id = d.request_id AND o.user_id = d.user_id
       AND o.channel = d.channel AND o.target = d.target
$$;

-- The next deliveries of a lane that are due.  What a user has said no to
-- since it was planned, what is over or was canceled is settled here.
CREATE FUNCTION notifications.claim(tenant uuid, of_lane text, most int,
    lease_s int)
RETURNS TABLE (request_id uuid, user_id uuid, channel text, target text,
    id uuid, attempt int, texts jsonb, locale text, category text,
    class text, mandatory boolean, template text, urgent boolean, ttl_s int,
    tag text, data_ct text, platform text, token_ct text, p256dh text,
    auth text, environment text, app_id text)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    d notifications.deliveries;
    r notifications.requests;
    c notifications.categories;
    o notifications.contacts;
    t notifications.device_tokens;
    w record;
    at timestamptz := clock_timestamp();
BEGIN
    FOR d IN
        SELECT * FROM notifications.deliveries AS q
         WHERE q.tenant_id = tenant AND q.lane = of_lane
           AND q.state IN ('planned', 'queued') AND q.next_at <= at
         ORDER BY q.next_at LIMIT most
           FOR UPDATE SKIP LOCKED
    LOOP
        SELECT * INTO r FROM notifications.requests AS q
         WHERE q.id = d.request_id;
        SELECT * INTO c FROM notifications.categories AS q
         WHERE q.tenant_id = tenant AND q.key = r.category;
        SELECT * INTO o FROM notifications.contacts AS q
         WHERE q.tenant_id = tenant AND q.user_id = d.user_id;
        t := NULL;

        IF d.channel = 'push' THEN
            SELECT * INTO t FROM notifications.device_tokens AS q
             WHERE q.tenant_id = tenant AND q.id = d.target::uuid
               AND q.user_id = d.user_id AND q.disabled_reason IS NULL;
        END IF;

        w := notifications.decided(r, c, o, d.user_id, d.channel);

        IF r.id IS NULL OR r.state = 'canceled' THEN
            PERFORM notifications.settle(d, 'canceled', 'request_canceled');
        ELSIF r.expires_at < at THEN
            PERFORM notifications.settle(d, 'expired', 'ttl');
        ELSIF w.value = 'off' AND d.user_id
              <> '00000000-0000-0000-0000-000000000000' THEN
            PERFORM notifications.settle(d, 'skipped',
                CASE w.source WHEN 'no_consent' THEN 'no_consent'
                     ELSE 'preference' END);
        ELSIF d.channel = 'push' AND t.id IS NULL THEN
            PERFORM notifications.settle(d, 'skipped', 'no_target');
        ELSE
            UPDATE notifications.deliveries AS q
               SET state = 'queued', attempts = attempts + 1, reason = NULL,
                   next_at = at + lease_s * interval '1 s'
             WHERE q.request_id = d.request_id AND q.user_id = d.user_id
               AND q.channel = d.channel AND q.target = d.target;

            RETURN QUERY SELECT d.request_id, d.user_id, d.channel, d.target,
                d.id, d.attempts + 1,
                notifications.worded(r.content -> d.channel, o.locale,
                                     r.locale),
                coalesce(o.locale, r.locale), r.category, r.class,
                coalesce(c.mandatory, false), r.template, r.urgent,
                ceil(extract(epoch FROM r.expires_at - at))::int,
                coalesce(r.group_key, r.object), r.data_ct, t.platform,
                t.token_ct, t.p256dh, t.auth, t.environment, t.app_id;
        END IF;
    END LOOP;
END $$;

-- When it is tried again after so many attempts; random is from 0 to 1.
CREATE FUNCTION notifications.pause(tries int, random float8)
RETURNS interval LANGUAGE sql IMMUTABLE AS $$
    SELECT 30 * 2 ^ (greatest(tries, 1) - 1) * (0.8 + 0.4 * random)
           * interval '1 s'
$$;

-- A device that cannot be reached any more.
CREATE FUNCTION notifications.disable(tenant uuid, device uuid, why text)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    t notifications.device_tokens;
BEGIN
    UPDATE notifications.device_tokens AS o SET disabled_reason = why
     WHERE o.tenant_id = tenant AND o.id = device
       AND o.disabled_reason IS NULL
    RETURNING * INTO t;

    IF NOT FOUND THEN
        RETURN false;
    END IF;

    PERFORM pando.emit(tenant, 'device_token.disabled', 1, device,
        jsonb_build_object('id', device, 'user_id', t.user_id,
            'platform', t.platform, 'reason', why));
    RETURN true;
END $$;

-- How an attempt went: sent, delivered, retry, failed, or gone where the
-- target is not there any more.  One that is another's by now is not noted.
CREATE FUNCTION notifications.record(tenant uuid, request uuid, who uuid,
    by_channel text, at_target text, try int, how text, by_provider text,
    ref text, error text, after_s int)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    d notifications.deliveries;
    r notifications.requests;
    at timestamptz := clock_timestamp();
    again timestamptz;
    to_state text := how;
BEGIN
    SELECT * INTO d FROM notifications.deliveries AS q
     WHERE q.tenant_id = tenant AND q.request_id = request
       AND q.user_id = who AND q.channel = by_channel
       AND q.target = at_target FOR UPDATE;

    IF d.id IS NULL OR d.state <> 'queued' OR d.attempts <> try THEN
        RETURN;
    END IF;

    SELECT * INTO r FROM notifications.requests AS q WHERE q.id = request;

    IF how = 'retry' THEN
        again := at + greatest(notifications.pause(try, random()),
                               after_s * interval '1 s');
        to_state := CASE WHEN r.expires_at < again THEN 'expired'
                         WHEN try >= 6 THEN 'failed' ELSE 'queued' END;
    ELSIF how = 'gone' THEN
        to_state := 'failed';
    END IF;

    UPDATE notifications.deliveries AS q
       SET state = to_state, provider = by_provider, provider_ref = ref,
           error_code = error,
           reason = CASE to_state WHEN 'expired' THEN 'ttl'
                         WHEN 'failed' THEN 'provider' END,
           next_at = CASE to_state WHEN 'queued' THEN again END,
           sent_at = CASE WHEN to_state IN ('sent', 'delivered') THEN at END,
           delivered_at = CASE WHEN to_state = 'delivered' THEN at END
     WHERE q.request_id = request AND q.user_id = who
       AND q.channel = by_channel AND q.target = at_target;

    IF by_channel = 'push' THEN
        PERFORM notifications.device_did(tenant, at_target::uuid, how, error);
    END IF;

    IF to_state = 'queued' THEN
        PERFORM pando.enqueue(CASE d.lane WHEN 'marketing'
            THEN 'notifications.dispatch_bulk' ELSE 'notifications.dispatch'
            END, '{}', tenant, again);
    ELSIF to_state IN ('delivered', 'failed') THEN
        PERFORM pando.emit(tenant, 'notification.' || to_state, 1, d.id,
            jsonb_build_object('id', d.id, 'request_id', request,
                'user_id', nullif(who, '00000000-0000-0000-0000-000000000000'),
                'channel', by_channel, 'provider', by_provider,
                'error_code', error));
    END IF;

    IF to_state IN ('failed', 'expired') AND r.flow <> '[]' THEN
        PERFORM notifications.hurry(r, who);
    END IF;
END $$;

CREATE FUNCTION notifications.device_did(tenant uuid, device uuid, how text,
    error text)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    n int;
BEGIN
    IF how = 'gone' THEN
        PERFORM notifications.disable(tenant, device, error);
    ELSIF how = 'failed' THEN
        UPDATE notifications.device_tokens AS t SET failures = failures + 1
         WHERE t.tenant_id = tenant AND t.id = device
        RETURNING failures INTO n;

        IF n >= 3 THEN
            PERFORM notifications.disable(tenant, device, 'failures');
        END IF;
    ELSIF how IN ('sent', 'delivered') THEN
        UPDATE notifications.device_tokens AS t
           SET failures = 0, last_ok_at = clock_timestamp(),
               used_at = clock_timestamp()
         WHERE t.tenant_id = tenant AND t.id = device;
    END IF;
END $$;

-- The next step of a flow, now, since what came before has failed.
CREATE FUNCTION notifications.hurry(r notifications.requests, who uuid)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    no int;
BEGIN
    SELECT min(e.n - 1) INTO no
      FROM jsonb_array_elements(r.flow) WITH ORDINALITY AS e (step, n)
     WHERE NOT EXISTS (SELECT FROM notifications.deliveries AS d
                        WHERE d.request_id = r.id AND d.user_id = who
                          AND d.channel = e.step ->> 'channel');

    IF no IS NOT NULL THEN
        PERFORM pando.enqueue('notifications.step', jsonb_build_object(
            'request_id', r.id, 'user_id', who, 'step', no), r.tenant_id,
            unique_key => r.id::text || who::text || no, again => true);
    END IF;
END $$;


-- Digests

CREATE FUNCTION notifications.digest_title(n int, locale text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT n || CASE split_part(locale, '-', 1)
        WHEN 'de' THEN ' neue Mitteilungen'
        WHEN 'fr' THEN ' nouvelles notifications'
        WHEN 'es' THEN ' notificaciones nuevas'
        ELSE ' new notifications' END
$$;

-- One digest that is due becomes one request: a single item as it is, of more
-- the first twenty, the rest counted.  False: none is due, or another has it.
CREATE FUNCTION notifications.flush(digest uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    d notifications.digests;
    o notifications.contacts;
    c notifications.categories;
    r notifications.requests;
    texts jsonb;
    targets int;
BEGIN
    SELECT * INTO d FROM notifications.digests AS q WHERE q.id = digest;
    PERFORM notifications.hold(d.tenant_id, ARRAY[d.user_id]);

    UPDATE notifications.digests AS q
       SET state = 'sent', sent_at = clock_timestamp()
     WHERE q.id = digest AND q.state = 'open'
       AND q.due_at <= clock_timestamp()
    RETURNING * INTO d;

    IF NOT FOUND THEN
        RETURN false;
    END IF;

    SELECT * INTO o FROM notifications.contacts AS q
     WHERE q.tenant_id = d.tenant_id AND q.user_id = d.user_id;
    SELECT * INTO c FROM notifications.categories AS q
     WHERE q.tenant_id = d.tenant_id AND q.key = d.key;

    IF d.items = 1 THEN
        SELECT i.texts INTO texts FROM notifications.digest_items AS i
         WHERE i.digest_id = digest;
    ELSE
        SELECT jsonb_build_object('title',
                   notifications.digest_title(d.items, o.locale), 'body',
                   string_agg(i.texts ->> 'title', E'\n' ORDER BY i.request_id)
                   || CASE WHEN d.items > 20
                           THEN E'\n+' || d.items - 20 ELSE '' END)
          INTO texts
          FROM (SELECT * FROM notifications.digest_items AS i
                 WHERE i.digest_id = digest
                 ORDER BY i.request_id LIMIT 20) AS i;
    END IF;

    INSERT INTO notifications.requests (tenant_id, dedup_key, category, class,
           channels, audience, content, locale, data_ct, state, lane,
           recipients)
    VALUES (d.tenant_id, 'digest ' || digest, d.key,
            coalesce(c.class, 'transactional'), ARRAY[d.channel],
            jsonb_build_object('users', jsonb_build_array(d.user_id)),
            jsonb_build_object(d.channel, jsonb_build_object('en', texts)),
            'en', '', 'planned', CASE c.class WHEN 'marketing'
                THEN 'marketing' ELSE 'transactional' END, 1)
    RETURNING * INTO r;

    targets := notifications.post(r, c, o, d.user_id, d.channel);
    PERFORM notifications.wake(d.tenant_id, r.lane, targets);

    RETURN true;
END $$;

-- To each target of a user at once, whatever was said of digests and caps:
-- that has been looked at.
CREATE FUNCTION notifications.post(r notifications.requests,
    c notifications.categories, o notifications.contacts, who uuid,
    by_channel text)
RETURNS int LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    s notifications.schedules;
    at timestamptz := clock_timestamp();
    n int;
BEGIN
    SELECT * INTO s FROM notifications.schedules AS q
     WHERE q.tenant_id = r.tenant_id AND q.user_id = who;

    IF s.user_id IS NOT NULL THEN
        at := notifications.allowed_at(at, coalesce(o.time_zone, 'UTC'), s,
                                       by_channel);
    END IF;

    INSERT INTO notifications.deliveries (request_id, tenant_id, user_id,
           channel, target, state, decided_by, next_at, lane)
    SELECT r.id, r.tenant_id, who, by_channel, t.id::text, 'queued', 'digest',
           at, r.lane
      FROM notifications.device_tokens AS t
     WHERE t.tenant_id = r.tenant_id AND t.user_id = who
       AND t.disabled_reason IS NULL AND by_channel = 'push'
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS n = ROW_COUNT;

    RETURN n;
END $$;


-- Every half a minute: what nobody came for

-- Lanes with something that is due are looked at.
CREATE FUNCTION notifications.sweep(most int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    o record;
    n int := 0;
BEGIN
    FOR o IN
        SELECT x.tenant_id, x.lane, count(*)::int AS n
          FROM (SELECT d.tenant_id, d.lane FROM notifications.deliveries AS d
                 WHERE d.state IN ('planned', 'queued')
                   AND d.next_at <= clock_timestamp()
                 ORDER BY d.next_at LIMIT most) AS x
         GROUP BY 1, 2
    LOOP
        PERFORM notifications.wake(o.tenant_id, o.lane, o.n);
        n := n + 1;
    END LOOP;

    RETURN n;
END $$;

-- What is over leaves the inbox.
CREATE FUNCTION notifications.expire(most int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    o record;
    n int := 0;
BEGIN
    FOR o IN
        SELECT q.tenant_id, q.user_id, q.id
          FROM notifications.notifications AS q
         WHERE q.archived_at IS NULL AND q.expires_at < clock_timestamp()
         ORDER BY q.expires_at LIMIT most
    LOOP
        PERFORM notifications.mark(o.tenant_id, o.user_id, o.id, NULL, NULL,
                                   true, NULL);
        n := n + 1;
    END LOOP;

    RETURN n;
END $$;

-- Once a day: what is older than it is kept.
CREATE FUNCTION notifications.forget(most int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    n int;
    sum int := 0;
BEGIN
    PERFORM notifications.partitions(now());

    DELETE FROM notifications.requests AS r
     WHERE r.id IN (SELECT o.id FROM notifications.requests AS o
                     WHERE o.created_at < now() - interval '30 days'
                     ORDER BY o.created_at LIMIT most);
    GET DIAGNOSTICS n = ROW_COUNT;
    sum := sum + n;

    DELETE FROM notifications.device_tokens AS t
     WHERE t.id IN (SELECT o.id FROM notifications.device_tokens AS o
                     WHERE o.used_at < now() - interval '270 days'
                     ORDER BY o.used_at LIMIT most);
    GET DIAGNOSTICS n = ROW_COUNT;
    sum := sum + n;

    DELETE FROM notifications.outbox AS t
     WHERE t.id IN (SELECT o.id FROM notifications.outbox AS o
                     WHERE o.created_at < now() - interval '7 days'
                     ORDER BY o.created_at LIMIT most);
    GET DIAGNOSTICS n = ROW_COUNT;
    sum := sum + n;

    DELETE FROM notifications.digests AS t
     WHERE t.id IN (SELECT o.id FROM notifications.digests AS o
                     WHERE o.state = 'sent'
                       AND o.sent_at < now() - interval '30 days'
                     ORDER BY o.sent_at LIMIT most);
    GET DIAGNOSTICS n = ROW_COUNT;
    sum := sum + n;

    DELETE FROM notifications.caps AS t
     WHERE t.ctid = ANY (ARRAY(SELECT o.ctid FROM notifications.caps AS o
                     WHERE o.window_start < now() - interval '8 days'
                     LIMIT most));
    GET DIAGNOSTICS n = ROW_COUNT;

    RETURN sum + n;
END $$;


-- Topics: who wants to be told of a thing.  One that is open lets anybody in.

CREATE TABLE notifications.topics (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id   uuid NOT NULL,
    key         text NOT NULL,
    title       jsonb NOT NULL,
    open        boolean NOT NULL,
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT topics_pkey PRIMARY KEY (id),
    CONSTRAINT topics_key_key UNIQUE (tenant_id, key)
);

CREATE INDEX topics_by_tenant ON notifications.topics (tenant_id, id);

CREATE TABLE notifications.topic_subscriptions (
    topic_id    uuid NOT NULL,
    user_id     uuid NOT NULL,
    tenant_id   uuid NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT topic_subscriptions_pkey PRIMARY KEY (topic_id, user_id),
    CONSTRAINT topic_subscriptions_topic_fkey FOREIGN KEY (topic_id)
        REFERENCES notifications.topics ON DELETE CASCADE
);

CREATE FUNCTION notifications.topic_doc(t notifications.topics) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', t.id, 'key', t.key, 'title', t.title,
        'open', t.open, 'version', t.version,
        'created_at', pando.rfc3339(t.created_at))
$$;

-- The next users of a request, in a transaction with how far it is, so that
-- who goes on begins where this one ended.  Returns how many: 0, it is done.
CREATE FUNCTION notifications.fan_out(tenant uuid, request uuid, most int)
RETURNS int LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    r notifications.requests;
    who uuid[];
BEGIN
    SELECT * INTO r FROM notifications.requests AS q
     WHERE q.id = request AND q.tenant_id = tenant FOR UPDATE;

    IF r.id IS NULL OR r.state NOT IN ('scheduled', 'planning')
       OR r.send_at > clock_timestamp()
    THEN
        RETURN 0;
    END IF;

    IF r.audience ? 'topic' THEN
        SELECT array_agg(s.user_id) INTO who
          FROM (SELECT s.user_id FROM notifications.topic_subscriptions AS s
                 WHERE s.tenant_id = tenant
                   AND s.topic_id = (r.audience ->> 'topic')::uuid
                   AND (r.reached IS NULL OR s.user_id > r.reached)
                 ORDER BY s.user_id LIMIT most) AS s;
    ELSIF r.reached IS NULL THEN
        SELECT array_agg(e::uuid ORDER BY e) INTO who
          FROM jsonb_array_elements_text(r.audience -> 'users') AS e;
    END IF;

    IF who IS NULL OR r.expires_at < clock_timestamp() THEN
        UPDATE notifications.requests AS q SET state = 'planned'
         WHERE q.id = request;
        RETURN 0;
    END IF;

    PERFORM notifications.plan(request, who);
    UPDATE notifications.requests AS q
       SET state = 'planning', reached = who[cardinality(who)]
     WHERE q.id = request;

    RETURN cardinality(who);
END $$;

-- What has not been sent is not.  False: that is over already.
CREATE FUNCTION notifications.cancel(tenant uuid, request uuid)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    was text;
    n int;
BEGIN
    SELECT q.state INTO was FROM notifications.requests AS q
     WHERE q.id = request AND q.tenant_id = tenant FOR UPDATE;

    UPDATE notifications.deliveries AS d
       SET state = 'canceled', reason = 'request_canceled', next_at = NULL
     WHERE d.request_id = request AND d.tenant_id = tenant
       AND d.state IN ('planned', 'queued');
    GET DIAGNOSTICS n = ROW_COUNT;

    UPDATE notifications.requests AS q SET state = 'canceled'
     WHERE q.id = request AND q.state <> 'canceled';

    RETURN n > 0 OR was IN ('scheduled', 'planning', 'canceled');
END $$;


-- What an app tells of a push: opened, clicked or dismissed.  Fates only rise.
CREATE FUNCTION notifications.track(tenant uuid, request uuid, who uuid,
    delivery uuid, what text)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    d notifications.deliveries;
    n uuid;
    at timestamptz := clock_timestamp();
    ranks text[] := ARRAY['sent', 'delivered', 'opened', 'clicked'];
BEGIN
    SELECT * INTO d FROM notifications.deliveries AS q
     WHERE q.tenant_id = tenant AND q.request_id = request
       AND q.user_id = who AND q.id = delivery FOR UPDATE;

    IF NOT FOUND THEN
        RETURN false;
    END IF;

    IF what <> 'dismissed' AND array_position(ranks, what)
       > coalesce(array_position(ranks, d.state), 0)
    THEN
        UPDATE notifications.deliveries AS q
           SET state = what, opened_at = coalesce(opened_at, at),
               delivered_at = coalesce(delivered_at, at),
               clicked_at = CASE what WHEN 'clicked' THEN at END,
               next_at = NULL
         WHERE q.request_id = request AND q.user_id = who
           AND q.channel = d.channel AND q.target = d.target;

        IF what = 'clicked' THEN
            PERFORM pando.emit(tenant, 'notification.clicked', 1, delivery,
                jsonb_build_object('id', delivery, 'request_id', request,
                    'user_id', nullif(who,
                        '00000000-0000-0000-0000-000000000000'),
                    'channel', d.channel, 'provider', d.provider,
                    'error_code', NULL));
        END IF;
    END IF;

    RETURN true;
END $$;

CREATE FUNCTION notifications.device_doc(t notifications.device_tokens)
RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', t.id, 'platform', t.platform,
        'device_id', t.device_id, 'app_id', t.app_id,
        'environment', t.environment, 'disabled_reason', t.disabled_reason,
        'last_ok_at', pando.rfc3339(t.last_ok_at), 'version', t.version,
        'created_at', pando.rfc3339(t.created_at))
$$;

CREATE FUNCTION notifications.schedule_doc(s notifications.schedules)
RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object('quiet_from', to_char(s.quiet_from, 'HH24:MI'),
        'quiet_to', to_char(s.quiet_to, 'HH24:MI'), 'days', s.days,
        'digest_at', to_char(s.digest_at, 'HH24:MI'),
        'dnd_until', pando.rfc3339(s.dnd_until), 'version', s.version)
$$;

CREATE OR REPLACE FUNCTION notifications.category_doc
    (c notifications.categories)
RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', c.id, 'key', c.key, 'title', c.title,
        'class', c.class, 'mandatory', c.mandatory, 'channels', c.channels,
        'digestible', c.digestible, 'urgent', c.urgent, 'ttl_s', c.ttl_s,
        'cap_push_day', c.cap_push_day, 'cap_week', c.cap_week,
        'version', c.version, 'created_at', pando.rfc3339(c.created_at),
        'updated_at', pando.rfc3339(c.updated_at))
$$;

CREATE OR REPLACE FUNCTION notifications.template_doc
    (t notifications.templates)
RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', t.id, 'key', t.key,
        'category', t.category, 'locale', t.locale,
        'variables', t.variables, 'flow', t.flow,
        'published', t.published, 'draft', t.draft, 'contents',
        (SELECT coalesce(json_agg(v.content ORDER BY v.channel, v.locale),
                         '[]')
           FROM notifications.template_versions AS v
          WHERE v.template_id = t.id AND v.n = coalesce(t.draft, t.published)),
        'version', t.version, 'created_at', pando.rfc3339(t.created_at),
        'updated_at', pando.rfc3339(t.updated_at))
$$;
