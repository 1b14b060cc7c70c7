-- Jobs: who is no operator names its own tenant.

-- name: job(id uuid, tenant_id uuid?) -> json?
-- across tenants: operators see all
SELECT pando.job_doc(j) FROM pando.jobs AS j
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
