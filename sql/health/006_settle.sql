-- Health: what follows from what.
--
-- What must stay true: a component's state follows from its checks, its
-- heartbeats, what is reported of it, open incidents and what it depends on,
-- and is settled in the transaction that changed one of these.  An event is
-- for root causes alone, and for none while a maintenance goes on; what comes
-- back with its dependency, if a little later, is not told of either.

-- What other modules say of a component, and until when it holds.
CREATE TABLE health.reports (
    tenant_id  uuid NOT NULL,
    component  text NOT NULL,
    source     text NOT NULL,
    outcome    text NOT NULL,
    detail     text NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    until      timestamptz NOT NULL,

    CONSTRAINT reports_pkey PRIMARY KEY (tenant_id, component, source),
    CONSTRAINT reports_outcome_check CHECK (outcome IN ('pass', 'warn', 'fail'))
);

CREATE INDEX reports_by_end ON health.reports (until);

CREATE FUNCTION health.weigh(state text, criticality text) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN state = 'pass' THEN 1
                WHEN state = 'warn' THEN 2
                WHEN state = 'fail' THEN CASE criticality
                     WHEN 'required' THEN 4 WHEN 'important' THEN 3 ELSE 2 END
                ELSE 0 END
$$;

-- All that is known at first hand.
CREATE FUNCTION health.found(tenant uuid)
RETURNS TABLE (component text, rank int, flapping boolean)
LANGUAGE sql STABLE AS $$
    SELECT c.component, health.weigh(c.state, c.criticality), c.flapping
      FROM health.checks AS c
     WHERE c.tenant_id = tenant AND c.enabled
     UNION ALL
    SELECT b.component, health.weigh(CASE b.state WHEN 'up' THEN 'pass'
                                     WHEN 'new' THEN 'unknown' ELSE 'fail' END,
                                     b.criticality), false
      FROM health.heartbeats AS b
     WHERE b.tenant_id = tenant
     UNION ALL
    SELECT r.component, health.weigh(r.outcome, 'important'), false
      FROM health.reports AS r
     WHERE r.tenant_id = tenant
$$;

-- All components of a tenant.  A hard dependency in major outage is one of
-- whoever depends on it, a soft one degrades; roots are the outages that
-- nothing else explains.  What nothing is known of is unknown, unless something
-- is of what it depends on.
CREATE FUNCTION health.follows(tenant uuid)
RETURNS TABLE (component text, rank int, cause text, roots text[],
               flapping boolean)
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE by_check AS (
        SELECT f.component, bool_or(f.flapping) AS flapping,
               CASE WHEN max(f.rank) = 1 THEN min(f.rank) ELSE max(f.rank) END
               AS rank
          FROM health.found(tenant) AS f
         GROUP BY f.component
    ), by_incident AS (
        SELECT u AS component,
               max(array_position(ARRAY['none', 'minor', 'major', 'critical'],
                                  i.impact)) AS rank
          FROM health.incidents AS i, unnest(i.components) AS u
         WHERE i.tenant_id = tenant AND i.resolved_at IS NULL AND NOT i.auto
         GROUP BY u
    ), edges AS (
        SELECT e.from_component, e.to_component, e.strength
          FROM health.edges AS e WHERE e.tenant_id = tenant
    ), names AS (
        SELECT k.component FROM by_check AS k
         UNION SELECT i.component FROM by_incident AS i
         UNION SELECT e.from_component FROM edges AS e
         UNION SELECT e.to_component FROM edges AS e
         UNION SELECT c.component FROM health.checks AS c
                WHERE c.tenant_id = tenant
    ), heard AS (
        SELECT k.component FROM by_check AS k WHERE k.rank > 0
         UNION
        SELECT e.from_component
          FROM heard AS h JOIN edges AS e ON e.to_component = h.component
    ), own AS (
        SELECT n.component, coalesce(k.flapping, false) AS flapping,
               greatest(coalesce(k.rank,
                   (n.component IN (SELECT h.component FROM heard AS h))::int),
                   i.rank) AS rank,
               CASE WHEN i.rank > coalesce(k.rank, 0) THEN 'incident'
                    WHEN k.rank > 1 THEN 'check' END AS cause
          FROM names AS n
          LEFT JOIN by_check AS k ON k.component = n.component
          LEFT JOIN by_incident AS i
            ON i.component = n.component AND i.rank > 1
    ), down AS (
        SELECT o.component, o.component AS root FROM own AS o WHERE o.rank = 4
         UNION
        SELECT e.from_component, d.root
          FROM down AS d
          JOIN edges AS e ON e.to_component = d.component
           AND e.strength = 'hard'
    ), explained AS (
        SELECT DISTINCT e.from_component AS component
          FROM edges AS e JOIN down AS d ON d.component = e.to_component
         WHERE e.strength = 'hard'
    ), roots AS (
        SELECT d.component, array_agg(DISTINCT d.root ORDER BY d.root)
               FILTER (WHERE d.root NOT IN (SELECT x.component
                                              FROM explained AS x)) AS roots
          FROM down AS d
         GROUP BY d.component
    ), soft AS (
        SELECT e.from_component AS component,
               array_agg(DISTINCT u ORDER BY u) AS roots
          FROM edges AS e JOIN roots AS r ON r.component = e.to_component,
               unnest(r.roots) AS u
         WHERE e.strength = 'soft'
         GROUP BY e.from_component
    )
    SELECT o.component,
           CASE WHEN r.component IS NOT NULL THEN 4
                WHEN s.component IS NOT NULL THEN greatest(o.rank, 2)
                ELSE o.rank END,
           CASE WHEN x.component IS NOT NULL THEN 'dependency'
                WHEN o.rank > 1 THEN o.cause
                WHEN s.component IS NOT NULL THEN 'dependency' END,
           CASE WHEN x.component IS NOT NULL THEN r.roots
                WHEN o.rank <= 1 THEN coalesce(s.roots, '{}')
                ELSE '{}' END,
           o.flapping
      FROM own AS o
      LEFT JOIN roots AS r ON r.component = o.component
      LEFT JOIN explained AS x ON x.component = o.component
      LEFT JOIN soft AS s ON s.component = o.component
