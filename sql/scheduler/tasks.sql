-- Tasks: things that are due once.

-- name: tasks() -> page
-- sort: id = s.id uuid
SELECT scheduler.task_doc(s) :keys
  FROM scheduler.schedules AS s
 WHERE s.tenant_id = :tenant AND s.name IS NULL AND :after
 ORDER BY :order LIMIT :limit;

-- name: task(id uuid) -> json?
SELECT scheduler.task_doc(s), s.version
  FROM scheduler.schedules AS s
 WHERE s.tenant_id = :tenant AND s.id = :id AND s.name IS NULL;

-- name: task_lock(id uuid) -> bigint?
SELECT s.version
  FROM scheduler.schedules AS s
 WHERE s.tenant_id = :tenant AND s.id = :id AND s.name IS NULL FOR UPDATE;

-- name: task_by_key(dedupe_key text) -> uuid?
SELECT s.id
  FROM scheduler.schedules AS s
 WHERE s.tenant_id = :tenant AND s.dedupe_key = :dedupe_key
   AND s.name IS NULL FOR UPDATE;

-- name: task_add(owner uuid?, id uuid, dedupe_key text?, run_at timestamptz?,
--       delay_s bigint, action jsonb, time_zone text, secret_ct text?,
--       retries int, timeout_s int) -> row scheduler_task
-- row: task uuid, fresh bool
-- lane: writes
SELECT task, fresh FROM scheduler.add_task(:tenant, :owner, :id, :dedupe_key,
    :run_at, :delay_s, :action, :time_zone, :secret_ct, :retries, :timeout_s);
