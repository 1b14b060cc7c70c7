-- Jobs: durable work, and the fair way in which workers share it out.
--
-- What must stay true: a job is written in the transaction of the change that
-- asks for it; a job runs at most once at a time, since whoever ends a run must
-- name its fence, which moves on as a run begins and as it is over; what a
-- worker that died had in hand comes back when its lease is over; nobody waits
-- for a row that another transaction has, neither who enqueues nor who claims.

-- The tenant of what belongs to none is the nil id.
--
-- Claims go through jobs_ready by lane, so that they cost the same however many
-- wait; jobs_running is as small as what runs; jobs_live is the unique key's;
-- jobs_ended is for lists of what went wrong, and for retention.
CREATE TABLE pando.jobs (
    id            uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id     uuid NOT NULL
                  DEFAULT '00000000-0000-0000-0000-000000000000',
    queue         text NOT NULL,
    kind          text NOT NULL,
    state         text NOT NULL DEFAULT 'ready',
    priority      smallint NOT NULL DEFAULT 0,
    run_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts      int NOT NULL DEFAULT 0,
    max_attempts  int,                          -- null: its kind's
    fence         bigint NOT NULL DEFAULT 0,    -- of the run, if it runs
    lease_until   timestamptz,
    lease_by      text,
    started_at    timestamptz,
    unique_key    text,
    payload       jsonb NOT NULL DEFAULT '{}',
    progress      int,                          -- in thousandths
    note          text,
    error         text,                         -- of the last run that failed
    trace         text,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at      timestamptz,

    CONSTRAINT jobs_pkey PRIMARY KEY (id),
    CONSTRAINT jobs_state_check CHECK
        (state IN ('ready', 'running', 'done', 'dead', 'canceled')),
    CONSTRAINT jobs_priority_check CHECK (priority BETWEEN -100 AND 100),
    CONSTRAINT jobs_kind_check CHECK (kind ~ '^[a-z]\w*\.\w+$')
) WITH (autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_vacuum_insert_scale_factor = 0.1);

CREATE INDEX jobs_ready
    ON pando.jobs (kind, tenant_id, priority DESC, run_at)
 WHERE state = 'ready';
CREATE INDEX jobs_running ON pando.jobs (queue, tenant_id, lease_until)
 WHERE state = 'running';
CREATE UNIQUE INDEX jobs_live ON pando.jobs (kind, tenant_id, unique_key)
 WHERE state IN ('ready', 'running') AND unique_key IS NOT NULL;
CREATE INDEX jobs_ended ON pando.jobs (state, ended_at, id)
 WHERE ended_at IS NOT NULL;

