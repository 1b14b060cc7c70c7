-- Notifications: figures by the hour, counters healed, what one left behind.

-- What came of the deliveries of an hour, kept two years.
CREATE TABLE notifications.delivery_stats_hourly (
    tenant_id  uuid NOT NULL,
    hour       timestamptz NOT NULL,
    channel    text NOT NULL,
    template   text NOT NULL,               -- '': the content was given
    provider   text NOT NULL,               -- '': none was asked
    state      text NOT NULL,
    n          bigint NOT NULL,

    CONSTRAINT delivery_stats_hourly_pkey
        PRIMARY KEY (tenant_id, hour, channel, template, provider, state)
);

CREATE INDEX delivery_stats_by_age
    ON notifications.delivery_stats_hourly (hour);

-- The hours of the last two days, as they are now: fates still change.
CREATE FUNCTION notifications.count_up(at timestamptz) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    since timestamptz := date_trunc('hour', at) - interval '48 hours';
    n int;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('notifications'),
                                     hashtext('count_up')) THEN
        RETURN 0;
    END IF;

    DELETE FROM notifications.delivery_stats_hourly AS s
     WHERE s.hour >= since OR s.hour < at - interval '2 years';

    INSERT INTO notifications.delivery_stats_hourly
    SELECT d.tenant_id, date_trunc('hour', d.created_at), d.channel,
           coalesce(r.template, ''), coalesce(d.provider, ''), d.state,
           count(*)
      FROM notifications.deliveries AS d
      JOIN notifications.requests AS r ON r.id = d.request_id
     WHERE d.request_id >= notifications.id_at(since - interval '31 days')
       AND d.created_at >= since
     GROUP BY 1, 2, 3, 4, 5, 6;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$;

CREATE INDEX deliveries_by_age ON notifications.deliveries (created_at);

-- The next users whose counters are looked at; returns how many were wrong,
-- and in done how many there were.
CREATE FUNCTION notifications.heal(INOUT of uuid, INOUT after uuid, most int,
    OUT done int, OUT healed int)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    who uuid[];
    t uuid;
BEGIN
    SELECT c.tenant_id INTO t FROM notifications.counters AS c
     WHERE (c.tenant_id, c.user_id) > (of, after)
     ORDER BY c.tenant_id, c.user_id LIMIT 1;
    SELECT array_agg(x.user_id) INTO who
      FROM (SELECT c.user_id FROM notifications.counters AS c
             WHERE c.tenant_id = t AND (c.tenant_id, c.user_id) > (of, after)
             ORDER BY c.tenant_id, c.user_id LIMIT most) AS x;

    done := coalesce(cardinality(who), 0);
    healed := 0;

    IF done > 0 THEN
        healed := notifications.recount(t, who);
        of := t;
        after := who[done];
    END IF;
END $$;

-- All that is kept of a user, for who asks what that is.
CREATE FUNCTION notifications.subject(tenant uuid, who uuid) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object(
        'contact', (SELECT json_build_object('email', o.email, 'phone',
                o.phone, 'locale', o.locale, 'time_zone', o.time_zone,
                'marketing', o.marketing) FROM notifications.contacts AS o
             WHERE o.tenant_id = tenant AND o.user_id = who),
        'preferences', (SELECT coalesce(json_agg(json_build_object('category',
                p.category, 'channel', p.channel, 'value', p.value)
                ORDER BY p.category, p.channel), '[]')
              FROM notifications.preferences AS p
             WHERE p.tenant_id = tenant AND p.user_id = who),
        'schedule', (SELECT notifications.schedule_doc(s)
              FROM notifications.schedules AS s
             WHERE s.tenant_id = tenant AND s.user_id = who),
        'devices', (SELECT coalesce(json_agg(notifications.device_doc(t)
                ORDER BY t.id), '[]') FROM notifications.device_tokens AS t
             WHERE t.tenant_id = tenant AND t.user_id = who),
        'topics', (SELECT coalesce(json_agg(t.key ORDER BY t.key), '[]')
              FROM notifications.topic_subscriptions AS s
              JOIN notifications.topics AS t ON t.id = s.topic_id
             WHERE s.tenant_id = tenant AND s.user_id = who),
        'notifications', (SELECT coalesce(json_agg(notifications.doc(n)
                ORDER BY n.sort_id DESC), '[]')
              FROM (SELECT * FROM notifications.notifications AS n
                     WHERE n.tenant_id = tenant AND n.user_id = who
                     ORDER BY n.sort_id DESC LIMIT 10000) AS n))
$$;
