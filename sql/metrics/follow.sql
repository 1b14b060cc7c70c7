-- The events of other domains.

-- name: follow(batch int, operator uuid?) -> int
-- lane: writes
SELECT metrics.follow(:batch, :operator);
