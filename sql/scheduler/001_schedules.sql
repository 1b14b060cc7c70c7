-- Scheduler: schedules, and their runs.
--
-- What must stay true: a nominal time of a schedule is one run, which the
-- unique key sees to, whoever fires; an active schedule with a next time has a
-- job that will fire it then, since both are written together; whether a run
-- may start is decided while its schedule's row is held.

CREATE SCHEMA scheduler;

CREATE TABLE scheduler.schedules (
    id                uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id         uuid NOT NULL,
    owner             uuid,
    name              text,                     -- null: of a task
    dedupe_key        text,                     -- of a task
    specs             jsonb NOT NULL,
    time_zone         text NOT NULL DEFAULT 'UTC',
    starts_at         timestamptz,
    ends_at           timestamptz,
    jitter_s          int NOT NULL DEFAULT 0,
    action            jsonb NOT NULL,
    secret_ct         text,
    overlap           text NOT NULL DEFAULT 'skip',
    catchup_s         int NOT NULL DEFAULT 60,
    max_catchup       int NOT NULL DEFAULT 1,
    pause_on_failure  boolean NOT NULL DEFAULT false,
    retries           int NOT NULL DEFAULT 3,
    timeout_s         int NOT NULL DEFAULT 30,
    remaining         int,
    priority          int NOT NULL DEFAULT 0,
    state             text NOT NULL DEFAULT 'active',
    note              text,
    next_at           timestamptz,              -- of an active one
    last_at           timestamptz,              -- nominal, of the last run
    current_run       uuid,
    version           bigint NOT NULL DEFAULT 1,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT schedules_pkey PRIMARY KEY (id),
    CONSTRAINT schedules_name_key UNIQUE (tenant_id, name),
    CONSTRAINT schedules_dedupe_key UNIQUE (tenant_id, dedupe_key),
    CONSTRAINT schedules_task_check CHECK (name IS NOT NULL
        OR (overlap = 'allow_all' AND remaining IS NOT NULL)),
    CONSTRAINT schedules_state_check
        CHECK (state IN ('active', 'paused', 'ended')),
    CONSTRAINT schedules_overlap_check CHECK (overlap IN
        ('skip', 'buffer_one', 'buffer_all', 'cancel_other', 'allow_all')),
    CONSTRAINT schedules_catchup_check CHECK (catchup_s >= 10),
    CONSTRAINT schedules_next_check
        CHECK ((state = 'active') = (next_at IS NOT NULL))
) WITH (fillfactor = 70);

CREATE INDEX schedules_tasks ON scheduler.schedules (tenant_id, id)
 WHERE name IS NULL;
CREATE INDEX schedules_tasks_over ON scheduler.schedules (updated_at)
 WHERE name IS NULL AND state = 'ended';
CREATE INDEX schedules_due ON scheduler.schedules (next_at)
 WHERE state = 'active';

-- Those of the time are one class, however late they were begun.
CREATE TABLE scheduler.runs (
    id           uuid NOT NULL DEFAULT pando.uuid7(),
    schedule_id  uuid NOT NULL,
    tenant_id    uuid NOT NULL,
    nominal_at   timestamptz NOT NULL,
    kind         text NOT NULL,
    kind_class   text NOT NULL GENERATED ALWAYS AS
                 (CASE kind WHEN 'manual' THEN kind ELSE 'scheduled' END)
                 STORED,
    due_at       timestamptz NOT NULL,
    state        text NOT NULL DEFAULT 'waiting',
    started_at   timestamptz,
    ended_at     timestamptz,
    attempt      int NOT NULL DEFAULT 0,        -- how often it was begun
    failures     int NOT NULL DEFAULT 0,
    result       jsonb,
    error        text,
    job_id       uuid,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT runs_pkey PRIMARY KEY (id),
    CONSTRAINT runs_nominal_key UNIQUE (schedule_id, nominal_at, kind_class),
    CONSTRAINT runs_kind_check CHECK
        (kind IN ('scheduled', 'manual', 'backfill', 'catchup')),
    CONSTRAINT runs_state_check CHECK
        (state IN ('waiting', 'queued', 'running', 'succeeded', 'failed',
                   'skipped', 'canceled', 'timed_out'))
) WITH (fillfactor = 80);

