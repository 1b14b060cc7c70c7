-- Scheduler: calls of other domains, work of outside programs, and jobs that
-- die.
--
-- What must stay true: what an owner may no longer do is not done for them; of
-- each job that dies it is told once, with its death.

-- The scopes that whoever saved the action had, of those that it asks for.
ALTER TABLE scheduler.schedules ADD COLUMN scopes text[] NOT NULL DEFAULT '{}';

CREATE FUNCTION scheduler.job_died() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pando.emit(nullif(NEW.tenant_id,
            '00000000-0000-0000-0000-000000000000'), 'job.dead', 1, NEW.id,
        jsonb_build_object('id', NEW.id, 'queue', NEW.queue,
            'kind', NEW.kind, 'attempts', NEW.attempts,
            'error', left(NEW.error, 500)));
    RETURN NULL;
END $$;

CREATE TRIGGER job_died AFTER UPDATE OF state ON pando.jobs
FOR EACH ROW WHEN (OLD.state = 'running' AND NEW.state = 'dead')
EXECUTE FUNCTION scheduler.job_died();

-- What keeps a job that is ready from running; null: it is not ready.
CREATE FUNCTION scheduler.why(j pando.jobs) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    everyone constant uuid := '00000000-0000-0000-0000-000000000000';
    most int;
BEGIN
    IF j.state <> 'ready' THEN
        RETURN NULL;
    ELSIF j.run_at > clock_timestamp() THEN
        RETURN 'run_at';
    ELSIF EXISTS (SELECT FROM pando.job_queues AS s WHERE s.queue = j.queue
                     AND s.tenant_id = everyone AND s.paused) THEN
        RETURN 'queue_paused';
    ELSIF EXISTS (SELECT FROM pando.job_queues AS s WHERE s.queue = j.queue
                     AND s.tenant_id = j.tenant_id AND s.paused) THEN
        RETURN 'tenant_paused';
    END IF;

    SELECT s.max_running INTO most FROM pando.job_queues AS s
     WHERE s.queue = j.queue AND s.max_running IS NOT NULL
       AND s.tenant_id IN (j.tenant_id, everyone)
     ORDER BY s.tenant_id = j.tenant_id DESC LIMIT 1;

    RETURN CASE WHEN most <= (SELECT count(*) FROM pando.jobs AS r
            WHERE r.queue = j.queue AND r.tenant_id = j.tenant_id
              AND r.state = 'running') THEN 'max_running'
        ELSE 'waits_its_turn' END;
END $$;
