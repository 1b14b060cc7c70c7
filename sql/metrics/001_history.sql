-- Metrics: the history of requests, by route, node and minute, hour and day.
--
-- What must stay true: nodes bring totals, never differences.  A total is
-- counted against the one that came before it of the same life of the same
-- node, in the same transaction: whatever is sent twice, late or in another
-- order counts once, and what was not sent for an hour comes with the next
-- total.  Minutes, hours and days grow by the same difference, so no job has to
-- add them up and they never disagree.
--
-- The history is the platform's, not a tenant's.

CREATE SCHEMA metrics;


-- small: as many as there are routes
CREATE TABLE metrics.routes (
    id       bigint GENERATED ALWAYS AS IDENTITY,
    service  text NOT NULL,
    method   text NOT NULL,
    route    text NOT NULL,

    CONSTRAINT routes_pkey PRIMARY KEY (id),
    CONSTRAINT routes_key UNIQUE (service, route, method)
);


-- A life is as long as a node's counters go on: it survives workers and
-- reloads, and ends with the master.
CREATE TABLE metrics.lives (
    node     text NOT NULL,
    life     bigint NOT NULL,
    seen_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT lives_pkey PRIMARY KEY (node, life)
) WITH (fillfactor = 50);

CREATE INDEX lives_by_age ON metrics.lives (seen_at);


-- Counts: how many requests took no longer than each bound (5, 10, 25, 50, 75,
-- 100, 200, 500, 800 ms, 1, 2.5, 5, 7.5, 10 s), how many longer; errors;
-- microseconds of all of them.
CREATE DOMAIN metrics.counts AS bigint[]
    CONSTRAINT counts_check CHECK (cardinality(VALUE) = 17);

-- What of each total is in the history already.
CREATE TABLE metrics.cursors (
    node      text NOT NULL,
    life      bigint NOT NULL,
    route_id  bigint NOT NULL,
    counts    metrics.counts NOT NULL,

    CONSTRAINT cursors_pkey PRIMARY KEY (node, life, route_id),
    CONSTRAINT cursors_life_fkey FOREIGN KEY (node, life)
        REFERENCES metrics.lives (node, life) ON DELETE CASCADE
) WITH (fillfactor = 50);


CREATE TABLE metrics.minutes (
    route_id  bigint NOT NULL,
    at        timestamptz NOT NULL,
    node      text NOT NULL,
    counts    metrics.counts NOT NULL,

    CONSTRAINT minutes_pkey PRIMARY KEY (route_id, at, node)
) WITH (fillfactor = 70);

CREATE TABLE metrics.hours (
    route_id  bigint NOT NULL,
    at        timestamptz NOT NULL,
    node      text NOT NULL,
    counts    metrics.counts NOT NULL,

    CONSTRAINT hours_pkey PRIMARY KEY (route_id, at, node)
) WITH (fillfactor = 70);

CREATE TABLE metrics.days (
    route_id  bigint NOT NULL,
    at        timestamptz NOT NULL,
    node      text NOT NULL,
    counts    metrics.counts NOT NULL,

    CONSTRAINT days_pkey PRIMARY KEY (route_id, at, node)
) WITH (fillfactor = 70);


CREATE FUNCTION metrics.plus(a bigint[], b bigint[]) RETURNS bigint[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_agg(u.a + u.b ORDER BY u.i)
      FROM unnest(a, b) WITH ORDINALITY AS u(a, b, i)
$$;

CREATE FUNCTION metrics.minus(a bigint[], b bigint[]) RETURNS bigint[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_agg(u.a - u.b ORDER BY u.i)
      FROM unnest(a, b) WITH ORDINALITY AS u(a, b, i)
$$;

CREATE FUNCTION metrics.requests(counts bigint[]) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT sum(n)::bigint FROM unnest(counts[1:15]) AS n
$$;


-- Takes the totals of a node as [[service, method, route, counts], ...]:
-- each only where more was counted than before.  The row of the life is held
-- to the end, so snapshots of it come one after another.
CREATE FUNCTION metrics.take(of_node text, of_life bigint, sampled timestamptz,
    totals jsonb)
RETURNS int LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    taken int;
BEGIN
    INSERT INTO metrics.lives AS l (node, life) VALUES (of_node, of_life)
    ON CONFLICT ON CONSTRAINT lives_pkey DO UPDATE SET seen_at = now();

    INSERT INTO metrics.routes (service, method, route)
    SELECT t ->> 0, t ->> 1, t ->> 2
      FROM jsonb_array_elements(totals) AS t
     WHERE NOT EXISTS (SELECT FROM metrics.routes AS r
                        WHERE r.service = t ->> 0 AND r.method = t ->> 1
                          AND r.route = t ->> 2)
    ON CONFLICT ON CONSTRAINT routes_key DO NOTHING;

    WITH come AS (
        SELECT r.id, ARRAY(SELECT n::bigint
                             FROM jsonb_array_elements_text(t -> 3)
                                  WITH ORDINALITY AS e(n, i)
                            ORDER BY i) AS counts
          FROM jsonb_array_elements(totals) AS t
          JOIN metrics.routes AS r ON r.service = t ->> 0
           AND r.method = t ->> 1 AND r.route = t ->> 2
    ), fresh AS (
        SELECT come.id, come.counts,
               CASE WHEN c.counts IS NULL THEN come.counts
                    ELSE metrics.minus(come.counts, c.counts) END AS more
          FROM come
          LEFT JOIN metrics.cursors AS c ON c.node = of_node
           AND c.life = of_life AND c.route_id = come.id
         WHERE metrics.requests(come.counts)
               > coalesce(metrics.requests(c.counts), 0)
    ), cursors AS (
        INSERT INTO metrics.cursors AS c (node, life, route_id, counts)
        SELECT of_node, of_life, id, counts FROM fresh
        ON CONFLICT ON CONSTRAINT cursors_pkey DO UPDATE
           SET counts = excluded.counts
    ), minutes AS (
        INSERT INTO metrics.minutes AS m (route_id, at, node, counts)
        SELECT id, date_trunc('minute', sampled, 'UTC'), of_node, more
          FROM fresh
        ON CONFLICT ON CONSTRAINT minutes_pkey DO UPDATE
           SET counts = metrics.plus(m.counts, excluded.counts)
    ), hours AS (
        INSERT INTO metrics.hours AS m (route_id, at, node, counts)
        SELECT id, date_trunc('hour', sampled, 'UTC'), of_node, more
          FROM fresh
        ON CONFLICT ON CONSTRAINT hours_pkey DO UPDATE
           SET counts = metrics.plus(m.counts, excluded.counts)
    ), days AS (
        INSERT INTO metrics.days AS m (route_id, at, node, counts)
        SELECT id, date_trunc('day', sampled, 'UTC'), of_node, more
          FROM fresh
        ON CONFLICT ON CONSTRAINT days_pkey DO UPDATE
           SET counts = metrics.plus(m.counts, excluded.counts)
    )
    SELECT count(*) INTO taken FROM fresh;

    RETURN taken;
END $$;
