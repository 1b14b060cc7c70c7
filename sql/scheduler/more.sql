-- Backfill, suspension, and new rules of time zones.

-- name: backfill(id uuid, nominals bigint[], beside bool) -> int
-- lane: writes
SELECT scheduler.backfill(:tenant, :id,
    ARRAY(SELECT to_timestamp(t) FROM unnest(:nominals) AS t), :beside);

-- name: suspend(who uuid?, why text) -> int
-- lane: writes
SELECT scheduler.suspend(:tenant, :who, :why);

-- name: suspended(most int) -> rows scheduler_waiting
-- row: id uuid, specs text, time_zone text, starts_at timestamptz?,
-- row: ends_at timestamptz?, calendars text?, without text, within text,
-- row: at timestamptz
SELECT s.id, s.specs::text, s.time_zone, s.starts_at, s.ends_at,
       scheduler.spans_of(s)::text AS calendars,
       to_json(s.exclude_calendars)::text AS without,
       to_json(s.include_calendars)::text AS within,
       clock_timestamp() AS at
  FROM scheduler.schedules AS s
 WHERE s.tenant_id = :tenant AND s.suspended AND s.state = 'paused'
   AND s.note = 'the tenant is suspended'
 LIMIT :most FOR UPDATE;

-- name: unsuspend(id uuid, next_at timestamptz?) -> none
-- lane: writes
SELECT scheduler.unsuspend(:tenant, :id, :next_at);

-- name: rules() -> text?
SELECT version FROM scheduler.zone_rules;

-- name: set_rules(version text) -> none
INSERT INTO scheduler.zone_rules AS r (version) VALUES (:version)
ON CONFLICT ON CONSTRAINT zone_rules_pkey DO UPDATE
   SET version = excluded.version, at = now();

-- name: zoned(after uuid, most int) -> rows scheduler_waiting
-- across tenants: the rules are everyone's
SELECT s.id, s.specs::text, s.time_zone, s.starts_at, s.ends_at,
       scheduler.spans_of(s)::text AS calendars,
       to_json(s.exclude_calendars)::text AS without,
       to_json(s.include_calendars)::text AS within,
       clock_timestamp() AS at
  FROM scheduler.schedules AS s
 WHERE s.state = 'active' AND s.time_zone <> 'UTC' AND s.id > :after
   AND s.next_at > clock_timestamp()
 ORDER BY s.id LIMIT :most FOR UPDATE;

-- name: set_nexts(ids uuid[], nexts bigint[], rules text) -> none
-- lane: writes
SELECT scheduler.set_nexts(:ids,
    ARRAY(SELECT to_timestamp(nullif(t, 0))
            FROM unnest(:nexts) WITH ORDINALITY AS u (t, n) ORDER BY n),
    :rules);
