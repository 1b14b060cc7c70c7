-- The history: written by each node, read in windows, forgotten in batches.

-- name: take(node text, life bigint, at timestamptz, totals jsonb) -> int
-- lane: writes
SELECT metrics.take(:node, :life, :at, :totals);

-- name: windows(from_s bigint[], until_s bigint[], resolution bigint[],
--       slice bigint[], detail bigint[], services text[], methods text[],
--       routes text[])
--       -> rows metrics_window
-- row: item int, service text?, method text?, route text?, slice_s bigint?,
-- row: counts text
-- lane: slow
-- Each item is a window over the routes that it names ('' is all of them), in
-- one sum or in slices of so many seconds, for all routes together (detail 0),
-- by service (1) or by route (2).  Rows are of whole minutes at least.
SELECT i.item::int,
       CASE WHEN i.detail > 0 THEN r.service END AS of_service,
       CASE WHEN i.detail > 1 THEN r.method END AS of_method,
       CASE WHEN i.detail > 1 THEN r.route END AS of_route,
       CASE WHEN i.slice > 0
            THEN extract(epoch FROM m.at)::bigint / i.slice * i.slice
            END AS slice_s,
       ARRAY[metrics.total(m.counts[1]), metrics.total(m.counts[2]),
             metrics.total(m.counts[3]), metrics.total(m.counts[4]),
             metrics.total(m.counts[5]), metrics.total(m.counts[6]),
             metrics.total(m.counts[7]), metrics.total(m.counts[8]),
             metrics.total(m.counts[9]), metrics.total(m.counts[10]),
             metrics.total(m.counts[11]), metrics.total(m.counts[12]),
             metrics.total(m.counts[13]), metrics.total(m.counts[14]),
             metrics.total(m.counts[15]), metrics.total(m.counts[16]),
             metrics.total(m.counts[17])]::text
  FROM unnest(:from_s, :until_s, :resolution, :slice, :detail, :services,
              :methods, :routes) WITH ORDINALITY
       AS i(from_s, until_s, resolution, slice, detail, service, method, route,
            item)
  JOIN metrics.routes AS r ON (i.service = '' OR r.service = i.service)
   AND (i.method = '' OR r.method = i.method)
   AND (i.route = '' OR r.route = i.route)
 CROSS JOIN LATERAL (
       SELECT s.at, s.counts FROM metrics.minutes AS s
        WHERE i.resolution = 60 AND s.route_id = r.id
          AND s.at >= to_timestamp(i.from_s) AND s.at < to_timestamp(i.until_s)
       UNION ALL
       SELECT s.at, s.counts FROM metrics.hours AS s
        WHERE i.resolution = 3600 AND s.route_id = r.id
          AND s.at >= to_timestamp(i.from_s) AND s.at < to_timestamp(i.until_s)
       UNION ALL
       SELECT s.at, s.counts FROM metrics.days AS s
        WHERE i.resolution = 86400 AND s.route_id = r.id
          AND s.at >= to_timestamp(i.from_s)
          AND s.at < to_timestamp(i.until_s)) AS m
 GROUP BY i.item, of_service, of_method, of_route, slice_s
 ORDER BY i.item, of_service, of_method, of_route, slice_s
 LIMIT 60001;

-- name: purge_minutes(batch int) -> affected
DELETE FROM metrics.minutes
 WHERE ctid = ANY (ARRAY(
       SELECT old.id FROM metrics.routes AS r
        CROSS JOIN LATERAL (SELECT m.ctid AS id FROM metrics.minutes AS m
              WHERE m.route_id = r.id AND m.at < now() - interval '2 days'
              LIMIT :batch) AS old
        LIMIT :batch));

-- name: purge_hours(batch int) -> affected
DELETE FROM metrics.hours
 WHERE ctid = ANY (ARRAY(
       SELECT old.id FROM metrics.routes AS r
        CROSS JOIN LATERAL (SELECT m.ctid AS id FROM metrics.hours AS m
              WHERE m.route_id = r.id AND m.at < now() - interval '100 days'
              LIMIT :batch) AS old
        LIMIT :batch));

-- name: purge_days(batch int) -> affected
DELETE FROM metrics.days
 WHERE ctid = ANY (ARRAY(
       SELECT old.id FROM metrics.routes AS r
        CROSS JOIN LATERAL (SELECT m.ctid AS id FROM metrics.days AS m
              WHERE m.route_id = r.id AND m.at < now() - interval '400 days'
              LIMIT :batch) AS old
        LIMIT :batch));

-- name: purge_lives(batch int) -> affected
-- A node that was away for longer than this counts as a new one.
DELETE FROM metrics.lives
 WHERE ctid = ANY (ARRAY(
       SELECT l.ctid FROM metrics.lives AS l
        WHERE l.seen_at < now() - interval '30 days'
        ORDER BY l.seen_at LIMIT :batch));
