-- Health: checks of Redis.
--
-- What must stay true: kinds are in the order of health_kind_t (health.h).

CREATE OR REPLACE FUNCTION health.target_ok(kind text, target jsonb)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE kind
        WHEN 'postgres' THEN target - 'slow_ms' = '{}'
        WHEN 'module' THEN target ? 'module'
            AND target - 'module' - 'slow_ms' = '{}'
        WHEN 'disk' THEN target ? 'path'
            AND target - 'path' - 'warn_percent' - 'fail_percent' = '{}'
            AND coalesce((target ->> 'warn_percent')::int, 80)
                <= coalesce((target ->> 'fail_percent')::int, 95)
        WHEN 'redis' THEN
            target - 'slow_ms' - 'warn_percent' - 'fail_percent' = '{}'
            AND coalesce((target ->> 'warn_percent')::int, 1)
                <= coalesce((target ->> 'fail_percent')::int, 100)
        ELSE false END
$$;

-- What Redis uses of its memory says nothing bad by itself: a cache is full.
CREATE OR REPLACE VIEW health.to_run AS
SELECT id, tenant_id, name, component,
       array_position(ARRAY['postgres', 'disk', 'module', 'redis'], kind) - 1
           AS kind,
       array_position(ARRAY['required', 'important', 'optional'],
                      criticality) - 1 AS weight,
       interval_s, timeout_ms, rise, fall,
       coalesce(target ->> 'path', target ->> 'module', '') AS subject,
       coalesce((target ->> 'slow_ms')::int, 0) AS slow_ms,
       coalesce((target ->> 'warn_percent')::int,
                CASE kind WHEN 'disk' THEN 80 ELSE 101 END) AS warn_percent,
       coalesce((target ->> 'fail_percent')::int,
                CASE kind WHEN 'disk' THEN 95 ELSE 101 END) AS fail_percent,
       track, state_since AS since
  FROM health.checks
 WHERE enabled;
