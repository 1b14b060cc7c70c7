-- What the runner asks and tells.

-- name: ping() -> int
SELECT 1;

-- name: server() -> row
-- row: connections bigint, age_s bigint, lag_s bigint, xids bigint
-- lane: writes
SELECT s.connections, s.age_s, s.lag_s, s.xids FROM health.server() AS s;

-- name: oldest_job(kind text) -> bigint
-- lane: writes
SELECT health.oldest_job(:kind);

-- name: retry_dead(kind text) -> int
-- lane: writes
SELECT health.retry_dead(:kind);

-- name: attend(node uuid, name text, ready bool, drains bool) -> row
-- row: edition bigint, nodes text, young bool, wanted bool?
-- lane: writes
SELECT a.edition, a.nodes, a.young, a.wanted
  FROM health.attend(:node, :name, :ready, :drains) AS a;

-- name: want(name text, drains bool) -> bool
-- lane: writes
SELECT health.want(:name, :drains);

-- name: node_drained(operators uuid?, node uuid, name text) -> none
SELECT pando.emit(:operators, 'node.drained', 1, :node,
                  jsonb_build_object('id', :node::uuid, 'name', :name::text));

-- name: runnable(node uuid, after_id uuid, batch int) -> rows health_check_row
-- across tenants: one runner serves all
SELECT t.id, t.tenant_id, t.name, t.component, t.kind, t.weight,
       t.interval_s, t.timeout_ms, t.rise, t.fall, t.subject, t.slow_ms,
       t.warn_percent, t.fail_percent, t.target, t.places,
       coalesce(v.track, CASE t.places WHEN 1 THEN t.track ELSE 0 END),
       t.since
  FROM health.to_run AS t
  LEFT JOIN health.views AS v ON v.check_id = t.id AND v.node = :node
 WHERE t.id > :after_id ORDER BY t.id LIMIT :batch;

-- name: elsewhere(operators uuid) -> rows
-- row: id uuid, state int, at timestamptz?, latency_ms int
-- What other nodes found, for who asks this one how all is.
-- across tenants: those of the operators, who have no token here
SELECT c.id, array_position(ARRAY['unknown', 'pass', 'warn', 'fail'],
                            health.state_now(c)) - 1, c.last_at,
       coalesce((SELECT r.latency_ms FROM health.results AS r
                  WHERE r.check_id = c.id AND r.at = c.last_at LIMIT 1), 0)
  FROM health.checks AS c
 WHERE c.tenant_id = :operators AND c.enabled
   AND NOT health.everywhere(c.kind)
 ORDER BY c.id LIMIT 128;

-- name: record(node uuid, checks uuid[], ats bigint[], outcomes text[],
--       latencies bigint[], details text[], states text[], tracks bigint[])
--       -> int
-- lane: writes
SELECT health.record(:node, :checks, :ats, :outcomes, :latencies, :details,
                     :states, :tracks);

-- name: keep() -> int
-- lane: slow
SELECT health.keep() + health.forget() + health.forget_nodes()
       + health.forget_subscriptions();

-- name: sweep(open_after int, resolve_after int) -> int
-- lane: writes
SELECT health.sweep(:open_after, :resolve_after);
