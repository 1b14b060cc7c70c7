-- Jobs: who is no operator names its own tenant.

-- name: job(id uuid, tenant_id uuid?) -> json?
-- across tenants: operators see all
SELECT pando.job_doc(j)::jsonb || jsonb_build_object('why',
           scheduler.why(j))
  FROM pando.jobs AS j
 WHERE j.id = :id AND (:tenant_id::uuid IS NULL OR j.tenant_id = :tenant_id);

-- name: job_state(id uuid, tenant_id uuid?) -> text?
-- across tenants: operators see all
SELECT j.state FROM pando.jobs AS j
 WHERE j.id = :id AND (:tenant_id::uuid IS NULL OR j.tenant_id = :tenant_id)
   FOR UPDATE;

-- name: jobs_ready(kind text, queue text?, tenant_id uuid?) -> page
-- In the order in which each tenant's will be taken.
-- sort: line = j.tenant_id uuid, j.priority int desc, j.run_at timestamptz, j.id uuid
-- across tenants: operators see all
SELECT pando.job_doc(j) :keys FROM pando.jobs AS j
 WHERE j.state = 'ready' AND j.kind = :kind
   AND (:queue::text IS NULL OR j.queue = :queue)
   AND (:tenant_id::uuid IS NULL OR j.tenant_id = :tenant_id) AND :after
 ORDER BY :order LIMIT :limit;

-- name: jobs_running(kind text?, queue text?, tenant_id uuid?) -> page
-- sort: started_at = j.started_at timestamptz, j.id uuid
-- across tenants: operators see all
SELECT pando.job_doc(j) :keys FROM pando.jobs AS j
 WHERE j.state = 'running' AND (:kind::text IS NULL OR j.kind = :kind)
   AND (:queue::text IS NULL OR j.queue = :queue)
   AND (:tenant_id::uuid IS NULL OR j.tenant_id = :tenant_id) AND :after
 ORDER BY :order LIMIT :limit;

-- name: jobs_ended(state text, kind text?, queue text?, tenant_id uuid?) -> page
-- sort: -ended_at = j.ended_at timestamptz desc, j.id uuid desc
-- across tenants: operators see all
SELECT pando.job_doc(j) :keys FROM pando.jobs AS j
 WHERE j.state = :state AND j.ended_at IS NOT NULL
   AND (:kind::text IS NULL OR j.kind = :kind)
   AND (:queue::text IS NULL OR j.queue = :queue)
   AND (:tenant_id::uuid IS NULL OR j.tenant_id = :tenant_id) AND :after
 ORDER BY :order LIMIT :limit;

-- name: job_retry(id uuid) -> int
-- lane: writes
SELECT pando.retry_jobs(ARRAY[:id], 1);

-- name: jobs_retry(state text, kind text?, queue text?, tenant_id uuid?,
--       batch int, pace int) -> int
-- The oldest first, so many a second.
-- lane: writes
-- across tenants: operators repair what is everyone's
SELECT pando.retry_jobs(ARRAY(
    SELECT j.id FROM pando.jobs AS j
     WHERE j.state = :state AND j.ended_at IS NOT NULL
       AND (:kind::text IS NULL OR j.kind = :kind)
       AND (:queue::text IS NULL OR j.queue = :queue)
       AND (:tenant_id::uuid IS NULL OR j.tenant_id = :tenant_id)
     ORDER BY j.ended_at, j.id LIMIT :batch), :pace);

-- name: jobs_cancel(kind text, queue text?, tenant_id uuid?, batch int)
--       -> affected
-- across tenants: operators repair what is everyone's
UPDATE pando.jobs
   SET state = 'canceled', ended_at = clock_timestamp()
 WHERE id = ANY (ARRAY(
       SELECT j.id FROM pando.jobs AS j
        WHERE j.state = 'ready' AND j.kind = :kind
          AND (:queue::text IS NULL OR j.queue = :queue)
          AND (:tenant_id::uuid IS NULL OR j.tenant_id = :tenant_id)
        ORDER BY j.kind, j.tenant_id LIMIT :batch FOR UPDATE SKIP LOCKED));

-- name: queues() -> json
SELECT scheduler.queues();

-- name: queue_set(queue text, tenant_id uuid?, paused bool?, has_most bool,
--       most int?, weight float8?) -> none
-- lane: writes
-- across tenants: operators set what holds for all, or for one of them
WITH s AS (
    INSERT INTO pando.job_queues AS q (queue, tenant_id, max_running, weight,
           paused)
    VALUES (:queue, coalesce(:tenant_id,
                             '00000000-0000-0000-0000-000000000000'),
            :most, :weight, coalesce(:paused, false))
    ON CONFLICT (queue, tenant_id) DO UPDATE
       SET max_running = CASE WHEN :has_most THEN :most
                         ELSE q.max_running END,
           weight = coalesce(:weight, q.weight),
           paused = coalesce(:paused, q.paused), changed_at = now()
    RETURNING q.queue
)
SELECT pando.lane_wake(l.kind, l.tenant_id, clock_timestamp())
  FROM s, pando.job_lanes AS l
 WHERE EXISTS (SELECT FROM pando.jobs AS j
                WHERE j.kind = l.kind AND j.tenant_id = l.tenant_id
                  AND j.state = 'ready' AND j.queue = s.queue);

-- name: queue_get(queue text, tenant_id uuid?) -> json
-- across tenants: operators see what holds for all, or for one of them
SELECT json_build_object('queue', :queue::text,
       'tenant_id', :tenant_id::uuid,
       'paused', coalesce(bool_or(q.paused), false),
       'max_running', min(q.max_running), 'weight', coalesce(min(q.weight), 1))
  FROM pando.job_queues AS q
 WHERE q.queue = :queue AND q.tenant_id = coalesce(:tenant_id,
       '00000000-0000-0000-0000-000000000000');

-- name: set_scopes(id uuid, scopes text[]) -> none
UPDATE scheduler.schedules SET scopes = :scopes
 WHERE tenant_id = :tenant AND id = :id;

-- name: has_scope(id uuid, scope text) -> bool
-- lane: writes
SELECT EXISTS (SELECT FROM scheduler.schedules AS s
                WHERE s.tenant_id = :tenant AND s.id = :id
                  AND :scope = ANY (s.scopes));

-- name: lose_scope(owner uuid, scope text?) -> none
UPDATE scheduler.schedules AS s
   SET scopes = CASE WHEN :scope::text IS NULL THEN '{}'
                ELSE array_remove(s.scopes, :scope) END
 WHERE s.tenant_id = :tenant AND s.owner = :owner AND s.scopes <> '{}';
