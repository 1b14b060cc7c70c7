-- Health: what PostgreSQL says of itself, and queues of jobs.
--
-- What must stay true: kinds are in the order of health_kind_t (health.h).

-- A bound of which the warning comes after the failure is none.
CREATE FUNCTION health.bounds_ok(target jsonb, warn text, fail text)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce((target ->> warn)::bigint <= (target ->> fail)::bigint,
                    true)
$$;

CREATE OR REPLACE FUNCTION health.target_ok(kind text, target jsonb)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT length(target::text) <= 1900
       AND health.bounds_ok(target, 'warn_percent', 'fail_percent')
       AND health.bounds_ok(target, 'lag_warn_s', 'lag_fail_s')
       AND health.bounds_ok(target, 'age_warn_s', 'age_fail_s')
       AND health.bounds_ok(target, 'xids_warn', 'xids_fail')
       AND CASE kind
        WHEN 'postgres' THEN target - '{slow_ms,warn_percent,fail_percent,
            lag_warn_s,lag_fail_s,age_warn_s,age_fail_s,xids_warn,
            xids_fail}'::text[] = '{}'
        WHEN 'module' THEN target ? 'module'
            AND target - '{module,slow_ms}'::text[] = '{}'
        WHEN 'disk' THEN target ? 'path'
            AND target - '{path,warn_percent,fail_percent}'::text[] = '{}'
            AND coalesce((target ->> 'warn_percent')::int, 80)
                <= coalesce((target ->> 'fail_percent')::int, 95)
        WHEN 'redis' THEN
            target - '{slow_ms,warn_percent,fail_percent}'::text[] = '{}'
        WHEN 'queue' THEN
            target - '{job,slow_ms,age_warn_s,age_fail_s}'::text[] = '{}'
            AND target ?| '{age_warn_s,age_fail_s}'
        ELSE false END
$$;

-- What Redis uses of its memory says nothing bad by itself, nor do connections
-- of PostgreSQL: a cache is full.  Places: from how many nodes it is looked
-- at, 0 from each.
CREATE OR REPLACE VIEW health.to_run AS
SELECT id, tenant_id, name, component,
       array_position(ARRAY['postgres', 'disk', 'module', 'redis', 'queue'],
                      kind) - 1 AS kind,
       array_position(ARRAY['required', 'important', 'optional'],
                      criticality) - 1 AS weight,
       interval_s, timeout_ms, rise, fall,
       coalesce(target ->> 'path', target ->> 'module', target ->> 'job', '')
           AS subject,
       coalesce((target ->> 'slow_ms')::int, 0) AS slow_ms,
       coalesce((target ->> 'warn_percent')::int,
                CASE kind WHEN 'disk' THEN 80 ELSE 101 END) AS warn_percent,
       coalesce((target ->> 'fail_percent')::int,
                CASE kind WHEN 'disk' THEN 95 ELSE 101 END) AS fail_percent,
       track, state_since AS since, target::text AS target,
       CASE WHEN health.everywhere(kind) THEN 0 ELSE locations END AS places
  FROM health.checks
 WHERE enabled;

CREATE OR REPLACE FUNCTION health.check_doc(c health.checks) RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT json_build_object('id', c.id, 'name', c.name,
        'component', c.component, 'kind', c.kind, 'target', c.target,
        'interval_s', c.interval_s, 'timeout_ms', c.timeout_ms,
        'rise', c.rise, 'fall', c.fall, 'criticality', c.criticality,
        'runbook_url', c.runbook_url, 'locations', c.locations,
        'enabled', c.enabled, 'state', health.state_now(c),
        'state_since', pando.rfc3339(c.state_since),
        'flapping', c.flapping, 'last_at', pando.rfc3339(c.last_at),
        'version', c.version, 'created_at', pando.rfc3339(c.created_at),
        'updated_at', pando.rfc3339(c.updated_at))
$$;

-- Of the whole server, in whole numbers: connections in percent, the seconds
-- of the oldest transaction and of the slowest replica, the age of the oldest
-- transaction id.  Of others' sessions a role sees as much as it is granted
-- (pg_read_all_stats).
CREATE FUNCTION health.server(OUT connections bigint, OUT age_s bigint,
    OUT lag_s bigint, OUT xids bigint)
LANGUAGE sql STABLE AS $$
    SELECT (SELECT count(*) * 100 / current_setting('max_connections')::int
              FROM pg_catalog.pg_stat_activity AS a
             WHERE a.backend_type = 'client backend'),
           (SELECT coalesce(max(extract(epoch FROM clock_timestamp()
                                                   - a.xact_start)), 0)::bigint
              FROM pg_catalog.pg_stat_activity AS a
             WHERE a.backend_type = 'client backend'
               AND a.pid <> pg_backend_pid()),
           CASE WHEN pg_is_in_recovery()
                THEN coalesce(extract(epoch FROM clock_timestamp()
                              - pg_last_xact_replay_timestamp()), 0)::bigint
                ELSE (SELECT coalesce(max(extract(epoch FROM r.replay_lag)),
                                      0)::bigint
                        FROM pg_catalog.pg_stat_replication AS r) END,
           (SELECT max(age(d.datfrozenxid))::bigint
              FROM pg_catalog.pg_database AS d WHERE d.datallowconn)
$$;

-- For how many seconds the oldest job waits that is due, of a kind or of all;
-- it is looked for in a thousand lanes.
CREATE FUNCTION health.oldest_job(of_kind text) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT coalesce(greatest(0, extract(epoch FROM clock_timestamp()
               - min(pando.lane_next(l.kind, l.tenant_id)))), 0)::bigint
      FROM (SELECT x.kind, x.tenant_id FROM pando.job_lanes AS x
             WHERE x.due AND (of_kind = '' OR x.kind = of_kind)
             LIMIT 1000) AS l
$$;

-- Those that have come to nothing are tried again, so many a second.
CREATE FUNCTION health.retry_dead(of_kind text) RETURNS int
LANGUAGE sql VOLATILE AS $$
    SELECT pando.retry_jobs(ARRAY(
               SELECT j.id FROM pando.jobs AS j
                WHERE j.state = 'dead' AND j.ended_at IS NOT NULL
                  AND j.kind = of_kind
                ORDER BY j.ended_at, j.id LIMIT 1000), 100)
$$;
