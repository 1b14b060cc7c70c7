-- Health: what time alone brings about, and what time takes away.
--
-- What must stay true: each of these may run on any node, at any time and
-- twice; what somebody is changing right now is left for the next time.

-- Maintenances begin and end, and what they kept silent is told.
CREATE FUNCTION health.sweep_maintenances() RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    n  int := 0;
    m  health.maintenances;
BEGIN
    FOR m IN SELECT x.* FROM health.maintenances AS x
              WHERE x.state = 'scheduled' AND x.starts_at <= now()
                 OR x.state <> 'ended' AND x.ends_at <= now()
              ORDER BY x.id FOR UPDATE SKIP LOCKED
    LOOP
        UPDATE health.maintenances AS x
           SET state = CASE WHEN x.ends_at <= now() THEN 'ended'
                       ELSE 'active' END,
               version = x.version + 1, updated_at = now()
         WHERE x.id = m.id
        RETURNING x.* INTO m;

        PERFORM pando.emit(m.tenant_id, CASE m.state WHEN 'ended'
            THEN 'maintenance.ended' ELSE 'maintenance.started' END, 1, m.id,
            health.maintenance_doc(m)::jsonb);
        PERFORM health.settle(m.tenant_id);
        n := n + 1;
    END LOOP;

    RETURN n;
END $$;

-- Checks that nobody hears of are unknown, heartbeats that are late missed,
-- reports that are over no longer there; what was quiet for long is told.
CREATE FUNCTION health.sweep_silent() RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    tenants  uuid[];
    more     uuid[];
    b        health.heartbeats;
BEGIN
    WITH late AS (
        SELECT c.id FROM health.checks AS c
         WHERE c.enabled AND c.state <> 'unknown'
           AND c.last_at < now() - 3
               * make_interval(secs => greatest(c.interval_s, 10))
         ORDER BY c.id FOR UPDATE SKIP LOCKED
    ), done AS (
        UPDATE health.checks AS c SET state = 'unknown', state_since = now()
          FROM late WHERE c.id = late.id
        RETURNING c.tenant_id
    ), over AS (
        DELETE FROM health.reports AS r
         USING (SELECT x.ctid AS at FROM health.reports AS x
                 WHERE x.until < now() FOR UPDATE SKIP LOCKED) AS x
         WHERE r.ctid = x.at
        RETURNING r.tenant_id
    )
    SELECT array_agg(x.tenant_id) INTO tenants
      FROM (SELECT d.tenant_id FROM done AS d
             UNION SELECT o.tenant_id FROM over AS o
             UNION SELECT k.tenant_id FROM health.components AS k
                    WHERE k.quiet_until <= now()) AS x;

    FOR b IN SELECT x.* FROM health.heartbeats AS x
              WHERE x.state IN ('new', 'up') AND x.late_at <= now()
              ORDER BY x.id FOR UPDATE SKIP LOCKED
    LOOP
        UPDATE health.heartbeats AS x
           SET state = 'missed', state_since = now(), started_at = NULL
         WHERE x.id = b.id
        RETURNING x.* INTO b;

        PERFORM health.tell_missed(b);
        tenants := tenants || b.tenant_id;
    END LOOP;

    SELECT array_agg(DISTINCT t ORDER BY t) INTO more FROM unnest(tenants) AS t;

    FOR i IN 1 .. coalesce(array_length(more, 1), 0) LOOP
        PERFORM health.settle(more[i]);
    END LOOP;

    RETURN coalesce(array_length(more, 1), 0);
END $$;

-- What was long in major outage has an incident, unless somebody saw it first
-- or a maintenance covers it.
CREATE FUNCTION health.open_incidents(open_after int) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    n  int := 0;
    r  record;
BEGIN
    FOR r IN INSERT INTO health.incidents AS i
                    (tenant_id, title, impact, components, auto, started_at)
             SELECT k.tenant_id, k.component || ' does not work', 'critical',
                    ARRAY[k.component], true, k.since
               FROM health.components AS k
              WHERE k.status = 'major_outage' AND k.cause = 'check'
                AND k.since <= now() - make_interval(secs => open_after)
                AND k.quiet_until IS NULL
                AND NOT EXISTS (SELECT FROM health.maintenance_components AS m
                                 WHERE m.tenant_id = k.tenant_id
                                   AND m.component = k.component
                                   AND m.during && tstzrange(now()
                                       - make_interval(secs => open_after),
                                       now(), '[]'))
                AND NOT EXISTS (SELECT FROM health.incidents AS x
                                 WHERE x.tenant_id = k.tenant_id
                                   AND x.resolved_at IS NULL
                                   AND k.component = ANY (x.components))
             ON CONFLICT (tenant_id, (components[1]))
                WHERE auto AND resolved_at IS NULL DO NOTHING
             RETURNING i.tenant_id, i.id
    LOOP
        PERFORM health.say(r.tenant_id, r.id, 'investigating',
                           'found by a check', 'incident.opened');
        n := n + 1;
    END LOOP;

    RETURN n;
