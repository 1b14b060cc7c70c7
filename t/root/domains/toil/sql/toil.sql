-- Toil: what its jobs write down.

-- name: begun(job uuid, attempt int, of uuid?, number bigint, pid int) -> none
INSERT INTO toil.runs (job, attempt, tenant, n, pid)
VALUES (:job, :attempt, :of, :number, :pid);

-- name: effect(job uuid, number bigint) -> none
INSERT INTO toil.effects (job, n) VALUES (:job, :number);

-- name: enqueue_by_sql(number bigint) -> uuid
SELECT pando.enqueue('toil.work', jsonb_build_object('n', :number::bigint));
