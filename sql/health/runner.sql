-- What the runner asks and tells.

-- name: ping() -> int
SELECT 1;

-- name: watch(node uuid) -> bigint
-- lane: writes
SELECT health.watch(:node);

-- name: runnable(after_id uuid, batch int) -> rows health_check_row
-- across tenants: one runner serves all
SELECT * FROM health.to_run WHERE id > :after_id ORDER BY id LIMIT :batch;

-- name: record(checks uuid[], ats bigint[], outcomes text[],
--       latencies bigint[], details text[], states text[], tracks bigint[])
--       -> int
-- lane: writes
SELECT health.record(:checks, :ats, :outcomes, :latencies, :details, :states,
                     :tracks);

-- name: keep() -> int
-- lane: slow
SELECT health.keep() + health.forget();

-- name: sweep(open_after int, resolve_after int) -> int
-- lane: writes
SELECT health.sweep(:open_after, :resolve_after);
