-- Notifications: mail and text messages, events that become notifications, and
-- links that end them.
--
-- What must stay true: what goes out by another domain is asked for with the
-- delivery's id, so that it is there once; its fate comes back by that domain's
-- events, under the id that it was given.

CREATE INDEX deliveries_ref ON notifications.deliveries (tenant_id, provider_ref)
 WHERE provider IN ('email', 'sms');

-- Which events become notifications, and whose: see notifications_hear.c.
CREATE TABLE notifications.event_rules (
    tenant_id    uuid NOT NULL,
    template_id  uuid NOT NULL,
    event        text NOT NULL,
    audience     text NOT NULL,
    group_key    text,

    CONSTRAINT event_rules_pkey PRIMARY KEY (template_id, event),
    CONSTRAINT event_rules_template_fkey FOREIGN KEY (template_id)
        REFERENCES notifications.templates ON DELETE CASCADE
);

CREATE INDEX event_rules_by_event
    ON notifications.event_rules (tenant_id, event);

CREATE OR REPLACE FUNCTION notifications.template_doc
    (t notifications.templates)
RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', t.id, 'key', t.key,
        'category', t.category, 'locale', t.locale,
        'variables', t.variables, 'flow', t.flow, 'events',
        (SELECT coalesce(json_agg(json_strip_nulls(json_build_object(
                'event', e.event, 'to', e.audience, 'group', e.group_key))
                ORDER BY e.event), '[]')
           FROM notifications.event_rules AS e WHERE e.template_id = t.id),
        'published', t.published, 'draft', t.draft, 'contents',
        (SELECT coalesce(json_agg(v.content ORDER BY v.channel, v.locale),
                         '[]')
           FROM notifications.template_versions AS v
          WHERE v.template_id = t.id AND v.n = coalesce(t.draft, t.published)),
        'version', t.version, 'created_at', pando.rfc3339(t.created_at),
        'updated_at', pando.rfc3339(t.updated_at))
$$;

-- Where a user is reached by a channel; null: nowhere.
CREATE FUNCTION notifications.targets(tenant uuid, who uuid, by_channel text)
RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT CASE by_channel
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
      FROM unnest(to_all) AS t
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS n = ROW_COUNT;

    RETURN CASE WHEN free > at THEN 0 ELSE n END;
END $$;

CREATE OR REPLACE FUNCTION notifications.post(r notifications.requests,
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
    SELECT r.id, r.tenant_id, who, by_channel, t, 'queued', 'digest', at,
           r.lane
      FROM unnest(notifications.targets(r.tenant_id, who, by_channel)) AS t
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS n = ROW_COUNT;

    RETURN n;
END $$;

-- To an address that is nobody's: what is not marketing, for who has it has
-- consented to nothing.
CREATE FUNCTION notifications.plan_address(tenant uuid, request uuid)
RETURNS int LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    r notifications.requests;
    by_channel text;
    address text;
    n int := 0;
BEGIN
    SELECT * INTO r FROM notifications.requests AS q
     WHERE q.id = request AND q.tenant_id = tenant;

    FOREACH by_channel IN ARRAY r.channels LOOP
        address := r.audience -> 'address' ->> CASE by_channel
            WHEN 'email' THEN 'email' WHEN 'sms' THEN 'phone' END;
        CONTINUE WHEN address IS NULL;

        INSERT INTO notifications.deliveries (request_id, tenant_id, user_id,
               channel, target, state, decided_by, reason, next_at, lane)
        VALUES (r.id, r.tenant_id, '00000000-0000-0000-0000-000000000000',
                by_channel, address,
                CASE r.class WHEN 'marketing' THEN 'skipped'
                             ELSE 'queued' END,
                CASE r.class WHEN 'marketing' THEN 'no_consent'
                             ELSE 'address' END,
                CASE r.class WHEN 'marketing' THEN 'preference' END,
                CASE WHEN r.class <> 'marketing' THEN clock_timestamp() END,
                r.lane)
        ON CONFLICT DO NOTHING;
        n := n + 1;
    END LOOP;

    PERFORM notifications.wake(r.tenant_id, r.lane, n);
    UPDATE notifications.requests AS q
       SET recipients = least(n, 1) WHERE q.id = request;

    RETURN least(n, 1);
END $$;

-- What became of something that another domain was given.
CREATE FUNCTION notifications.told(tenant uuid, by_provider text, ref text,
    to_state text, error text)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    d notifications.deliveries;
    r notifications.requests;
BEGIN
    SELECT * INTO d FROM notifications.deliveries AS q
     WHERE q.tenant_id = tenant AND q.provider_ref = ref
       AND q.provider = by_provider AND q.provider IN ('email', 'sms')
       FOR UPDATE;

    IF NOT FOUND OR d.state NOT IN ('sent', 'queued') THEN
        RETURN false;
    END IF;

    UPDATE notifications.deliveries AS q
       SET state = to_state, error_code = error, next_at = NULL,
           reason = CASE to_state WHEN 'failed' THEN 'provider' END,
           delivered_at = CASE to_state
                          WHEN 'delivered' THEN clock_timestamp() END
     WHERE q.request_id = d.request_id AND q.user_id = d.user_id
       AND q.channel = d.channel AND q.target = d.target;

    PERFORM pando.emit(tenant, 'notification.' || to_state, 1, d.id,
        jsonb_build_object('id', d.id, 'request_id', d.request_id,
            'user_id', nullif(d.user_id,
                              '00000000-0000-0000-0000-000000000000'),
            'channel', d.channel, 'provider', by_provider,
            'error_code', error));

    IF to_state = 'failed' THEN
        SELECT * INTO r FROM notifications.requests AS q
         WHERE q.id = d.request_id;
        PERFORM notifications.hurry(r, d.user_id);
    END IF;

    RETURN true;
END $$;

-- Everything of a user's, when the user leaves.
CREATE FUNCTION notifications.erase(tenant uuid, who uuid) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM notifications.hold(tenant, ARRAY[who]);
    DELETE FROM notifications.notifications AS n
     WHERE n.tenant_id = tenant AND n.user_id = who;
    DELETE FROM notifications.open_groups AS g
     WHERE g.tenant_id = tenant AND g.user_id = who;
    DELETE FROM notifications.preferences AS p
     WHERE p.tenant_id = tenant AND p.user_id = who;
    DELETE FROM notifications.schedules AS s
     WHERE s.tenant_id = tenant AND s.user_id = who;
    DELETE FROM notifications.contacts AS o
     WHERE o.tenant_id = tenant AND o.user_id = who;
    DELETE FROM notifications.device_tokens AS t
     WHERE t.tenant_id = tenant AND t.user_id = who;
    DELETE FROM notifications.topic_subscriptions AS s
     WHERE s.tenant_id = tenant AND s.user_id = who;
    DELETE FROM notifications.digests AS d
     WHERE d.tenant_id = tenant AND d.user_id = who;
    DELETE FROM notifications.caps AS c
     WHERE c.tenant_id = tenant AND c.user_id = who;
    DELETE FROM notifications.outbox AS o
     WHERE o.tenant_id = tenant AND o.user_id = who;
    DELETE FROM notifications.counters AS c
     WHERE c.tenant_id = tenant AND c.user_id = who;
END $$;

CREATE INDEX topic_subscriptions_by_user
    ON notifications.topic_subscriptions (tenant_id, user_id);
CREATE INDEX outbox_by_user ON notifications.outbox (tenant_id, user_id);
CREATE INDEX digests_by_user ON notifications.digests (tenant_id, user_id);
CREATE INDEX notifications_of_user
    ON notifications.notifications (tenant_id, user_id);
