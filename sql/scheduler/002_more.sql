-- Scheduler: periods that are filled in afterwards, tenants and users that are
-- suspended, and rules of time zones that change.

-- small: one row
CREATE TABLE scheduler.zone_rules (
    one      boolean NOT NULL DEFAULT true,
    version  text NOT NULL,
    at       timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT zone_rules_pkey PRIMARY KEY (one),
    CONSTRAINT zone_rules_one_check CHECK (one)
);

-- The version by which its next time was found last, where that is known.
ALTER TABLE scheduler.schedules ADD COLUMN rules text;
ALTER TABLE scheduler.schedules ADD COLUMN suspended boolean NOT NULL
    DEFAULT false;                  -- paused since its tenant or owner is

CREATE INDEX schedules_by_owner ON scheduler.schedules (tenant_id, owner);
CREATE INDEX schedules_by_zone ON scheduler.schedules (id)
 WHERE state = 'active' AND time_zone <> 'UTC';


-- Periods of before, each once: side by side, ten a second, or one after
-- another.  Returns how many there are to be run.
CREATE FUNCTION scheduler.backfill(tenant uuid, schedule uuid,
    nominals timestamptz[], beside boolean)
RETURNS int LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    s scheduler.schedules;
    r scheduler.runs;
    n int := 0;
BEGIN
    SELECT * INTO s FROM scheduler.schedules AS o
     WHERE o.tenant_id = tenant AND o.id = schedule;

    FOR r IN
        INSERT INTO scheduler.runs (schedule_id, tenant_id, nominal_at, kind,
               due_at)
        SELECT schedule, tenant, t, 'backfill', clock_timestamp()
          FROM unnest(nominals) AS t ORDER BY t
        ON CONFLICT ON CONSTRAINT runs_nominal_key DO NOTHING
        RETURNING *
    LOOP
        IF beside THEN
            r.due_at := clock_timestamp() + n * interval '100 ms';

            UPDATE scheduler.runs AS o
               SET state = 'queued', due_at = r.due_at,
                   job_id = pando.enqueue('scheduler.run',
                       jsonb_build_object('run_id', r.id), tenant, r.due_at,
                       priority => s.priority, max_attempts => 100)
             WHERE o.id = r.id;
        END IF;

        n := n + 1;
    END LOOP;

    IF n > 0 AND NOT beside AND s.current_run IS NULL THEN
        PERFORM scheduler.go_on(schedule);
    END IF;

    RETURN n;
END $$;


-- All of a tenant, or those of one of its users.
CREATE FUNCTION scheduler.suspend(tenant uuid, who uuid, why text)
RETURNS int LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    n int;
BEGIN
    WITH s AS (
        UPDATE scheduler.schedules AS o
           SET state = 'paused', next_at = NULL, note = why, suspended = true,
               version = o.version + 1, updated_at = now()
         WHERE o.tenant_id = tenant AND o.state = 'active'
           AND (who IS NULL OR o.owner = who)
        RETURNING o.*
    ), told AS (
        SELECT scheduler.told(s::scheduler.schedules, 'schedule.paused',
                              jsonb_build_object('note', why))
          FROM s WHERE s.name IS NOT NULL
    )
    SELECT count(*) + 0 * (SELECT count(*) FROM told) INTO n FROM s;

    RETURN n;
END $$;

-- One of them again.
CREATE FUNCTION scheduler.unsuspend(tenant uuid, schedule uuid,
    next timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE scheduler.schedules AS o
       SET state = CASE WHEN next IS NULL THEN 'ended' ELSE 'active' END,
           next_at = next, note = NULL, suspended = false,
           version = o.version + 1, updated_at = now()
     WHERE o.tenant_id = tenant AND o.id = schedule AND o.suspended
       AND o.state = 'paused';

    PERFORM scheduler.wake(next);
END $$;

-- Who resumes one by hand, or changes its state, settles that.
CREATE FUNCTION scheduler.settle_suspended() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.suspended := false;
    RETURN NEW;
END $$;

CREATE TRIGGER settle_suspended BEFORE UPDATE ON scheduler.schedules
FOR EACH ROW WHEN (OLD.suspended AND NEW.state <> 'paused')
EXECUTE FUNCTION scheduler.settle_suspended();


-- The next times by new rules, of a batch of schedules.
CREATE FUNCTION scheduler.set_nexts(ids uuid[], nexts timestamptz[],
    rules text)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    at timestamptz;
BEGIN
    UPDATE scheduler.schedules AS o
       SET next_at = coalesce(t.next, o.next_at), rules = set_nexts.rules
      FROM unnest(ids, nexts) AS t (id, next)
     WHERE o.id = t.id;

    FOR at IN SELECT DISTINCT t FROM unnest(nexts) AS t
               WHERE t IS NOT NULL ORDER BY t
    LOOP
        PERFORM scheduler.wake(at);
    END LOOP;
END $$;


-- A task is told by its key.
CREATE OR REPLACE FUNCTION scheduler.told(s scheduler.schedules, type text,
    more jsonb)
RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT pando.emit(s.tenant_id, type, 1, s.id, jsonb_build_object(
        'schedule_id', s.id, 'name', coalesce(s.name, s.dedupe_key, ''))
        || more)
$$;
