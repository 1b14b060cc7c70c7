-- Health: checks and their results.
--
-- What must stay true: a result counts once, however often it is written, and
-- an older one never undoes what a younger one said.  Results live in a
-- partition a day, made ahead and dropped whole; one for which there is no
-- partition yet goes to the rest, so that nothing is ever refused.

CREATE SCHEMA health;

CREATE FUNCTION health.target_ok(kind text, target jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE kind
        WHEN 'postgres' THEN target - 'slow_ms' = '{}'
        WHEN 'module' THEN target ? 'module'
            AND target - 'module' - 'slow_ms' = '{}'
        WHEN 'disk' THEN target ? 'path'
            AND target - 'path' - 'warn_percent' - 'fail_percent' = '{}'
            AND coalesce((target ->> 'warn_percent')::int, 80)
                <= coalesce((target ->> 'fail_percent')::int, 95)
        ELSE false END
$$;

CREATE TABLE health.checks (
    id           uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id    uuid NOT NULL,
    name         text NOT NULL,
    component    text NOT NULL,
    kind         text NOT NULL,
    target       jsonb NOT NULL,
    interval_s   int NOT NULL,
    timeout_ms   int NOT NULL,
    rise         int NOT NULL,
    fall         int NOT NULL,
    criticality  text NOT NULL,
    runbook_url  text,
    enabled      boolean NOT NULL,
    state        text NOT NULL DEFAULT 'unknown',
    state_since  timestamptz NOT NULL DEFAULT now(),
    flapping     boolean NOT NULL DEFAULT false,
    track        bigint NOT NULL DEFAULT 0,
    last_at      timestamptz,
    version      bigint NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT checks_pkey PRIMARY KEY (id),
    CONSTRAINT checks_name_key UNIQUE (tenant_id, name),
    CONSTRAINT checks_interval_check CHECK (interval_s BETWEEN 5 AND 86400
        AND timeout_ms BETWEEN 50 AND interval_s * 1000),
    CONSTRAINT checks_rise_check CHECK (rise BETWEEN 1 AND 20),
    CONSTRAINT checks_fall_check CHECK (fall BETWEEN 1 AND 20),
    CONSTRAINT checks_criticality_check
        CHECK (criticality IN ('required', 'important', 'optional')),
    CONSTRAINT checks_state_check
        CHECK (state IN ('unknown', 'pass', 'warn', 'fail')),
    CONSTRAINT checks_target_check CHECK (health.target_ok(kind, target))
) WITH (fillfactor = 70);

CREATE INDEX checks_by_component ON health.checks (tenant_id, component);


-- Which list of checks this is: it grows with each change of one.
-- small: one row
CREATE TABLE health.edition (
    one  boolean NOT NULL DEFAULT true,
    n    bigint NOT NULL,

    CONSTRAINT edition_pkey PRIMARY KEY (one),
    CONSTRAINT edition_one_check CHECK (one)
);

INSERT INTO health.edition (n) VALUES (1);

CREATE FUNCTION health.next_edition() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE health.edition SET n = n + 1;
    RETURN NULL;
END $$;

CREATE TRIGGER checks_next_edition
AFTER INSERT OR DELETE OR UPDATE OF name, component, kind, target, interval_s,
    timeout_ms, rise, fall, criticality, enabled ON health.checks
FOR EACH STATEMENT EXECUTE FUNCTION health.next_edition();


-- Which node runs the checks, and until when unless it says so again.
-- small: one row
CREATE TABLE health.lease (
    one     boolean NOT NULL DEFAULT true,
    holder  uuid NOT NULL,
    until   timestamptz NOT NULL,

    CONSTRAINT lease_pkey PRIMARY KEY (one),
    CONSTRAINT lease_one_check CHECK (one)
);

-- The edition of the list for the holder of the lease, -1 for others.  It is
-- written only when less than ten of its fifteen seconds are left.
CREATE FUNCTION health.watch(node uuid) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    held  health.lease;
BEGIN
    SELECT * INTO held FROM health.lease;

    IF held.holder = node AND held.until > now() + interval '10 s' THEN
        RETURN (SELECT n FROM health.edition);
    END IF;

    INSERT INTO health.lease AS l (holder, until)
    VALUES (node, now() + interval '15 s')
    ON CONFLICT ON CONSTRAINT lease_pkey DO UPDATE
       SET holder = node, until = excluded.until
     WHERE l.holder = node OR l.until < now();

    RETURN CASE WHEN FOUND THEN (SELECT n FROM health.edition) ELSE -1 END;
END $$;


-- Results

CREATE TABLE health.results (
    check_id    uuid NOT NULL,
    at          timestamptz NOT NULL,
    tenant_id   uuid NOT NULL,
    outcome     text NOT NULL,
    latency_ms  int NOT NULL,
    detail      text NOT NULL,

    CONSTRAINT results_pkey PRIMARY KEY (check_id, at)
) PARTITION BY RANGE (at);

CREATE TABLE health.results_rest PARTITION OF health.results DEFAULT;

CREATE TABLE health.results_hourly (
    check_id   uuid NOT NULL,
    at         timestamptz NOT NULL,
    tenant_id  uuid NOT NULL,
    passed     int NOT NULL,
    warned     int NOT NULL,
    failed     int NOT NULL,
    unknown    int NOT NULL,
    p50_ms     int NOT NULL,
    p95_ms     int NOT NULL,
    p99_ms     int NOT NULL,

    CONSTRAINT results_hourly_pkey PRIMARY KEY (check_id, at)
);

CREATE INDEX results_hourly_by_time ON health.results_hourly (at);

-- A batch, in the order in which it came.
CREATE FUNCTION health.record(checks uuid[], ats bigint[], outcomes text[],
    latencies bigint[], details text[], states text[], tracks bigint[])
RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    kept  int;
BEGIN
    INSERT INTO health.results (check_id, at, tenant_id, outcome, latency_ms,
                                detail)
    SELECT c.id, to_timestamp(r.at / 1000000.0), c.tenant_id, r.outcome,
           r.latency, r.detail
      FROM unnest(checks, ats, outcomes, latencies, details)
           AS r (id, at, outcome, latency, detail)
      JOIN health.checks AS c ON c.id = r.id
    ON CONFLICT ON CONSTRAINT results_pkey DO NOTHING;

    GET DIAGNOSTICS kept = ROW_COUNT;

    UPDATE health.checks AS c
       SET state = r.state, track = r.track, last_at = r.at,
           flapping = (r.track >> 6) & 1 = 1,
           state_since = CASE WHEN c.state = r.state THEN c.state_since
                         ELSE r.at END
      FROM (SELECT DISTINCT ON (u.id) u.id, u.state, u.track,
                   to_timestamp(u.at / 1000000.0) AS at
              FROM unnest(checks, ats, states, tracks)
                   AS u (id, at, state, track)
             ORDER BY u.id, u.at DESC) AS r
     WHERE c.id = r.id AND (c.last_at IS NULL OR c.last_at < r.at);

    RETURN kept;
END $$;

-- Once an hour and node: partitions ahead, the hours rolled up, the old gone.
CREATE FUNCTION health.keep() RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    day   date;
    part  text;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('health'), hashtext('keep')) THEN
        RETURN 0;
    END IF;

    FOR i IN 0 .. 3 LOOP
        day := (now() AT TIME ZONE 'UTC')::date + i;
        part := 'results_' || to_char(day, 'YYYYMMDD');
        CONTINUE WHEN to_regclass('health.' || part) IS NOT NULL
            OR EXISTS (SELECT FROM health.results_rest AS r
                        WHERE r.at >= day::timestamp AT TIME ZONE 'UTC'
                          AND r.at < (day + 1)::timestamp AT TIME ZONE 'UTC');
        EXECUTE format('CREATE TABLE health.%I PARTITION OF health.results'
            ' FOR VALUES FROM (%L) TO (%L)', part, day || ' 00:00+00',
            (day + 1) || ' 00:00+00');
    END LOOP;

    INSERT INTO health.results_hourly
    SELECT r.check_id, date_trunc('hour', r.at), r.tenant_id,
           count(*) FILTER (WHERE r.outcome = 'pass'),
           count(*) FILTER (WHERE r.outcome = 'warn'),
           count(*) FILTER (WHERE r.outcome = 'fail'),
           count(*) FILTER (WHERE r.outcome = 'unknown'),
           percentile_disc(0.5) WITHIN GROUP (ORDER BY r.latency_ms),
           percentile_disc(0.95) WITHIN GROUP (ORDER BY r.latency_ms),
           percentile_disc(0.99) WITHIN GROUP (ORDER BY r.latency_ms)
      FROM health.results AS r
     WHERE r.at >= date_trunc('hour', now()) - interval '3 hours'
     GROUP BY 1, 2, 3
    ON CONFLICT ON CONSTRAINT results_hourly_pkey DO UPDATE
       SET passed = excluded.passed, warned = excluded.warned,
           failed = excluded.failed, unknown = excluded.unknown,
           p50_ms = excluded.p50_ms, p95_ms = excluded.p95_ms,
           p99_ms = excluded.p99_ms;

    FOR part IN SELECT c.relname FROM pg_catalog.pg_class AS c
                  JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = c.oid
                 WHERE i.inhparent = 'health.results'::regclass
                   AND c.relname ~ '^results_\d{8}$'
                   AND to_date(right(c.relname, 8), 'YYYYMMDD')
                       < (now() AT TIME ZONE 'UTC')::date - 7
    LOOP
        EXECUTE format('DROP TABLE health.%I', part);
    END LOOP;

    DELETE FROM health.results_rest WHERE at < now() - interval '8 days';
    DELETE FROM health.results_hourly WHERE at < now() - interval '400 days';

    RETURN 1;