CREATE INDEX runs_by_schedule ON scheduler.runs
    (schedule_id, nominal_at DESC, id DESC);
CREATE INDEX runs_waiting ON scheduler.runs (schedule_id, nominal_at)
 WHERE state = 'waiting';
CREATE INDEX runs_live ON scheduler.runs (due_at)
 WHERE state IN ('queued', 'running');
CREATE INDEX runs_good ON scheduler.runs (schedule_id, nominal_at)
 WHERE state = 'succeeded';
CREATE INDEX runs_by_age ON scheduler.runs (created_at);


-- Documents

CREATE FUNCTION scheduler.doc(s scheduler.schedules) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', s.id, 'name', s.name, 'specs', s.specs,
        'time_zone', s.time_zone, 'starts_at', pando.rfc3339(s.starts_at),
        'ends_at', pando.rfc3339(s.ends_at), 'jitter_s', s.jitter_s,
        'action', s.action, 'overlap', s.overlap, 'catchup_s', s.catchup_s,
        'max_catchup', s.max_catchup,
        'pause_on_failure', s.pause_on_failure, 'retries', s.retries,
        'timeout_s', s.timeout_s, 'remaining', s.remaining,
        'priority', s.priority, 'state', s.state, 'note', s.note,
        'next_at', pando.rfc3339(s.next_at),
        'last_at', pando.rfc3339(s.last_at), 'current_run', s.current_run,
        'version', s.version, 'created_at', pando.rfc3339(s.created_at),
        'updated_at', pando.rfc3339(s.updated_at))
$$;

CREATE FUNCTION scheduler.run_doc(r scheduler.runs) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', r.id, 'schedule_id', r.schedule_id,
        'nominal_at', pando.rfc3339(r.nominal_at), 'kind', r.kind,
        'due_at', pando.rfc3339(r.due_at), 'state', r.state,
        'started_at', pando.rfc3339(r.started_at),
        'ended_at', pando.rfc3339(r.ended_at), 'attempt', r.attempt,
        'failures', r.failures, 'result', r.result, 'error', r.error,
        'created_at', pando.rfc3339(r.created_at))
$$;


-- Waking: a job for each second in which something is due; it is nobody's.
CREATE FUNCTION scheduler.wake(at timestamptz) RETURNS void
LANGUAGE sql VOLATILE AS $$
    SELECT pando.enqueue('scheduler.fire', run_at => at,
        unique_key => 'due ' || ceil(extract(epoch FROM at)))
     WHERE at IS NOT NULL
$$;


-- Schedules

CREATE FUNCTION scheduler.add(tenant uuid, owner uuid, id uuid, body jsonb,
    next timestamptz, secret text)
RETURNS scheduler.schedules LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    s scheduler.schedules;
BEGIN
    INSERT INTO scheduler.schedules (id, tenant_id, owner, name, specs,
           time_zone, starts_at, ends_at, jitter_s, action, secret_ct,
           overlap, catchup_s, max_catchup, pause_on_failure, retries,
           timeout_s, remaining, priority, next_at)
    SELECT add.id, tenant, add.owner, n.name, n.specs,
           coalesce(n.time_zone, 'UTC'), n.starts_at, n.ends_at,
           coalesce(n.jitter_s, 0), n.action, secret,
           coalesce(n.overlap, 'skip'), coalesce(n.catchup_s, 60),
           coalesce(n.max_catchup, 1), coalesce(n.pause_on_failure, false),
           coalesce(n.retries, 3), coalesce(n.timeout_s, 30), n.remaining,
           coalesce(n.priority, 0), next
      FROM jsonb_populate_record(NULL::scheduler.schedules, body) AS n
    RETURNING * INTO s;

    PERFORM scheduler.wake(next);
    RETURN s;
END $$;

-- What the body names; next is what the specs say now, null: never again.
CREATE FUNCTION scheduler.change(tenant uuid, schedule uuid, body jsonb,
    next timestamptz, secret text)