-- Where jobs of one kind and tenant wait in line.  A lane that is due may have
-- a job to be claimed; else it is looked at again at next_at, if that is set.
-- fresh: it was not due a while ago, and has a claim to be served next.
CREATE TABLE pando.job_lanes (
    kind       text NOT NULL,
    tenant_id  uuid NOT NULL,
    due        boolean NOT NULL DEFAULT true,
    fresh      boolean NOT NULL DEFAULT true,
    next_at    timestamptz,
    vtime      float8 NOT NULL DEFAULT 0,   -- milliseconds by weight
    served_at  timestamptz NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT job_lanes_pkey PRIMARY KEY (kind, tenant_id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX job_lanes_due ON pando.job_lanes (kind, vtime) WHERE due;
CREATE INDEX job_lanes_next ON pando.job_lanes (kind, next_at)
 WHERE next_at IS NOT NULL;
CREATE INDEX job_lanes_idle ON pando.job_lanes (served_at)
 WHERE NOT due AND next_at IS NULL;

-- Lanes that have a job now and did not before: written by who enqueues, read
-- and emptied by who claims, so that neither holds the other's row.
-- small: what was enqueued since the last claim
CREATE TABLE pando.job_news (
    kind       text NOT NULL,
    tenant_id  uuid NOT NULL,
    at         timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- What operators set: of a queue for one tenant, or with the nil id for each.
-- Paused with the nil id is the whole queue.
-- small: a row for each queue, and for tenants that are treated otherwise
CREATE TABLE pando.job_queues (
    queue        text NOT NULL,
    tenant_id    uuid NOT NULL
                 DEFAULT '00000000-0000-0000-0000-000000000000',
    max_running  int CONSTRAINT job_queues_max_check CHECK (max_running >= 0),
    weight       float8 CONSTRAINT job_queues_weight_check
                 CHECK (weight BETWEEN 0.01 AND 100),
    paused       boolean NOT NULL DEFAULT false,
    changed_at   timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT job_queues_pkey PRIMARY KEY (queue, tenant_id)
);

-- The last slot of each periodic kind for which a job was written.
-- small: a row for each periodic kind
CREATE TABLE pando.job_periods (
    kind  text NOT NULL CONSTRAINT job_periods_pkey PRIMARY KEY,
    slot  bigint NOT NULL,
    at    timestamptz NOT NULL DEFAULT clock_timestamp()
);


-- Lanes
--
-- Who enqueues holds its lane's advisory lock, shared, to the end of its
-- transaction; who finds a lane empty lets it rest only with that lock for
-- itself.  So no lane rests while a job for it is about to be committed, and
-- still nobody waits longer than one claim takes.  Locks are few: a transaction
-- that enqueues for many tenants must not fill the server's table of them.

CREATE FUNCTION pando.job_lock(k text, t uuid) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (hashtextextended(k || t::text, 0) & 511)::int
$$;

-- When the lane's next job is to run; one step for each priority in use.
CREATE FUNCTION pando.lane_next(k text, t uuid) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    p smallint;
    at timestamptz;
    first timestamptz;
BEGIN
    SELECT priority, run_at INTO p, at FROM pando.jobs
     WHERE kind = k AND tenant_id = t AND state = 'ready'
     ORDER BY priority DESC, run_at LIMIT 1;

    WHILE FOUND LOOP
        first := least(first, at);
        SELECT priority, run_at INTO p, at FROM pando.jobs
         WHERE kind = k AND tenant_id = t AND state = 'ready' AND priority < p
         ORDER BY priority DESC, run_at LIMIT 1;
    END LOOP;

    RETURN first;
END $$;

-- That lane has a job for then: news, unless it will be looked at anyway.
CREATE FUNCTION pando.lane_wake(k text, t uuid, at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1346457162, pando.job_lock(k, t));

    IF NOT EXISTS (SELECT FROM pando.job_lanes AS l
                    WHERE l.kind = k AND l.tenant_id = t
                      AND (l.due OR l.next_at <= at)) THEN
        INSERT INTO pando.job_news VALUES (k, t, at);
    END IF;
END $$;

-- What has been committed of it.
CREATE FUNCTION pando.read_news() RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    now_at timestamptz := clock_timestamp();
BEGIN
    WITH news AS (
        DELETE FROM pando.job_news WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM pando.job_news LIMIT 5000
               FOR UPDATE SKIP LOCKED))
        RETURNING kind, tenant_id, at
    )
    INSERT INTO pando.job_lanes AS l (kind, tenant_id, due, next_at)
    SELECT n.kind, n.tenant_id, min(n.at) <= now_at,
           CASE WHEN min(n.at) > now_at THEN min(n.at) END
      FROM news AS n GROUP BY n.kind, n.tenant_id
     ORDER BY n.kind, n.tenant_id
    ON CONFLICT (kind, tenant_id) DO UPDATE
       SET due = l.due OR excluded.due, fresh = l.fresh OR NOT l.due,
           next_at = CASE WHEN NOT l.due AND NOT excluded.due
                     THEN least(l.next_at, excluded.next_at) END;
END $$;


-- Enqueueing

-- The id of the new job, or of the live one with that unique key, which is kept
-- as it is, or with `again` gets this payload, time and priority if it still
-- waits.
CREATE FUNCTION pando.enqueue(kind text, payload jsonb DEFAULT '{}',
    tenant uuid DEFAULT NULL, run_at timestamptz DEFAULT NULL,
    delay_ms bigint DEFAULT 0, priority int DEFAULT 0,
    unique_key text DEFAULT NULL, again boolean DEFAULT false,
    max_attempts int DEFAULT NULL, queue text DEFAULT NULL,
    id uuid DEFAULT NULL, trace text DEFAULT NULL)
RETURNS uuid LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    of uuid := coalesce(tenant, '00000000-0000-0000-0000-000000000000');
    at timestamptz := coalesce(enqueue.run_at, clock_timestamp())
        + coalesce(enqueue.delay_ms, 0) * interval '1 millisecond';
    job uuid;
BEGIN
    LOOP
        INSERT INTO pando.jobs AS j
               (id, tenant_id, queue, kind, priority, run_at, max_attempts,
                unique_key, payload, trace)
        VALUES (coalesce(enqueue.id, pando.uuid7()), of,
                coalesce(enqueue.queue, split_part(enqueue.kind, '.', 1)),
                enqueue.kind, enqueue.priority, at, enqueue.max_attempts,
                enqueue.unique_key, coalesce(enqueue.payload, '{}'),
                enqueue.trace)
        ON CONFLICT (kind, tenant_id, unique_key)
        WHERE state IN ('ready', 'running') AND unique_key IS NOT NULL
        DO UPDATE SET run_at = excluded.run_at, priority = excluded.priority,
                      payload = excluded.payload
         WHERE enqueue.again AND j.state = 'ready'
        RETURNING j.id INTO job;

        EXIT WHEN FOUND;

        SELECT j.id INTO job FROM pando.jobs AS j
         WHERE j.kind = enqueue.kind AND j.tenant_id = of
           AND j.unique_key = enqueue.unique_key
           AND j.state IN ('ready', 'running');

        IF FOUND THEN
            RETURN job;
        END IF;
    END LOOP;

    PERFORM pando.lane_wake(enqueue.kind, of, at);
    RETURN job;
END $$;


-- Claiming

-- What a tenant may have more of in a queue; null: as many as there are.
CREATE FUNCTION pando.queue_room(q text, t uuid) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    most int;
BEGIN
    IF EXISTS (SELECT FROM pando.job_queues AS s
                WHERE s.queue = q AND s.tenant_id = t AND s.paused) THEN
        RETURN 0;
    END IF;

    SELECT s.max_running INTO most FROM pando.job_queues AS s
     WHERE s.queue = q AND s.max_running IS NOT NULL
       AND s.tenant_id IN (t, '00000000-0000-0000-0000-000000000000')
     ORDER BY s.tenant_id = t DESC LIMIT 1;

    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    -- one who counts at a time, to the end of its claim
    IF NOT pg_try_advisory_xact_lock(1346457164, pando.job_lock(q, t)) THEN
        RETURN 0;
    END IF;

    RETURN greatest(0, most - (SELECT count(*) FROM pando.jobs AS j
        WHERE j.queue = q AND j.tenant_id = t AND j.state = 'running'));
END $$;

-- Up to n due jobs of one lane, by priority and then by time.
CREATE FUNCTION pando.lane_take(who text, k text, t uuid, n bigint,
    tries bigint, lease_ms bigint)
RETURNS SETOF pando.jobs LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    p smallint;
    got bigint;
    now_at timestamptz := clock_timestamp();
BEGIN
    SELECT priority INTO p FROM pando.jobs
     WHERE kind = k AND tenant_id = t AND state = 'ready'
     ORDER BY priority DESC LIMIT 1;

    WHILE FOUND AND n > 0 LOOP
        RETURN QUERY
        WITH taken AS (
            UPDATE pando.jobs AS j
               SET state = 'running', fence = j.fence + 1,
                   attempts = j.attempts + 1,
                   max_attempts = coalesce(j.max_attempts, tries),
                   lease_until = now_at + lease_ms * interval '1 millisecond',
                   lease_by = who, started_at = now_at,
                   progress = NULL, note = NULL
             WHERE j.id = ANY (ARRAY(
                   SELECT i.id FROM pando.jobs AS i
                    WHERE i.kind = k AND i.tenant_id = t AND i.state = 'ready'
                      AND i.priority = p AND i.run_at <= now_at
                    ORDER BY i.run_at LIMIT n FOR UPDATE SKIP LOCKED))
            RETURNING j.*
        )
        SELECT * FROM taken AS t ORDER BY t.run_at;

        GET DIAGNOSTICS got = ROW_COUNT;
        n := n - got;

        SELECT priority INTO p FROM pando.jobs
         WHERE kind = k AND tenant_id = t AND state = 'ready' AND priority < p
         ORDER BY priority DESC LIMIT 1;
    END LOOP;
END $$;

-- Of a lane that gave less than it was asked for: lets it rest until its next
-- job.  False: somebody is enqueueing, it stays due.
CREATE FUNCTION pando.lane_rest(k text, t uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    at timestamptz;
BEGIN
    IF NOT pg_try_advisory_xact_lock(1346457162, pando.job_lock(k, t)) THEN
        RETURN false;
    END IF;

    at := pando.lane_next(k, t);

    IF at <= clock_timestamp() THEN
        RETURN false;
    END IF;

    UPDATE pando.job_lanes
       SET due = false, next_at = at, served_at = clock_timestamp()
     WHERE kind = k AND tenant_id = t;
    RETURN true;
END $$;

CREATE TYPE pando.job_claim AS (
    id         uuid,
    kind       text,
    tenant_id  uuid,
    payload    text,
    attempts   int,
    fence      bigint,
    wait_ms    bigint       -- of a row without an id: when to look again
);

-- Of one kind, up to `room` jobs: always from the lane whose virtual time is the
-- least.  A fresh lane is served once at its old time and is then put level
-- with those that were there.
CREATE FUNCTION pando.claim_kind(who text, k text, q text, room bigint,
    tries bigint, cost_ms float8, lease_ms bigint)
RETURNS SETOF pando.job_claim LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    tenants uuid[];
    times float8[];
    news boolean[];
    level float8;
    weighs float8[] := '{}';
    rooms bigint[] := '{}';
    more boolean[] := '{}';
    held boolean[] := '{}';
    i int;
    n bigint;
    got bigint;
    busy boolean := false;
    note pando.job_claim;
BEGIN
    IF room < 1 OR EXISTS (SELECT FROM pando.job_queues AS s
        WHERE s.queue = q AND s.paused
          AND s.tenant_id = '00000000-0000-0000-0000-000000000000') THEN
        RETURN;
    END IF;

    SELECT array_agg(l.tenant_id), array_agg(l.vtime), array_agg(l.fresh)
      INTO tenants, times, news
      FROM (SELECT * FROM pando.job_lanes
             WHERE kind = k AND due ORDER BY vtime
             LIMIT least(room + 1, 64) FOR UPDATE SKIP LOCKED) AS l;

    IF tenants IS NULL THEN
        IF EXISTS (SELECT FROM pando.job_lanes WHERE kind = k AND due) THEN
            note.wait_ms := 5;
            RETURN NEXT note;
        END IF;

        RETURN;
    END IF;

    FOR i IN 1 .. cardinality(tenants) LOOP
        n := pando.queue_room(q, tenants[i]);
        rooms[i] := coalesce(n, room);
        more[i] := rooms[i] > 0;
        held[i] := n IS NOT NULL;
        weighs[i] := coalesce((SELECT s.weight FROM pando.job_queues AS s
            WHERE s.queue = q AND s.weight IS NOT NULL AND s.tenant_id IN
                  (tenants[i], '00000000-0000-0000-0000-000000000000')
            ORDER BY s.tenant_id = tenants[i] DESC LIMIT 1), 1);

        IF NOT news[i] THEN
            level := least(level, times[i]);
        END IF;
    END LOOP;

    LOOP
        SELECT u.n INTO i FROM unnest(times, more) WITH ORDINALITY
               AS u (at, more, n)
         WHERE u.more ORDER BY u.at LIMIT 1;

        EXIT WHEN NOT FOUND OR room < 1;

        n := CASE WHEN cardinality(tenants) = 1 THEN room
             WHEN news[i] THEN 1
             ELSE greatest(1, room / (2 * cardinality(tenants))) END;
        n := least(n, rooms[i], room);

        RETURN QUERY SELECT j.id, j.kind, j.tenant_id, j.payload::text,
                            j.attempts, j.fence, NULL::bigint
          FROM pando.lane_take(who, k, tenants[i], n, tries, lease_ms) AS j;

        GET DIAGNOSTICS got = ROW_COUNT;
        room := room - got;
        rooms[i] := rooms[i] - got;
        times[i] := CASE WHEN news[i] THEN greatest(times[i], level)
                    ELSE times[i] END + got * cost_ms / weighs[i];
        news[i] := false;
        more[i] := got = n AND rooms[i] > 0;

        IF got < n AND pando.lane_rest(k, tenants[i]) THEN
            held[i] := false;
        ELSIF got < n THEN
            busy := true;
        END IF;
    END LOOP;

    FOR i IN 1 .. cardinality(tenants) LOOP
        held[i] := held[i] AND rooms[i] < 1;
    END LOOP;

    -- at its limit, a lane leaves the way to others for a moment
    UPDATE pando.job_lanes AS l
       SET vtime = u.at, fresh = u.news, served_at = clock_timestamp(),
           due = l.due AND NOT u.held,
           next_at = CASE WHEN l.due AND u.held
                          THEN clock_timestamp() + interval '100 ms'
                          ELSE l.next_at END
      FROM unnest(tenants, times, news, held)
           AS u (tenant_id, at, news, held)
     WHERE l.kind = k AND l.tenant_id = u.tenant_id
       AND (l.vtime, l.fresh, l.due) IS DISTINCT FROM
           (u.at, u.news, l.due AND NOT u.held);

    IF busy THEN
        note.wait_ms := 20;
        RETURN NEXT note;
    END IF;
END $$;

-- What a worker with that much room for each kind may run now.  The last row
-- says for how many milliseconds nothing else will be due; null: for long.
CREATE FUNCTION pando.claim_jobs(who text, kinds text[], queues text[],
    rooms bigint[], tries bigint[], costs bigint[], lease_ms bigint)
RETURNS SETOF pando.job_claim LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    wait bigint;
    note pando.job_claim;
BEGIN
    PERFORM pando.read_news();

    UPDATE pando.job_lanes
       SET due = true, fresh = true, next_at = NULL
     WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM pando.job_lanes
            WHERE kind = ANY (kinds) AND next_at <= clock_timestamp()
            ORDER BY next_at LIMIT 500 FOR UPDATE SKIP LOCKED));

    FOR i IN 1 .. coalesce(cardinality(kinds), 0) LOOP
        RETURN QUERY SELECT * FROM pando.claim_kind(who, kinds[i], queues[i],
            rooms[i], tries[i], costs[i] / 1000.0, lease_ms);
    END LOOP;

    SELECT ceil(extract(epoch FROM min(l.at) - clock_timestamp()) * 1000)
      INTO wait
      FROM unnest(kinds) AS k (kind) CROSS JOIN LATERAL (
           SELECT next_at AS at FROM pando.job_lanes
            WHERE kind = k.kind AND next_at IS NOT NULL
            ORDER BY next_at LIMIT 1) AS l;

    note.wait_ms := greatest(wait, 1);
    RETURN NEXT note;