END $$;

SELECT health.keep();


-- As it is told.  What has not been heard of for three intervals is unknown.
CREATE FUNCTION health.state_now(c health.checks) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN c.enabled AND c.last_at > now() - 3
                * make_interval(secs => greatest(c.interval_s, 10))
           THEN c.state ELSE 'unknown' END
$$;

CREATE FUNCTION health.check_doc(c health.checks) RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT json_build_object('id', c.id, 'name', c.name,
        'component', c.component, 'kind', c.kind, 'target', c.target,
        'interval_s', c.interval_s, 'timeout_ms', c.timeout_ms,
        'rise', c.rise, 'fall', c.fall, 'criticality', c.criticality,
        'runbook_url', c.runbook_url, 'enabled', c.enabled,
        'state', health.state_now(c),
        'state_since', pando.rfc3339(c.state_since),
        'flapping', c.flapping, 'last_at', pando.rfc3339(c.last_at),
        'version', c.version, 'created_at', pando.rfc3339(c.created_at),
        'updated_at', pando.rfc3339(c.updated_at))
$$;

-- What the runner needs of a check; kinds and weights as it counts them.
CREATE VIEW health.to_run AS
SELECT id, tenant_id, name, component,
       array_position(ARRAY['postgres', 'disk', 'module'], kind) - 1 AS kind,
       array_position(ARRAY['required', 'important', 'optional'],
                      criticality) - 1 AS weight,
       interval_s, timeout_ms, rise, fall,
       coalesce(target ->> 'path', target ->> 'module', '') AS subject,
       coalesce((target ->> 'slow_ms')::int, 0) AS slow_ms,
       coalesce((target ->> 'warn_percent')::int, 80) AS warn_percent,
       coalesce((target ->> 'fail_percent')::int, 95) AS fail_percent,
       track, state_since AS since
  FROM health.checks
 WHERE enabled;