$$;

-- What differs from what is written, with what would be told of it.
CREATE FUNCTION health.news(tenant uuid)
RETURNS TABLE (component text, status text, cause text, roots text[],
               flapping boolean, quiet timestamptz, was text, was_cause text,
               told text, news text, explains jsonb)
LANGUAGE sql STABLE AS $$
    WITH x AS MATERIALIZED (
        SELECT f.component, f.cause, f.roots, f.flapping,
               (ARRAY['unknown', 'operational', 'degraded', 'partial_outage',
                      'major_outage'])[f.rank + 1] AS status
          FROM health.follows(tenant) AS f
    ), q AS (
        SELECT x.component, x.status, x.cause, x.roots, x.flapping,
               k.status AS was, k.cause AS was_cause, k.roots AS was_roots,
               k.flapping AS flapped, k.quiet_until AS was_quiet,
               coalesce(k.told, '') AS told,
               CASE WHEN x.cause <> 'check' OR x.cause IS NULL THEN NULL
                    WHEN k.cause = 'dependency'
                    THEN now() + interval '2 minutes'
                    WHEN k.quiet_until > now() THEN k.quiet_until END AS quiet
          FROM x
          LEFT JOIN health.components AS k
            ON k.tenant_id = tenant AND k.component = x.component
    ), n AS (
        SELECT q.*,
               CASE WHEN q.cause IS NOT DISTINCT FROM 'dependency'
                      OR q.quiet IS NOT NULL
                      OR health.in_maintenance(tenant, q.component)
                      OR q.told = '' AND q.status = 'unknown'
                    THEN q.told
                    ELSE q.status || CASE WHEN q.flapping THEN ' flapping'
                                     ELSE '' END END AS news
          FROM q
    )
    SELECT n.component, n.status, n.cause, n.roots, n.flapping, n.quiet,
           n.was, n.was_cause, n.told, n.news,
           (SELECT coalesce(jsonb_agg(x.component ORDER BY x.component), '[]')
              FROM x WHERE n.component = ANY (x.roots))
      FROM n
     WHERE (n.status, n.cause, n.roots, n.flapping, n.quiet, n.news)
           IS DISTINCT FROM (n.was, n.was_cause, n.was_roots, n.flapped,
                             n.was_quiet, n.told)
     ORDER BY n.component
$$;

CREATE FUNCTION health.settle(tenant uuid) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    n  record;
BEGIN
    PERFORM health.hold(tenant);

    FOR n IN SELECT * FROM health.news(tenant) LOOP

        IF (n.was, n.was_cause) IS DISTINCT FROM (n.status, n.cause) THEN
            INSERT INTO health.component_changes AS c
                   (tenant_id, component, at, status, cause, roots)
            VALUES (tenant, n.component, now(), n.status, n.cause, n.roots)
            ON CONFLICT ON CONSTRAINT component_changes_pkey DO UPDATE
               SET status = n.status, cause = n.cause, roots = n.roots;
        END IF;

        INSERT INTO health.components AS c
               (tenant_id, component, status, cause, roots, flapping, told,
                quiet_until)
        VALUES (tenant, n.component, n.status, n.cause, n.roots, n.flapping,
                n.news, n.quiet)
        ON CONFLICT ON CONSTRAINT components_pkey DO UPDATE
           SET status = n.status, cause = n.cause, roots = n.roots,
               flapping = n.flapping, told = n.news, quiet_until = n.quiet,
               since = CASE WHEN c.status = n.status THEN c.since
                       ELSE now() END;

        CONTINUE WHEN n.news = n.told
            OR n.told = '' AND n.news = 'operational';

        PERFORM pando.emit(tenant, 'component.status_changed', 1, NULL,
            jsonb_build_object('component', n.component, 'status', n.status,
                'before', coalesce(n.was, 'unknown'), 'cause', n.cause,
                'flapping', n.flapping, 'explains', n.explains));
    END LOOP;

    DELETE FROM health.components AS k
     WHERE k.tenant_id = tenant
       AND k.component NOT IN (SELECT f.component
                                 FROM health.follows(tenant) AS f);