END $$;


-- Ending a run

-- Of one that is still the caller's, or else PD410: what this transaction did
-- is not to be.
CREATE FUNCTION pando.finish_job(job uuid, mine bigint, forget boolean)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF forget THEN
        DELETE FROM pando.jobs WHERE id = job AND fence = mine;
    ELSE
        UPDATE pando.jobs
           SET state = 'done', fence = fence + 1, lease_until = NULL,
               error = NULL, ended_at = clock_timestamp()
         WHERE id = job AND fence = mine;
    END IF;

    IF NOT FOUND THEN
        RAISE EXCEPTION 'the job is not this run''s any more'
        USING ERRCODE = 'PD410';
    END IF;
END $$;

-- Many runs that are over.  how: done, forget (done and not kept), again (after
-- a failure, or dead where that was the last attempt), dead, back (handed
-- back, as if it had not begun).  What is another's by now is left alone.
CREATE FUNCTION pando.end_jobs(ids uuid[], fences bigint[], hows text[],
    delays bigint[], errors text[])
RETURNS int LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    now_at timestamptz := clock_timestamp();
    n int;
    gone int := 0;
BEGIN
    IF 'forget' = ANY (hows) THEN
        DELETE FROM pando.jobs AS j
         USING unnest(ids, fences, hows) AS e (id, fence, how)
         WHERE j.id = e.id AND j.fence = e.fence AND e.how = 'forget';
        GET DIAGNOSTICS gone = ROW_COUNT;
    END IF;

    WITH ended AS (
        SELECT e.*, CASE e.how WHEN 'back' THEN 'ready'
                    WHEN 'again' THEN
                        CASE WHEN j.attempts < j.max_attempts THEN 'ready'
                             ELSE 'dead' END
                    ELSE e.how END AS state
          FROM unnest(ids, fences, hows, delays, errors)
               AS e (id, fence, how, delay, error)
          JOIN pando.jobs AS j ON j.id = e.id
         WHERE e.how <> 'forget' AND j.fence = e.fence
           FOR UPDATE OF j
    ), moved AS (
        UPDATE pando.jobs AS j
           SET state = e.state, fence = j.fence + 1, lease_until = NULL,
               error = CASE e.how WHEN 'done' THEN NULL
                       WHEN 'back' THEN j.error ELSE e.error END,
               attempts = j.attempts - (e.how = 'back')::int,
               run_at = CASE WHEN e.state = 'ready' AND e.delay > 0
                        THEN now_at + e.delay * interval '1 millisecond'
                        ELSE j.run_at END,
               ended_at = CASE WHEN e.state <> 'ready' THEN now_at END
          FROM ended AS e
         WHERE j.id = e.id
        RETURNING j.kind, j.tenant_id, j.state, j.run_at
    ), woken AS (
        SELECT pando.lane_wake(m.kind, m.tenant_id, m.at)
          FROM (SELECT kind, tenant_id, min(run_at) AS at FROM moved
                 WHERE state = 'ready' GROUP BY kind, tenant_id
                 ORDER BY kind, tenant_id) AS m
    )
    SELECT (SELECT count(*) FROM moved) + 0 * (SELECT count(*) FROM woken)
      INTO n;

    RETURN n + gone;
