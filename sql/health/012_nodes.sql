-- Health: nodes, and what each of them sees.
--
-- What must stay true: a node that was silent for fifteen seconds is none;
-- what several nodes look at is as most of them say.  Which node looks at what
-- is for them to reckon from the list of nodes (health_list.c).

-- small: a row a node, gone a day after it was last there
CREATE TABLE health.nodes (
    id         uuid NOT NULL,
    name       text NOT NULL,
    joined_at  timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now(),
    ready      boolean NOT NULL,
    draining   boolean NOT NULL,
    wanted     boolean,             -- draining, as another node was told

    CONSTRAINT nodes_pkey PRIMARY KEY (id)
);

CREATE FUNCTION health.is_there(n health.nodes) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT n.seen_at > now() - interval '15 s'
$$;

-- A node says how it is, which is written when that is news or five seconds
-- old.  It is young for three seconds, in which others hear of it.
CREATE FUNCTION health.attend(node uuid, called text, is_ready boolean,
    drains boolean)
RETURNS TABLE (edition bigint, nodes text, young boolean, wanted boolean)
LANGUAGE plpgsql AS $$
DECLARE
    me  health.nodes;
BEGIN
    SELECT * INTO me FROM health.nodes AS n WHERE n.id = node;

    IF me.id IS NULL OR me.seen_at < now() - interval '5 s'
       OR (me.name, me.ready, me.draining) <> (called, is_ready, drains)
       OR me.wanted = drains
    THEN
        INSERT INTO health.nodes AS n (id, name, ready, draining)
        VALUES (node, called, is_ready, drains)
        ON CONFLICT ON CONSTRAINT nodes_pkey DO UPDATE
           SET name = called, seen_at = now(), ready = is_ready,
               draining = drains, wanted = nullif(n.wanted, drains),
               joined_at = CASE WHEN health.is_there(n) THEN n.joined_at
                           ELSE now() END
        RETURNING * INTO me;
    END IF;

    RETURN QUERY
    SELECT e.n, (SELECT string_agg(x.id::text, '' ORDER BY x.id)
                   FROM health.nodes AS x WHERE health.is_there(x)),
           me.joined_at > now() - interval '3 s', me.wanted
      FROM health.edition AS e;
END $$;

-- Nodes of that name that are there are told what is wanted of them.
CREATE FUNCTION health.want(called text, drains boolean) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE health.nodes AS n SET wanted = drains
     WHERE n.name = called AND health.is_there(n);
    RETURN FOUND;
END $$;


-- Of how many nodes a check takes the view; what is a node's own need is
-- looked at by each, for whom locations count nothing.

ALTER TABLE health.checks ADD COLUMN locations smallint NOT NULL DEFAULT 1
    CONSTRAINT checks_locations_check CHECK (locations BETWEEN 1 AND 9);