RETURNS scheduler.schedules LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    s scheduler.schedules;
BEGIN
    SELECT * INTO s FROM scheduler.schedules AS o
     WHERE o.tenant_id = tenant AND o.id = schedule FOR UPDATE;

    UPDATE scheduler.schedules AS o
       SET name = n.name, specs = n.specs, time_zone = n.time_zone,
           starts_at = n.starts_at, ends_at = n.ends_at,
           jitter_s = n.jitter_s, action = n.action,
           secret_ct = coalesce(secret, o.secret_ct), overlap = n.overlap,
           catchup_s = n.catchup_s, max_catchup = n.max_catchup,
           pause_on_failure = n.pause_on_failure, retries = n.retries,
           timeout_s = n.timeout_s, remaining = n.remaining,
           priority = n.priority,
           state = CASE WHEN o.state = 'paused' THEN 'paused'
                        WHEN next IS NULL OR n.remaining = 0 THEN 'ended'
                        ELSE 'active' END,
           next_at = CASE WHEN o.state <> 'paused'
                           AND n.remaining IS DISTINCT FROM 0 THEN next END,
           version = o.version + 1, updated_at = now()
      FROM jsonb_populate_record(s, body) AS n
     WHERE o.id = s.id
    RETURNING o.* INTO s;

    PERFORM scheduler.wake(s.next_at);
    RETURN s;
END $$;

-- A schedule that a module wants to be so: what is so already stays as it is,
-- also paused; the time is a new one only where the specs are.
CREATE FUNCTION scheduler.upsert(tenant uuid, owner uuid, id uuid, name text,
    specs jsonb, zone text, action jsonb, next timestamptz, secret text)
RETURNS uuid LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    schedule uuid;
BEGIN
    INSERT INTO scheduler.schedules AS s (id, tenant_id, owner, name, specs,
           time_zone, action, secret_ct, next_at)
    VALUES (upsert.id, tenant, upsert.owner, upsert.name, upsert.specs, zone,
            upsert.action, secret, next)
    ON CONFLICT ON CONSTRAINT schedules_name_key DO UPDATE
       SET specs = excluded.specs, time_zone = excluded.time_zone,
           action = excluded.action,
           secret_ct = coalesce(s.secret_ct, excluded.secret_ct),
           state = CASE s.state WHEN 'ended' THEN 'active' ELSE s.state END,
           next_at = CASE WHEN s.state = 'paused' THEN NULL
               WHEN s.state = 'active' AND (s.specs, s.time_zone)
                    = (excluded.specs, excluded.time_zone) THEN s.next_at
               ELSE excluded.next_at END,
           version = s.version + 1, updated_at = now()
     WHERE (s.specs, s.time_zone, s.action) IS DISTINCT FROM
           (excluded.specs, excluded.time_zone, excluded.action)
        OR s.state = 'ended'
    RETURNING s.id INTO schedule;

    IF schedule IS NOT NULL THEN
        PERFORM scheduler.wake(next);
        RETURN schedule;
    END IF;

    RETURN (SELECT s.id FROM scheduler.schedules AS s
             WHERE s.tenant_id = tenant AND s.name = upsert.name);
END $$;

CREATE FUNCTION scheduler.told(s scheduler.schedules, type text, more jsonb)
RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT pando.emit(s.tenant_id, type, 1, s.id, jsonb_build_object(
        'schedule_id', s.id, 'name', s.name) || more)
$$;

-- Paused with a note, or active from next on.
CREATE FUNCTION scheduler.set_state(tenant uuid, schedule uuid, next timestamptz,
    why text)
RETURNS scheduler.schedules LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    s scheduler.schedules;
BEGIN
    UPDATE scheduler.schedules AS o
       SET state = CASE WHEN next IS NULL THEN 'paused' ELSE 'active' END,
           next_at = next, note = why, version = o.version + 1,
           updated_at = now()
     WHERE o.tenant_id = tenant AND o.id = schedule
    RETURNING * INTO s;

    IF next IS NULL THEN
        PERFORM scheduler.told(s, 'schedule.paused',
                               jsonb_build_object('note', why));
    END IF;

    PERFORM scheduler.wake(next);
    RETURN s;
