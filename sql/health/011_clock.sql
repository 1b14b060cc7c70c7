-- Health: results after a clock was set back.
--
-- What must stay true: an older result never undoes what a younger one said;
-- but one that is of the future was written by a clock that was wrong.

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
         WHERE c.id = r.id
           AND (c.last_at IS NULL OR c.last_at < r.at
                OR c.last_at > now() + interval '1 minute')
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