END $$;

-- Those that were opened by themselves are watched while the component works,
-- resolved when it did for long, and looked into again when it does not.
CREATE FUNCTION health.follow_incidents(resolve_after int) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    n     int := 0;
    i     health.incidents;
    well  boolean;
    news  text;
BEGIN
    FOR i IN SELECT x.* FROM health.incidents AS x
              WHERE x.auto AND x.resolved_at IS NULL
              ORDER BY x.id FOR UPDATE SKIP LOCKED
    LOOP
        well := NOT EXISTS (SELECT FROM health.components AS k
                             WHERE k.tenant_id = i.tenant_id
                               AND k.component = i.components[1]
                               AND k.status NOT IN ('operational', 'degraded'));
        news := CASE WHEN NOT well AND i.state = 'monitoring'
                     THEN 'investigating'
                     WHEN well AND i.state <> 'monitoring' THEN 'monitoring'
                     WHEN well AND i.updated_at <= now()
                          - make_interval(secs => resolve_after)
                     THEN 'resolved' END;
        CONTINUE WHEN news IS NULL;

        UPDATE health.incidents AS x
           SET state = news, version = x.version + 1, updated_at = now(),
               resolved_at = CASE news WHEN 'resolved' THEN now() END
         WHERE x.id = i.id;

        PERFORM health.say(i.tenant_id, i.id, news,
            CASE news WHEN 'monitoring' THEN 'it works again'
            WHEN 'resolved' THEN 'it stayed so'
            ELSE 'it does not work again' END,
            CASE news WHEN 'resolved' THEN 'incident.resolved'
            ELSE 'incident.updated' END);
        n := n + 1;
    END LOOP;

    RETURN n;
END $$;

-- Recovery runs are judged by what the component does now.
CREATE FUNCTION health.judge_runs() RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    n  int := 0;
    r  record;
BEGIN
    FOR r IN SELECT x.id, CASE WHEN x.acted_at IS NULL THEN 'lost'
                    WHEN health.rank(health.status_of(y.tenant_id,
                                                      y.component))
                         BETWEEN 1 AND health.rank(y.trigger) - 1
                    THEN 'helped' ELSE 'no_help' END AS outcome
               FROM health.recovery_runs AS x
               JOIN health.recovery_rules AS y ON y.id = x.rule_id
              WHERE x.outcome = 'running'
                AND coalesce(x.acted_at + make_interval(secs => y.verify_s),
                             x.started_at + interval '2 minutes') <= now()
              ORDER BY x.id FOR UPDATE SKIP LOCKED
    LOOP
        PERFORM health.recovery_end(r.id, r.outcome);
        n := n + 1;
    END LOOP;

    RETURN n;
END $$;

-- All of it, by one node at a time.
CREATE FUNCTION health.sweep(open_after int, resolve_after int) RETURNS int
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('health'), hashtext('sweep'))
    THEN
        RETURN 0;
    END IF;

    RETURN health.sweep_maintenances() + health.sweep_silent()
           + health.judge_runs() + health.open_incidents(open_after)
           + health.follow_incidents(resolve_after);
END $$;

-- What is older than 400 days goes, but not what a component was when the
-- days that are shown began.
CREATE FUNCTION health.forget() RETURNS int
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM health.component_changes AS c
     WHERE c.at < now() - interval '400 days'
       AND EXISTS (SELECT FROM health.component_changes AS x
                    WHERE x.tenant_id = c.tenant_id
                      AND x.component = c.component AND x.at > c.at
                      AND x.at < now() - interval '100 days');
    DELETE FROM health.incidents WHERE resolved_at < now() - interval '400 days';
    DELETE FROM health.maintenances
     WHERE state = 'ended' AND ends_at < now() - interval '400 days';
    DELETE FROM health.recovery_runs
     WHERE started_at < now() - interval '400 days';
    RETURN 1;
END $$;
