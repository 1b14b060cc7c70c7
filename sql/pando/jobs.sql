-- Jobs: what workers ask (pando_job*.c), and what operators are shown and do.

-- name: enqueue(kind text, payload jsonb, tenant_id uuid, run_at timestamptz?,
--       delay_ms bigint, priority int, unique_key text?, again bool,
--       max_attempts int?, queue text, id uuid, trace text?) -> uuid
-- lane: writes
SELECT pando.enqueue(:kind, :payload, :tenant_id, :run_at, :delay_ms,
    :priority, :unique_key, :again, :max_attempts, :queue, :id, :trace);

-- name: enqueue_only(kind text, payload jsonb, tenant_id uuid,
--       run_at timestamptz?, delay_ms bigint, priority int,
--       max_attempts int?, queue text, id uuid, trace text?) -> none
-- Without a unique key its id is known, and nothing is waited for.
-- lane: writes
SELECT pando.enqueue(:kind, :payload, :tenant_id, :run_at, :delay_ms,
    :priority, NULL, false, :max_attempts, :queue, :id, :trace);

-- name: claim_jobs(who text, kinds text[], queues text[], rooms bigint[],
--       tries bigint[], costs bigint[], lease_ms bigint) -> rows
-- row: id uuid?, kind text?, tenant_id uuid?, payload text?, attempts int?,
-- row: fence bigint?, wait_ms bigint?
-- lane: writes
SELECT id, kind, tenant_id, payload, attempts, fence, wait_ms
  FROM pando.claim_jobs(:who, :kinds, :queues, :rooms, :tries, :costs,
                        :lease_ms);

-- name: finish_job(id uuid, fence bigint, forget bool) -> none
-- lane: writes
SELECT pando.finish_job(:id, :fence, :forget);

-- name: end_jobs(ids uuid[], fences bigint[], hows text[], delays bigint[],
--       errors text[]) -> int
-- lane: writes
SELECT pando.end_jobs(:ids, :fences, :hows, :delays, :errors);

-- name: renew_jobs(ids uuid[], fences bigint[], progress bigint[],
--       notes text[], lease_ms bigint) -> rows
-- row: id uuid
-- Those that are still the caller's; a progress below 0 says nothing new.
-- across tenants: a worker has jobs of many
UPDATE pando.jobs AS j
   SET lease_until = clock_timestamp() + :lease_ms * interval '1 millisecond',
       progress = CASE WHEN u.progress < 0 THEN j.progress ELSE u.progress END,
       note = coalesce(u.note, j.note)
  FROM unnest(:ids, :fences, :progress, :notes)
       AS u (id, fence, progress, note)
 WHERE j.id = u.id AND j.fence = u.fence
RETURNING j.id;

-- name: sweep_jobs(batch int) -> bigint
-- lane: writes
SELECT pando.sweep_jobs(:batch);

-- name: due_periods(kinds text[], queues text[], everys bigint[],
--       offsets bigint[]) -> bigint
-- lane: writes
SELECT pando.due_periods(:kinds, :queues, :everys, :offsets);

-- name: job_depths(kinds text[], most int) -> rows
-- row: kind text, ready bigint, dead bigint, oldest_ms bigint
-- Counts no further than `most`, so that it costs little when many wait.  Of
-- what is due the oldest of a hundred lanes is told.
-- across tenants: the numbers of the node's metrics
SELECT k.kind,
       (SELECT count(*) FROM (SELECT FROM pando.jobs AS j
         WHERE j.kind = k.kind AND j.state = 'ready' LIMIT :most) AS r)
       AS ready,
       (SELECT count(*) FROM (SELECT FROM pando.jobs AS j
         WHERE j.state = 'dead' AND j.ended_at IS NOT NULL
           AND j.kind = k.kind LIMIT :most) AS d) AS dead,
       greatest(0, (SELECT extract(epoch FROM clock_timestamp() - min(
                    pando.lane_next(l.kind, l.tenant_id))) * 1000
          FROM (SELECT kind, tenant_id FROM pando.job_lanes
                 WHERE kind = k.kind AND due LIMIT 100) AS l))::bigint
       AS oldest_ms
  FROM unnest(:kinds) AS k (kind);

-- name: cancel_job(id uuid) -> bool
-- Whether it was still live.  One that runs is ended when its lease is renewed.
-- across tenants: ids are handed out by who enqueues
WITH c AS (
    UPDATE pando.jobs
       SET state = 'canceled', fence = fence + 1, lease_until = NULL,
           ended_at = clock_timestamp()
     WHERE id = :id AND state IN ('ready', 'running')
    RETURNING id
)
SELECT count(*) > 0 FROM c;