END $$;


-- What nobody else sees to: leases that are over, lanes that were missed, jobs
-- and lanes that are kept no longer.  One of all workers at a time.
CREATE FUNCTION pando.sweep_jobs(batch int) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    lost bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(1346457165, 0) THEN
        RETURN 0;
    END IF;

    WITH late AS (
        SELECT id FROM pando.jobs
         WHERE state = 'running' AND lease_until < clock_timestamp()
         LIMIT batch FOR UPDATE SKIP LOCKED
    ), moved AS (
        UPDATE pando.jobs AS j
           SET state = CASE WHEN attempts < max_attempts THEN 'ready'
                       ELSE 'dead' END,
               ended_at = CASE WHEN attempts < max_attempts THEN NULL
                          ELSE clock_timestamp() END,
               fence = j.fence + 1, lease_until = NULL,
               error = 'its worker was lost'
          FROM late WHERE j.id = late.id
        RETURNING j.kind, j.tenant_id, j.run_at
    ), woken AS (
        SELECT pando.lane_wake(kind, tenant_id, min(run_at)) FROM moved
         GROUP BY kind, tenant_id
    )
    SELECT (SELECT count(*) FROM moved) + 0 * (SELECT count(*) FROM woken)
      INTO lost;

    -- a step from lane to lane, whatever waits in them
    WITH RECURSIVE lanes AS (
        (SELECT kind, tenant_id FROM pando.jobs WHERE state = 'ready'
          ORDER BY kind, tenant_id LIMIT 1)
        UNION ALL
        SELECT n.kind, n.tenant_id FROM lanes AS l CROSS JOIN LATERAL (
            SELECT j.kind, j.tenant_id FROM pando.jobs AS j
             WHERE j.state = 'ready'
               AND (j.kind, j.tenant_id) > (l.kind, l.tenant_id)
             ORDER BY j.kind, j.tenant_id LIMIT 1) AS n
    )
    INSERT INTO pando.job_lanes AS l (kind, tenant_id)
    SELECT n.kind, n.tenant_id
      FROM lanes AS n LEFT JOIN pando.job_lanes AS o USING (kind, tenant_id)
     WHERE o.kind IS NULL OR NOT o.due AND (o.next_at IS NULL
           OR o.next_at > clock_timestamp() + interval '1 s'
              AND pando.lane_next(n.kind, n.tenant_id) < o.next_at)
     ORDER BY n.kind, n.tenant_id
    ON CONFLICT (kind, tenant_id) DO UPDATE
       SET due = true, fresh = true, next_at = NULL
     WHERE NOT l.due;

    DELETE FROM pando.job_lanes WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM pando.job_lanes
         WHERE NOT due AND next_at IS NULL
           AND served_at < clock_timestamp() - interval '1 day'
         ORDER BY served_at LIMIT batch FOR UPDATE SKIP LOCKED));

    DELETE FROM pando.jobs WHERE ctid = ANY (ARRAY(
        SELECT j.ctid FROM (VALUES ('done', interval '1 day'),
            ('canceled', interval '30 days'), ('dead', interval '30 days'))
            AS s (state, age) CROSS JOIN LATERAL (
            SELECT ctid FROM pando.jobs
             WHERE state = s.state AND ended_at < clock_timestamp() - s.age
             ORDER BY ended_at LIMIT batch FOR UPDATE SKIP LOCKED) AS j));

    RETURN lost;