END $$;

CREATE FUNCTION health.settle_row() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM health.settle(coalesce(NEW.tenant_id, OLD.tenant_id));
    RETURN NULL;
END $$;

CREATE TRIGGER checks_settle
AFTER INSERT OR DELETE OR UPDATE OF component, criticality, enabled
    ON health.checks
FOR EACH ROW EXECUTE FUNCTION health.settle_row();

CREATE TRIGGER heartbeats_settle
AFTER INSERT OR DELETE OR UPDATE OF component, criticality
    ON health.heartbeats
FOR EACH ROW EXECUTE FUNCTION health.settle_row();

CREATE TRIGGER edges_settle AFTER INSERT OR DELETE OR UPDATE ON health.edges
FOR EACH ROW EXECUTE FUNCTION health.settle_row();

CREATE TRIGGER incidents_settle
AFTER INSERT OR UPDATE OF impact, components, resolved_at ON health.incidents
FOR EACH ROW EXECUTE FUNCTION health.settle_row();

-- What a module says counts from the moment that it changes its mind.
CREATE FUNCTION health.report(tenant uuid, name text, module text,
    says text, words text, seconds int)
RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    was  text;
BEGIN
    SELECT r.outcome INTO was FROM health.reports AS r
     WHERE r.tenant_id = tenant AND r.component = name AND r.source = module
       FOR UPDATE;

    INSERT INTO health.reports (tenant_id, component, source, outcome, detail,
                                until)
    VALUES (tenant, name, module, says, words,
            now() + make_interval(secs => seconds))
    ON CONFLICT ON CONSTRAINT reports_pkey DO UPDATE
       SET outcome = says, detail = words, at = now(),
           until = excluded.until;

    IF was IS DISTINCT FROM says THEN
        PERFORM health.settle(tenant);
    END IF;

    RETURN 1;
END $$;

-- A batch of results as before, and then what follows from it.
CREATE OR REPLACE FUNCTION health.record(checks uuid[], ats bigint[],
    outcomes text[], latencies bigint[], details text[], states text[],
    tracks bigint[])
RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    kept     int;
    changed  uuid[];
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

    WITH r AS (
        SELECT DISTINCT ON (u.id) u.id, u.state, u.track,
               to_timestamp(u.at / 1000000.0) AS at
          FROM unnest(checks, ats, states, tracks) AS u (id, at, state, track)
         ORDER BY u.id, u.at DESC
    ), was AS (
        SELECT c.id, c.state, c.flapping
          FROM health.checks AS c JOIN r ON r.id = c.id
         ORDER BY c.id FOR UPDATE OF c
    ), done AS (
        UPDATE health.checks AS c
           SET state = r.state, track = r.track, last_at = r.at,
               flapping = (r.track >> 6) & 1 = 1,
               state_since = CASE WHEN c.state = r.state THEN c.state_since
                             ELSE r.at END
          FROM r JOIN was ON was.id = r.id
         WHERE c.id = r.id AND (c.last_at IS NULL OR c.last_at < r.at)
        RETURNING c.tenant_id, was.state <> c.state
                  OR was.flapping <> c.flapping AS changed
    )
    SELECT array_agg(DISTINCT d.tenant_id ORDER BY d.tenant_id) INTO changed
      FROM done AS d WHERE d.changed;

    FOR i IN 1 .. coalesce(array_length(changed, 1), 0) LOOP
        PERFORM health.settle(changed[i]);
    END LOOP;

    RETURN kept;
END $$;

-- A component as it is shown: a maintenance goes before what was found.
CREATE FUNCTION health.component_doc(k health.components) RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT json_build_object('component', k.component,
        'status', CASE WHEN health.in_maintenance(k.tenant_id, k.component)
                  THEN 'maintenance' ELSE k.status END,
        'recorded', k.status, 'cause', k.cause, 'root_causes', k.roots,
        'flapping', k.flapping, 'since', pando.rfc3339(k.since))
$$;