END $$;


-- A task: due once, and run however late that is.  Of one with a key that is
-- known, the first is what it was; fresh says which.
CREATE FUNCTION scheduler.add_task(tenant uuid, owner uuid, id uuid, key text,
    at timestamptz, delay_s bigint, action jsonb, zone text, secret text,
    retries int, timeout_s int, OUT task uuid, OUT fresh boolean)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    due timestamptz := to_timestamp(ceil(extract(epoch FROM coalesce(at,
        clock_timestamp() + delay_s * interval '1 s'))));
BEGIN
    LOOP
        INSERT INTO scheduler.schedules AS s (id, tenant_id, owner, dedupe_key,
               specs, time_zone, action, secret_ct, overlap, catchup_s,
               retries, timeout_s, remaining, next_at)
        VALUES (add_task.id, tenant, add_task.owner, key,
                jsonb_build_array(jsonb_build_object('type', 'at', 'at',
                    jsonb_build_array(pando.rfc3339(due)))), zone,
                add_task.action, secret, 'allow_all', 2147483647,
                add_task.retries, add_task.timeout_s, 1, due)
        ON CONFLICT ON CONSTRAINT schedules_dedupe_key DO NOTHING
        RETURNING s.id INTO task;

        fresh := FOUND;
        EXIT WHEN fresh;

        SELECT s.id INTO task FROM scheduler.schedules AS s
         WHERE s.tenant_id = tenant AND s.dedupe_key = key;
        EXIT WHEN FOUND;
    END LOOP;

    IF fresh THEN
        PERFORM scheduler.wake(due);
    END IF;
END $$;

CREATE FUNCTION scheduler.task_doc(s scheduler.schedules) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', s.id, 'dedupe_key', s.dedupe_key,
        'run_at', s.specs -> 0 -> 'at' -> 0, 'time_zone', s.time_zone,
        'action', s.action, 'retries', s.retries, 'timeout_s', s.timeout_s,
        'state', CASE WHEN s.state = 'active' THEN 'waiting'
                 ELSE coalesce(r.state, 'canceled') END,
        'run_id', r.id, 'error', r.error, 'result', r.result,
        'version', s.version, 'created_at', pando.rfc3339(s.created_at))
      FROM (SELECT) AS one LEFT JOIN LATERAL (
           SELECT * FROM scheduler.runs AS o WHERE o.schedule_id = s.id
            ORDER BY o.nominal_at DESC, o.id DESC LIMIT 1) AS r ON true
$$;


-- Runs: who calls these holds the schedule's row.

