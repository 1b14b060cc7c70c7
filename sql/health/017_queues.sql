-- Health: the oldest job, wherever it waits.
--
-- What must stay true: it costs a step for each kind and tenant that has jobs
-- waiting, however many they are, and no more than a thousand.

CREATE OR REPLACE FUNCTION health.oldest_job(of_kind text) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    first  timestamptz;
BEGIN
    IF of_kind = '' THEN
        WITH RECURSIVE lanes AS (
            (SELECT j.kind, j.tenant_id, 1 AS n FROM pando.jobs AS j
              WHERE j.state = 'ready' ORDER BY j.kind, j.tenant_id LIMIT 1)
             UNION ALL
            SELECT x.kind, x.tenant_id, l.n + 1
              FROM lanes AS l CROSS JOIN LATERAL (
                   SELECT j.kind, j.tenant_id FROM pando.jobs AS j
                    WHERE j.state = 'ready'
                      AND (j.kind, j.tenant_id) > (l.kind, l.tenant_id)
                    ORDER BY j.kind, j.tenant_id LIMIT 1) AS x
             WHERE l.n < 1000
        )
        SELECT min(pando.lane_next(l.kind, l.tenant_id)) INTO first
          FROM lanes AS l;
    ELSE
        WITH RECURSIVE lanes AS (
            (SELECT j.tenant_id, 1 AS n FROM pando.jobs AS j
              WHERE j.state = 'ready' AND j.kind = of_kind
              ORDER BY j.tenant_id LIMIT 1)
             UNION ALL
            SELECT x.tenant_id, l.n + 1
              FROM lanes AS l CROSS JOIN LATERAL (
                   SELECT j.tenant_id FROM pando.jobs AS j
                    WHERE j.state = 'ready' AND j.kind = of_kind
                      AND j.tenant_id > l.tenant_id
                    ORDER BY j.tenant_id LIMIT 1) AS x
             WHERE l.n < 1000
        )
        SELECT min(pando.lane_next(of_kind, l.tenant_id)) INTO first
          FROM lanes AS l;
    END IF;

    RETURN greatest(0, coalesce(extract(epoch FROM clock_timestamp() - first),
                                0))::bigint;
END $$;
