-- Scheduler: the queues of jobs, as operators see them.
--
-- What must stay true: it costs a step for each kind that has jobs waiting and
-- what ended in the last minutes, however many there are.

CREATE FUNCTION scheduler.queues() RETURNS json
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE kinds AS (
        (SELECT kind FROM pando.jobs WHERE state = 'ready'
          ORDER BY kind LIMIT 1)
        UNION ALL
        SELECT n.kind FROM kinds AS k CROSS JOIN LATERAL (
            SELECT j.kind FROM pando.jobs AS j
             WHERE j.state = 'ready' AND j.kind > k.kind
             ORDER BY j.kind LIMIT 1) AS n
    ), waiting AS (
        SELECT w.queue, sum(w.ready) AS ready, min(w.oldest) AS oldest
          FROM (SELECT (SELECT j.queue FROM pando.jobs AS j
                         WHERE j.kind = k.kind AND j.state = 'ready'
                         LIMIT 1) AS queue,
                       (SELECT count(*) FROM (SELECT FROM pando.jobs AS j
                         WHERE j.kind = k.kind AND j.state = 'ready'
                         LIMIT 10000) AS r) AS ready,
                       (SELECT min(pando.lane_next(l.kind, l.tenant_id))
                          FROM (SELECT kind, tenant_id FROM pando.job_lanes
                                 WHERE kind = k.kind AND due LIMIT 100) AS l)
                       AS oldest
                  FROM kinds AS k) AS w
         GROUP BY w.queue
    ), running AS (
        SELECT j.queue, count(*) AS n FROM pando.jobs AS j
         WHERE j.state = 'running' GROUP BY j.queue
    ), ended AS (
        SELECT e.queue, count(*) FILTER (WHERE e.state = 'done') AS done,
               count(*) FILTER (WHERE e.state = 'dead') AS dead,
               percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM
                   e.ended_at - e.started_at) * 1000) AS p95_ms
          FROM (VALUES ('done'), ('dead')) AS s (state) CROSS JOIN LATERAL (
                SELECT j.queue, j.state, j.ended_at, j.started_at
                  FROM pando.jobs AS j
                 WHERE j.state = s.state
                   AND j.ended_at > clock_timestamp() - interval '5 min'
                 ORDER BY j.ended_at DESC LIMIT 10000) AS e
         GROUP BY e.queue
    )
    SELECT json_build_object('data', coalesce(json_agg(json_build_object(
           'queue', q.queue, 'paused', coalesce(s.paused, false),
           'max_running', s.max_running, 'weight', coalesce(s.weight, 1),
           'ready', coalesce(w.ready, 0),
           'oldest_due_ms', greatest(0, (extract(epoch FROM
               clock_timestamp() - w.oldest) * 1000)::bigint),
           'running', coalesce(r.n, 0), 'done', coalesce(e.done, 0),
           'dead', coalesce(e.dead, 0), 'p95_ms', e.p95_ms)
           ORDER BY q.queue), '[]'))
      FROM (SELECT queue FROM waiting UNION SELECT queue FROM running
             UNION SELECT queue FROM ended
             UNION SELECT queue FROM pando.job_queues) AS q
      LEFT JOIN waiting AS w USING (queue)
      LEFT JOIN running AS r USING (queue)
      LEFT JOIN ended AS e USING (queue)
      LEFT JOIN pando.job_queues AS s ON s.queue = q.queue
           AND s.tenant_id = '00000000-0000-0000-0000-000000000000'
$$;
