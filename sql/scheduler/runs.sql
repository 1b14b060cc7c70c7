-- Runs: firing, running, and what is shown of them.

-- name: due(most int) -> rows
-- row: id uuid, specs text, time_zone text, starts_at timestamptz?,
-- row: ends_at timestamptz?, next_at timestamptz, jitter_s int,
-- row: catchup_s int, max_catchup int, calendars text?, without text,
-- row: within text, at timestamptz
-- across tenants: what is due is due, whoever's it is
SELECT s.id, s.specs::text, s.time_zone, s.starts_at, s.ends_at, s.next_at,
       s.jitter_s, s.catchup_s, s.max_catchup,
       scheduler.spans_of(s)::text AS calendars,
       to_json(s.exclude_calendars)::text AS without,
       to_json(s.include_calendars)::text AS within,
       clock_timestamp() AS at
  FROM scheduler.schedules AS s
 WHERE s.state = 'active' AND s.next_at <= clock_timestamp()
 ORDER BY s.next_at LIMIT :most FOR UPDATE SKIP LOCKED;

-- name: is_due() -> bool
-- across tenants: what is due is due, whoever's it is
-- lane: writes
SELECT EXISTS (SELECT FROM scheduler.schedules AS s
 WHERE s.state = 'active' AND s.next_at <= clock_timestamp());

-- name: fire(ids uuid[], nominals bigint[], hows text[], dues bigint[],
--       batch uuid[], nexts bigint[], grace_s int) -> rows
-- row: job_id uuid
-- lane: writes
SELECT job_id FROM scheduler.fire(:ids,
    (SELECT array_agg(to_timestamp(t) ORDER BY n)
       FROM unnest(:nominals) WITH ORDINALITY AS u (t, n)), :hows,
    (SELECT array_agg(to_timestamp(t) ORDER BY n)
       FROM unnest(:dues) WITH ORDINALITY AS u (t, n)), :batch,
    (SELECT array_agg(to_timestamp(nullif(t, 0)) ORDER BY n)
       FROM unnest(:nexts) WITH ORDINALITY AS u (t, n)),
    :grace_s * interval '1 s') AS job_id;

-- name: trigger_of(tenant_id uuid, id uuid, grace_s int)
--       -> row scheduler_triggered
-- row: run uuid?, ousted uuid?
-- lane: writes
SELECT run, ousted FROM scheduler.trigger(:tenant_id, :id, NULL,
    :grace_s * interval '1 s');

-- name: trigger(id uuid, nominal_at timestamptz?, grace_s int)
--       -> row scheduler_triggered
-- lane: writes
SELECT run, ousted FROM scheduler.trigger(:tenant, :id, :nominal_at,
    :grace_s * interval '1 s');

-- name: run(id uuid) -> json?
SELECT scheduler.run_doc(r)
  FROM scheduler.runs AS r
 WHERE r.tenant_id = :tenant AND r.id = :id;

-- name: runs(schedule_id uuid) -> page
-- sort: -nominal_at = r.nominal_at timestamptz desc, r.id uuid desc
SELECT scheduler.run_doc(r) :keys
  FROM scheduler.runs AS r
 WHERE r.tenant_id = :tenant AND r.schedule_id = :schedule_id AND :after
 ORDER BY :order LIMIT :limit;

-- name: begin_run(id uuid) -> row? scheduler_begun
-- row: schedule_id uuid, name text, action text, secret_ct text?,
-- row: time_zone text, nominal_at timestamptz, prev_success timestamptz?,
-- row: timeout_s int, retries int, failures int
-- lane: writes
SELECT schedule_id, name, action, secret_ct, time_zone, nominal_at,
       prev_success, timeout_s, retries, failures
  FROM scheduler.begin_run(:tenant, :id);

-- name: end_run(id uuid, how text, result jsonb?, error text?) -> bool
-- lane: writes
SELECT scheduler.end_run(:tenant, :id, :how, :result, :error);

-- name: tell(type text, schedule_id uuid, data jsonb) -> none
SELECT pando.emit(:tenant, :type, 1, :schedule_id, :data);

-- name: ask_for(kind text, payload jsonb) -> none
SELECT pando.enqueue(:kind, :payload, :tenant);

-- name: retry_later(id uuid, why text, ms bigint) -> none
-- lane: writes
SELECT scheduler.retry_later(:tenant, :id, :why, :ms);

-- name: cancel_run(id uuid, grace_s int) -> row
-- row: done bool, job uuid?
-- lane: writes
SELECT done, job FROM scheduler.cancel_run(:tenant, :id,
    :grace_s * interval '1 s');

-- name: retry_run(id uuid) -> bool
-- lane: writes
SELECT scheduler.retry_run(:tenant, :id);

-- name: sweep(most int) -> int
-- lane: writes
SELECT scheduler.sweep(:most);

-- name: forget(most int) -> int
-- lane: writes
SELECT scheduler.forget(:most);