END $$;


-- Periodic kinds: a slot is the number of its period since 1970, moved by an
-- offset.  The first worker that comes in a slot writes its job; a clock that is
-- set back comes to no new slot, and of those that were missed only the last
-- one counts.  Returns in how many milliseconds the next slot begins.
CREATE FUNCTION pando.due_periods(kinds text[], queues text[],
    everys bigint[], offsets bigint[])
RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    i int;
    was bigint;
    now_slot bigint;
    now_ms bigint := extract(epoch FROM clock_timestamp()) * 1000;
    wait bigint;
BEGIN
    FOR i IN 1 .. coalesce(cardinality(kinds), 0) LOOP
        now_slot := (now_ms - offsets[i]) / everys[i];
        wait := least(wait, everys[i] - (now_ms - offsets[i]) % everys[i]);

        SELECT slot INTO was FROM pando.job_periods WHERE kind = kinds[i];

        IF NOT FOUND THEN
            INSERT INTO pando.job_periods (kind, slot)
            VALUES (kinds[i], now_slot) ON CONFLICT DO NOTHING;

        ELSIF was < now_slot THEN
            UPDATE pando.job_periods
               SET slot = now_slot, at = clock_timestamp()
             WHERE kind = kinds[i] AND slot < now_slot;

            IF FOUND THEN
                PERFORM pando.enqueue(kinds[i], queue => queues[i],
                                      unique_key => 'slot ' || now_slot);
            END IF;
        END IF;
    END LOOP;

    RETURN greatest(wait, 1);