CREATE FUNCTION health.everywhere(kind text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT kind IN ('postgres', 'disk', 'module', 'redis')
$$;

CREATE TRIGGER checks_next_edition_of_places
AFTER UPDATE OF locations ON health.checks
FOR EACH STATEMENT EXECUTE FUNCTION health.next_edition();

ALTER TABLE health.results
    ADD COLUMN node uuid NOT NULL
        DEFAULT '00000000-0000-0000-0000-000000000000';
ALTER TABLE health.results DROP CONSTRAINT results_pkey;
ALTER TABLE health.results
    ADD CONSTRAINT results_pkey PRIMARY KEY (check_id, at, node);

-- What each node made of a check that more than one looks at.
CREATE TABLE health.views (
    check_id   uuid NOT NULL,
    node       uuid NOT NULL,
    tenant_id  uuid NOT NULL,
    state      text NOT NULL,
    track      bigint NOT NULL,
    at         timestamptz NOT NULL,

    CONSTRAINT views_pkey PRIMARY KEY (check_id, node),
    CONSTRAINT views_check_fkey FOREIGN KEY (check_id)
        REFERENCES health.checks (id) ON DELETE CASCADE
) WITH (fillfactor = 70);

CREATE FUNCTION health.is_shared(c health.checks) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT c.locations > 1 OR health.everywhere(c.kind)
$$;

-- The majority of those that were heard of lately; a split is a warning, and
-- so is one node of many that lacks what each of them needs.
CREATE FUNCTION health.voted(c health.checks, OUT state text,
    OUT flapping boolean)
LANGUAGE sql STABLE AS $$
    WITH v AS (
        SELECT x.state, (x.track >> 6) & 1 = 1 AS flapping
          FROM health.views AS x
         WHERE x.check_id = c.id AND x.at > now() - 3
               * make_interval(secs => greatest(c.interval_s, 10))
    ), n AS (
        SELECT count(*) FILTER (WHERE v.state <> 'unknown') AS known,
               count(*) FILTER (WHERE v.state = 'pass') AS pass,
               count(*) FILTER (WHERE v.state = 'warn') AS warn,
               count(*) FILTER (WHERE v.state = 'fail') AS fail,
               coalesce(bool_or(v.flapping), false) AS flapping
          FROM v
    )
    SELECT CASE WHEN n.known = 0 THEN 'unknown'
                WHEN n.fail * 2 > n.known THEN 'fail'
                WHEN health.everywhere(c.kind) AND n.pass < n.known THEN 'warn'
                WHEN n.pass * 2 > n.known THEN 'pass'
                ELSE 'warn' END, n.flapping
      FROM n
$$;

-- A batch of a node, in the order in which it came; what is of the future was
-- written by a clock that was wrong.
CREATE FUNCTION health.record(seen_by uuid, checks uuid[], ats bigint[],
    outcomes text[], latencies bigint[], details text[], states text[],
    tracks bigint[])
RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    kept     int;
    changed  uuid[];
BEGIN
    INSERT INTO health.results (check_id, at, node, tenant_id, outcome,
                                latency_ms, detail)
    SELECT c.id, to_timestamp(r.at / 1000000.0), seen_by, c.tenant_id,
           r.outcome, r.latency, r.detail
      FROM unnest(checks, ats, outcomes, latencies, details)
           AS r (id, at, outcome, latency, detail)
      JOIN health.checks AS c ON c.id = r.id
    ON CONFLICT ON CONSTRAINT results_pkey DO NOTHING;

    GET DIAGNOSTICS kept = ROW_COUNT;

    PERFORM FROM health.checks AS c WHERE c.id = ANY (checks)
      ORDER BY c.id FOR UPDATE;

    INSERT INTO health.views AS v (check_id, node, tenant_id, state, track, at)
    SELECT DISTINCT ON (u.id) u.id, seen_by, c.tenant_id, u.state, u.track,
           to_timestamp(u.at / 1000000.0)
      FROM unnest(checks, ats, states, tracks) AS u (id, at, state, track)
      JOIN health.checks AS c ON c.id = u.id AND health.is_shared(c)
     ORDER BY u.id, u.at DESC
    ON CONFLICT ON CONSTRAINT views_pkey DO UPDATE
       SET state = excluded.state, track = excluded.track, at = excluded.at
     WHERE v.at < excluded.at OR v.at > now() + interval '1 minute';

    WITH r AS (
        SELECT DISTINCT ON (u.id) u.id, u.state, u.track,
               to_timestamp(u.at / 1000000.0) AS at
          FROM unnest(checks, ats, states, tracks) AS u (id, at, state, track)
         ORDER BY u.id, u.at DESC
    ), was AS (
        SELECT c.id, c.state, c.flapping, r.track, r.at,
               CASE WHEN health.is_shared(c) THEN v.state ELSE r.state END
                   AS news,
               CASE WHEN health.is_shared(c) THEN v.flapping
                    ELSE (r.track >> 6) & 1 = 1 END AS flaps
          FROM r JOIN health.checks AS c ON c.id = r.id,
               health.voted(c) AS v
         WHERE health.is_shared(c) OR c.last_at IS NULL OR c.last_at < r.at
            OR c.last_at > now() + interval '1 minute'
    ), done AS (
        UPDATE health.checks AS c
           SET state = was.news, track = was.track, flapping = was.flaps,
               last_at = CASE WHEN c.last_at > now() + interval '1 minute'
                         THEN was.at ELSE greatest(c.last_at, was.at) END,
               state_since = CASE WHEN c.state = was.news THEN c.state_since
                             ELSE was.at END
          FROM was WHERE was.id = c.id
        RETURNING c.tenant_id,
                  (was.state, was.flapping) <> (c.state, c.flapping) AS changed
    )
    SELECT array_agg(DISTINCT d.tenant_id ORDER BY d.tenant_id) INTO changed
      FROM done AS d WHERE d.changed;

    FOR i IN 1 .. coalesce(array_length(changed, 1), 0) LOOP
        PERFORM health.settle(changed[i]);
    END LOOP;

    RETURN kept;
END $$;

-- For nodes of before, which have no name.
CREATE OR REPLACE FUNCTION health.record(checks uuid[], ats bigint[],
    outcomes text[], latencies bigint[], details text[], states text[],
    tracks bigint[])
RETURNS int LANGUAGE sql AS $$
    SELECT health.record('00000000-0000-0000-0000-000000000000', checks, ats,
                         outcomes, latencies, details, states, tracks)
$$;