-- To be run, at its time or after a pause.
CREATE FUNCTION scheduler.queue_run(r scheduler.runs, at timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    job uuid;
    due timestamptz := greatest(at, r.due_at);
    s scheduler.schedules;
BEGIN
    SELECT * INTO s FROM scheduler.schedules AS o WHERE o.id = r.schedule_id;

    job := pando.enqueue('scheduler.run',
        jsonb_build_object('run_id', r.id), r.tenant_id, due,
        priority => s.priority, max_attempts => 100);

    UPDATE scheduler.runs AS o
       SET state = 'queued', due_at = due, job_id = job, error = NULL,
           ended_at = NULL
     WHERE o.id = r.id;

    IF s.overlap <> 'allow_all' THEN
        UPDATE scheduler.schedules AS o SET current_run = r.id
         WHERE o.id = s.id;
    END IF;
END $$;

CREATE FUNCTION scheduler.skip_run(run uuid, why text) RETURNS void
LANGUAGE sql VOLATILE AS $$
    UPDATE scheduler.runs
       SET state = 'skipped', error = why, ended_at = clock_timestamp()
     WHERE id = run
$$;

-- Room is free again: who waits longest comes next.
CREATE FUNCTION scheduler.go_on(schedule uuid) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    r scheduler.runs;
BEGIN
    SELECT * INTO r FROM scheduler.runs AS o
     WHERE o.schedule_id = schedule AND o.state = 'waiting'
     ORDER BY o.nominal_at LIMIT 1;

    IF FOUND THEN
        PERFORM scheduler.queue_run(r, clock_timestamp());
    END IF;
END $$;

-- Ends the current run to make room; its job is told in the result.  When
-- the next one may start: at once, or once what is under way had time to end.
CREATE FUNCTION scheduler.oust(s scheduler.schedules, grace interval,
    OUT job uuid, OUT at timestamptz)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    r scheduler.runs;
BEGIN
    SELECT * INTO r FROM scheduler.runs AS o WHERE o.id = s.current_run;

    UPDATE scheduler.runs AS o
       SET state = 'canceled', error = 'another run took its place',
           ended_at = clock_timestamp()
     WHERE o.id = r.id;

    UPDATE scheduler.schedules AS o SET current_run = NULL WHERE o.id = s.id;

    job := r.job_id;
    at := CASE WHEN r.state = 'running' THEN clock_timestamp() + grace
               WHEN r.attempt > 0 THEN r.due_at
               ELSE clock_timestamp() END;
END $$;

-- A new run, and whether it may start: the rule of overlap.  With a job to be
-- canceled for it, if that is so.
CREATE FUNCTION scheduler.admit(s scheduler.schedules, nominal timestamptz,
    kind text, due timestamptz, grace interval, OUT run uuid, OUT ousted uuid)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    r scheduler.runs;
    at timestamptz;
BEGIN
    INSERT INTO scheduler.runs (schedule_id, tenant_id, nominal_at, kind,
           due_at)
    VALUES (s.id, s.tenant_id, nominal, admit.kind, due)
    ON CONFLICT ON CONSTRAINT runs_nominal_key DO NOTHING
    RETURNING * INTO r;

    IF r.id IS NULL THEN
        RETURN;
    END IF;

    run := r.id;
    SELECT * INTO s FROM scheduler.schedules AS o WHERE o.id = s.id;

    IF s.overlap = 'allow_all' OR s.current_run IS NULL THEN
        PERFORM scheduler.queue_run(r, NULL);

    ELSIF s.overlap = 'skip' THEN
        PERFORM scheduler.skip_run(r.id, 'overlap');

    ELSIF s.overlap = 'buffer_all' THEN
        IF (SELECT count(*) FROM (SELECT FROM scheduler.runs AS o
             WHERE o.schedule_id = s.id AND o.state = 'waiting'
             LIMIT 102) AS w) > 100 THEN
            PERFORM scheduler.skip_run(r.id, 'buffer_full');
        END IF;

    ELSE
        PERFORM scheduler.skip_run(o.id, 'replaced')
           FROM scheduler.runs AS o
          WHERE o.schedule_id = s.id AND o.state = 'waiting'
            AND o.id <> r.id AND o.kind <> 'backfill';

        IF s.overlap = 'cancel_other' THEN
            SELECT o.job, o.at INTO ousted, at
              FROM scheduler.oust(s, grace) AS o;
            PERFORM scheduler.queue_run(r, at);
        END IF;
    END IF;
END $$;


-- Firing.  hows: scheduled, catchup or missed, of each nominal time; nexts: of
-- each schedule of the batch, null where there is none.  Returns the jobs
-- that are to be canceled.
CREATE FUNCTION scheduler.fire(ids uuid[], nominals timestamptz[],
    hows text[], dues timestamptz[], batch uuid[], nexts timestamptz[],
    grace interval)
RETURNS SETOF uuid LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    s scheduler.schedules;
    u record;
    job uuid;
    new uuid;
BEGIN
    FOR u IN SELECT * FROM unnest(ids, nominals, hows, dues)
                    WITH ORDINALITY AS t (id, nominal, how, due, n)
              ORDER BY n
    LOOP
        SELECT * INTO s FROM scheduler.schedules AS o WHERE o.id = u.id;
        CONTINUE WHEN s.remaining = 0;

        IF u.how = 'missed' THEN
            INSERT INTO scheduler.runs (schedule_id, tenant_id, nominal_at,
                   kind, due_at, state, error, ended_at)
            VALUES (s.id, s.tenant_id, u.nominal, 'scheduled', u.due,
                    'skipped', 'missed', clock_timestamp())
            ON CONFLICT ON CONSTRAINT runs_nominal_key DO NOTHING;
            CONTINUE;
        END IF;

        SELECT a.run, a.ousted INTO new, job
          FROM scheduler.admit(s, u.nominal, u.how, u.due, grace) AS a;

        IF new IS NOT NULL AND s.remaining IS NOT NULL THEN
            UPDATE scheduler.schedules AS o SET remaining = o.remaining - 1
             WHERE o.id = s.id;
        END IF;

        IF job IS NOT NULL THEN
            RETURN NEXT job;
        END IF;
    END LOOP;

    PERFORM scheduler.told(o, 'schedule_run.missed', m.more)
       FROM (SELECT t.id, jsonb_build_object('runs', count(*),
                    'first_at', pando.rfc3339(min(t.nominal)),
                    'last_at', pando.rfc3339(max(t.nominal))) AS more
               FROM unnest(ids, nominals, hows) AS t (id, nominal, how)
              WHERE t.how = 'missed' GROUP BY t.id) AS m
       JOIN scheduler.schedules AS o ON o.id = m.id;

    WITH moved AS (
        UPDATE scheduler.schedules AS o
           SET last_at = coalesce((SELECT max(t.nominal)
                   FROM unnest(ids, nominals) AS t (id, nominal)
                  WHERE t.id = o.id), o.last_at),
               next_at = CASE WHEN o.remaining IS DISTINCT FROM 0
                         THEN b.next END,
               state = CASE WHEN b.next IS NULL OR o.remaining = 0
                       THEN 'ended' ELSE o.state END,
               updated_at = CASE WHEN o.name IS NULL THEN now()
                            ELSE o.updated_at END
          FROM unnest(batch, nexts) AS b (id, next)
         WHERE o.id = b.id
        RETURNING o.*
    ), told AS (
        SELECT scheduler.told(m::scheduler.schedules, 'schedule.ended', '{}')
          FROM moved AS m WHERE m.state = 'ended' AND m.name IS NOT NULL
    ), woken AS (
        SELECT scheduler.wake(w.at)
          FROM (SELECT DISTINCT ceil(extract(epoch FROM m.next_at)) AS s,
                       min(m.next_at) AS at
                  FROM moved AS m WHERE m.state = 'active'
                 GROUP BY 1 ORDER BY 1) AS w
    )
    SELECT NULL INTO job FROM (SELECT count(*) FROM told) AS a,
                              (SELECT count(*) FROM woken) AS b;
END $$;

-- By hand, now or for a time that is named.
CREATE FUNCTION scheduler.trigger(tenant uuid, schedule uuid,
    nominal timestamptz, grace interval, OUT run uuid, OUT ousted uuid)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    s scheduler.schedules;
BEGIN
    SELECT * INTO s FROM scheduler.schedules AS o
     WHERE o.tenant_id = tenant AND o.id = schedule AND o.name IS NOT NULL
       FOR UPDATE;

    IF s.id IS NULL THEN
        RETURN;
    END IF;

    LOOP
        SELECT a.run, a.ousted INTO run, ousted
          FROM scheduler.admit(s, coalesce(nominal, clock_timestamp()),
                               'manual', clock_timestamp(), grace) AS a;
        EXIT WHEN run IS NOT NULL OR nominal IS NOT NULL;
    END LOOP;

    IF run IS NULL THEN
        SELECT r.id INTO run FROM scheduler.runs AS r
         WHERE r.schedule_id = schedule AND r.nominal_at = nominal
           AND r.kind_class = 'manual';
    END IF;
END $$;


-- A run's way

-- What a worker needs to know for it, if it is still to be run.
CREATE FUNCTION scheduler.begin_run(tenant uuid, run uuid)
RETURNS TABLE (schedule_id uuid, name text, action text, secret_ct text,
    time_zone text, nominal_at timestamptz, prev_success timestamptz,
    timeout_s int, retries int, failures int)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    r scheduler.runs;
BEGIN
    UPDATE scheduler.runs AS o
       SET state = 'running', attempt = o.attempt + 1,
           started_at = coalesce(o.started_at, clock_timestamp())
     WHERE o.tenant_id = tenant AND o.id = run
       AND o.state IN ('queued', 'running')
    RETURNING * INTO r;

    RETURN QUERY
    SELECT s.id, s.name, s.action::text, s.secret_ct, s.time_zone,
           r.nominal_at, (SELECT max(p.nominal_at) FROM scheduler.runs AS p
             WHERE p.schedule_id = s.id AND p.state = 'succeeded'
               AND p.nominal_at < r.nominal_at),
           s.timeout_s, s.retries, r.failures
      FROM scheduler.schedules AS s WHERE s.id = r.schedule_id;
END $$;

-- How it ended, for good; with what follows from it.
CREATE FUNCTION scheduler.end_run(tenant uuid, run uuid, how text,
    result jsonb, error text)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    s scheduler.schedules;
    r scheduler.runs;
BEGIN
    SELECT o.* INTO s FROM scheduler.schedules AS o
     WHERE o.tenant_id = tenant AND o.id =
           (SELECT i.schedule_id FROM scheduler.runs AS i WHERE i.id = run)
       FOR UPDATE;

    UPDATE scheduler.runs AS o
       SET state = how, result = end_run.result, error = end_run.error,
           failures = o.failures + (how IN ('failed', 'timed_out'))::int,
           ended_at = clock_timestamp()
     WHERE o.id = run AND o.tenant_id = tenant
       AND o.state IN ('queued', 'running')
    RETURNING * INTO r;

    IF r.id IS NULL THEN
        RETURN false;
    END IF;

    IF how IN ('failed', 'timed_out') AND s.id IS NOT NULL THEN
        PERFORM scheduler.told(s, 'schedule_run.failed', jsonb_build_object(
            'run_id', r.id, 'nominal_at', pando.rfc3339(r.nominal_at),
            'error', r.error));

        IF s.pause_on_failure AND s.state = 'active' THEN
            PERFORM scheduler.set_state(tenant, s.id, NULL, 'a run failed');
        END IF;
    END IF;

    IF s.current_run = run THEN
        UPDATE scheduler.schedules AS o SET current_run = NULL
         WHERE o.id = s.id;
        PERFORM scheduler.go_on(s.id);
    END IF;

    RETURN true;
END $$;

-- It failed, and is tried again.
CREATE FUNCTION scheduler.retry_later(tenant uuid, run uuid, why text,
    ms bigint)
RETURNS void LANGUAGE sql VOLATILE AS $$
    UPDATE scheduler.runs
       SET state = 'queued', failures = failures + 1, error = why,
           due_at = clock_timestamp() + ms * interval '1 ms'
     WHERE tenant_id = tenant AND id = run AND state = 'running'
$$;

-- Returns the job that is to be canceled, and whether there was such a run.
CREATE FUNCTION scheduler.cancel_run(tenant uuid, run uuid, grace interval,
    OUT done boolean, OUT job uuid)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    s scheduler.schedules;
    r scheduler.runs;
    was text;
BEGIN
    SELECT o.* INTO s FROM scheduler.schedules AS o
     WHERE o.tenant_id = tenant AND o.id =
           (SELECT i.schedule_id FROM scheduler.runs AS i WHERE i.id = run)
       FOR UPDATE;
    SELECT * INTO r FROM scheduler.runs AS o
     WHERE o.id = run AND o.tenant_id = tenant FOR UPDATE;

    done := coalesce(r.state IN ('waiting', 'queued', 'running'), false);
    was := r.state;

    IF NOT done THEN
        RETURN;
    END IF;

    UPDATE scheduler.runs AS o
       SET state = 'canceled', ended_at = clock_timestamp()
     WHERE o.id = run;
    job := CASE WHEN was <> 'waiting' THEN r.job_id END;

    IF s.current_run = run THEN
        UPDATE scheduler.schedules AS o SET current_run = NULL
         WHERE o.id = s.id;
        SELECT * INTO r FROM scheduler.runs AS o
         WHERE o.schedule_id = s.id AND o.state = 'waiting'
         ORDER BY o.nominal_at LIMIT 1;

        IF FOUND THEN
            PERFORM scheduler.queue_run(r, clock_timestamp()
                + CASE WHEN was = 'running' THEN grace ELSE '0' END);
        END IF;
    END IF;
END $$;

-- Once more, when there is room for it.
CREATE FUNCTION scheduler.retry_run(tenant uuid, run uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    s scheduler.schedules;
    r scheduler.runs;
BEGIN
    SELECT o.* INTO s FROM scheduler.schedules AS o
     WHERE o.tenant_id = tenant AND o.id =
           (SELECT i.schedule_id FROM scheduler.runs AS i WHERE i.id = run)
       FOR UPDATE;

    UPDATE scheduler.runs AS o
       SET state = 'waiting', failures = 0, ended_at = NULL,
           due_at = clock_timestamp()
     WHERE o.id = run AND o.tenant_id = tenant AND s.id IS NOT NULL
       AND o.state IN ('failed', 'timed_out', 'canceled', 'skipped')
    RETURNING * INTO r;

    IF r.id IS NULL THEN
        RETURN false;
    END IF;

    IF s.overlap = 'allow_all' OR s.current_run IS NULL THEN
        PERFORM scheduler.queue_run(r, NULL);
    END IF;

    RETURN true;
END $$;

-- Removes a schedule; its runs stay as they ended, those that live end here.
-- Returns their jobs.
CREATE FUNCTION scheduler.remove(tenant uuid, schedule uuid)
RETURNS SETOF uuid LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    DELETE FROM scheduler.schedules AS o
     WHERE o.tenant_id = tenant AND o.id = schedule;

    RETURN QUERY
    UPDATE scheduler.runs AS r
       SET state = 'canceled', error = 'the schedule was deleted',
           ended_at = clock_timestamp()
     WHERE r.schedule_id = schedule AND r.tenant_id = tenant
       AND r.state IN ('waiting', 'queued', 'running')
    RETURNING r.job_id;
END $$;


-- What nobody else sees to: runs whose job is no more, since it was canceled
-- or has died again and again.
CREATE FUNCTION scheduler.sweep(most int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    r scheduler.runs;
    n int := 0;
BEGIN
    FOR r IN
        SELECT o.* FROM scheduler.runs AS o
          LEFT JOIN pando.jobs AS j ON j.id = o.job_id
               AND j.state IN ('ready', 'running')
         WHERE o.state IN ('queued', 'running') AND j.id IS NULL
           AND o.due_at < clock_timestamp() - interval '10 s'
         ORDER BY o.due_at LIMIT most
    LOOP
        n := n + scheduler.end_run(r.tenant_id, r.id, 'failed', NULL,
                                   'its job was lost')::int;
    END LOOP;

    RETURN n;
END $$;

-- Runs are kept 90 days, and tasks that are over.
CREATE FUNCTION scheduler.forget(most int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    n int;
    more int;
BEGIN
    DELETE FROM scheduler.schedules AS s
     WHERE s.ctid = ANY (ARRAY(SELECT o.ctid FROM scheduler.schedules AS o
         WHERE o.name IS NULL AND o.state = 'ended'
           AND o.updated_at < now() - interval '90 days'
         ORDER BY o.updated_at LIMIT most));
    GET DIAGNOSTICS more = ROW_COUNT;

    DELETE FROM scheduler.runs AS r
     WHERE r.ctid = ANY (ARRAY(SELECT o.ctid FROM scheduler.runs AS o
         WHERE o.created_at < now() - interval '90 days'
           AND o.state NOT IN ('waiting', 'queued', 'running')
         ORDER BY o.created_at LIMIT most));
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN greatest(n, more);
END $$;
