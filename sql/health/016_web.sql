-- Health: checks over the network.
--
-- What must stay true: kinds are in the order of health_kind_t (health.h).

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
        WHEN 'http' THEN target ? 'url'
            AND target - '{url,method,headers,body,statuses,matches,pointer,
                equals,redirects,slow_ms}'::text[] = '{}'
        WHEN 'scenario' THEN target ? 'steps'
            AND target - '{steps,slow_ms}'::text[] = '{}'
        WHEN 'tcp' THEN target ?& '{host,port}'
            AND target - '{host,port,slow_ms}'::text[] = '{}'
        WHEN 'tls' THEN target ? 'host'
            AND target - '{host,port,days_warn,days_fail,slow_ms}'::text[]
                = '{}'
            AND coalesce((target ->> 'days_warn')::int, 21)
                >= coalesce((target ->> 'days_fail')::int, 1)
        WHEN 'smtp' THEN target ? 'host'
            AND target - '{host,port,slow_ms}'::text[] = '{}'
        WHEN 'grpc' THEN target ? 'url'
            AND target - '{url,service,slow_ms}'::text[] = '{}'
        WHEN 'dns' THEN target ? 'host'
            AND target - '{host,addresses,slow_ms}'::text[] = '{}'
        ELSE false END
$$;

CREATE FUNCTION health.kind_number(kind text) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_position(ARRAY['postgres', 'disk', 'module', 'redis', 'queue',
                                'http', 'scenario', 'tcp', 'tls', 'smtp',
                                'dns', 'grpc'], kind) - 1
$$;

CREATE OR REPLACE VIEW health.to_run AS
SELECT id, tenant_id, name, component, health.kind_number(kind) AS kind,
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