END $$;


-- What operators are shown and do

CREATE FUNCTION pando.job_doc(j pando.jobs) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', j.id, 'queue', j.queue, 'kind', j.kind,
        'tenant_id', nullif(j.tenant_id,
                            '00000000-0000-0000-0000-000000000000'),
        'state', j.state, 'priority', j.priority,
        'run_at', pando.rfc3339(j.run_at), 'attempts', j.attempts,
        'max_attempts', j.max_attempts, 'unique_key', j.unique_key,
        'progress', j.progress, 'note', j.note, 'error', j.error,
        'lease_by', j.lease_by, 'payload', j.payload,
        'created_at', pando.rfc3339(j.created_at),
        'started_at', pando.rfc3339(j.started_at),
        'ended_at', pando.rfc3339(j.ended_at))
$$;

-- Dead or canceled ones from the beginning, so many a second.
CREATE FUNCTION pando.retry_jobs(ids uuid[], pace int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    j record;
    n int := 0;
    at timestamptz;
BEGIN
    FOR j IN SELECT id, kind, tenant_id, unique_key FROM pando.jobs
              WHERE id = ANY (ids) AND state IN ('dead', 'canceled')
              ORDER BY id FOR UPDATE SKIP LOCKED
    LOOP
        at := clock_timestamp()
              + n / greatest(pace, 1)::float8 * interval '1 second';

        CONTINUE WHEN j.unique_key IS NOT NULL AND EXISTS (
            SELECT FROM pando.jobs AS o
             WHERE o.kind = j.kind AND o.tenant_id = j.tenant_id
               AND o.unique_key = j.unique_key
               AND o.state IN ('ready', 'running'));

        UPDATE pando.jobs SET state = 'ready', attempts = 0, run_at = at,
               ended_at = NULL
         WHERE id = j.id;
        PERFORM pando.lane_wake(j.kind, j.tenant_id, at);
        n := n + 1;
    END LOOP;

    RETURN n;
END $$;

-- Null leaves a setting as it is.
CREATE FUNCTION pando.set_queue(q text, t uuid, most int, weighs float8,
    pause boolean)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO pando.job_queues AS s
           (queue, tenant_id, max_running, weight, paused)
    VALUES (q, coalesce(t, '00000000-0000-0000-0000-000000000000'), most,
            weighs, coalesce(pause, false))
    ON CONFLICT (queue, tenant_id) DO UPDATE
       SET max_running = coalesce(most, s.max_running),
           weight = coalesce(weighs, s.weight),
           paused = coalesce(pause, s.paused), changed_at = now();
END $$;