-- name: retry_job(id uuid) -> int
-- lane: writes
SELECT pando.retry_jobs(ARRAY[:id], 1);

-- name: retry_jobs(state text, kind text?, queue text?, tenant_id uuid?,
--       batch int, pace int) -> int
-- Dead ones as a rule, the oldest first, so many a second.
-- lane: writes
-- across tenants: operators repair what is everyone's
SELECT pando.retry_jobs(ARRAY(
    SELECT j.id FROM pando.jobs AS j
     WHERE j.state = :state AND j.ended_at IS NOT NULL
       AND (:kind::text IS NULL OR j.kind = :kind)
       AND (:queue::text IS NULL OR j.queue = :queue)
       AND (:tenant_id::uuid IS NULL OR j.tenant_id = :tenant_id)
     ORDER BY j.ended_at, j.id LIMIT :batch), :pace);

-- name: cancel_jobs(kind text, tenant_id uuid?, batch int) -> affected
-- across tenants: operators repair what is everyone's
UPDATE pando.jobs
   SET state = 'canceled', ended_at = clock_timestamp()
 WHERE id = ANY (ARRAY(
       SELECT j.id FROM pando.jobs AS j
        WHERE j.state = 'ready' AND j.kind = :kind
          AND (:tenant_id::uuid IS NULL OR j.tenant_id = :tenant_id)
        ORDER BY j.kind, j.tenant_id LIMIT :batch FOR UPDATE SKIP LOCKED));

-- name: set_queue(queue text, tenant_id uuid?, max_running int?, weight float8?,
--       paused bool?) -> none
-- lane: writes
SELECT pando.set_queue(:queue, :tenant_id, :max_running, :weight, :paused);

-- name: notify_jobs(what text) -> none
SELECT pg_notify('pando_jobs', :what);

-- name: get_job(id uuid) -> json?
-- across tenants: shown to operators alone
SELECT pando.job_doc(j) FROM pando.jobs AS j WHERE j.id = :id;

-- name: list_ready_jobs(kind text, tenant_id uuid?) -> page
-- In the order in which each tenant's will be taken.
-- sort: line = j.tenant_id uuid, j.priority int desc, j.run_at timestamptz, j.id uuid
-- across tenants: shown to operators alone
SELECT pando.job_doc(j) :keys FROM pando.jobs AS j
 WHERE j.state = 'ready' AND j.kind = :kind
   AND (:tenant_id::uuid IS NULL OR j.tenant_id = :tenant_id) AND :after
 ORDER BY :order LIMIT :limit;

-- name: list_running_jobs(kind text?, queue text?, tenant_id uuid?) -> page
-- sort: started_at = j.started_at timestamptz, j.id uuid
-- across tenants: shown to operators alone
SELECT pando.job_doc(j) :keys FROM pando.jobs AS j
 WHERE j.state = 'running' AND (:kind::text IS NULL OR j.kind = :kind)
   AND (:queue::text IS NULL OR j.queue = :queue)
   AND (:tenant_id::uuid IS NULL OR j.tenant_id = :tenant_id) AND :after
 ORDER BY :order LIMIT :limit;

-- name: list_ended_jobs(state text, kind text?, queue text?, tenant_id uuid?)
--       -> page
-- sort: -ended_at = j.ended_at timestamptz desc, j.id uuid desc
-- across tenants: shown to operators alone
SELECT pando.job_doc(j) :keys FROM pando.jobs AS j
 WHERE j.state = :state AND j.ended_at IS NOT NULL
   AND (:kind::text IS NULL OR j.kind = :kind)
   AND (:queue::text IS NULL OR j.queue = :queue)
   AND (:tenant_id::uuid IS NULL OR j.tenant_id = :tenant_id) AND :after
 ORDER BY :order LIMIT :limit;

-- name: queue_rates(queue text) -> row
-- row: running bigint, done bigint, dead bigint, p95_ms float8?
-- Of the last five minutes, and of at most the last 10,000 that ended.
-- across tenants: shown to operators alone
SELECT (SELECT count(*) FROM pando.jobs AS r
         WHERE r.queue = :queue AND r.state = 'running') AS running,
       count(*) FILTER (WHERE e.state = 'done') AS done,
       count(*) FILTER (WHERE e.state = 'dead') AS dead,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM
           e.ended_at - e.started_at) * 1000)::float8 AS p95_ms
  FROM (VALUES ('done'), ('dead')) AS s (state) CROSS JOIN LATERAL (
        SELECT j.state, j.ended_at, j.started_at, j.queue FROM pando.jobs AS j
         WHERE j.state = s.state
           AND j.ended_at > clock_timestamp() - interval '5 min'
         ORDER BY j.ended_at DESC LIMIT 10000) AS e
 WHERE e.queue = :queue;
