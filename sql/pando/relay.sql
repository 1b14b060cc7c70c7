-- The relay: how far its readers have come, what they read on, and what their
-- consumers make of it.

-- name: start_reader(name text, anew bool) -> row pando_sql_reader
-- row: xid xid8, seq bigint
-- A new reader begins with the events that are there, or with those to come.
WITH added AS (
    INSERT INTO pando.readers (name, xid, seq)
    SELECT :name, CASE WHEN :anew THEN
               (pg_snapshot_xmin(pg_current_snapshot())::text::bigint
                - 1)::text::xid8 ELSE '0' END,
           CASE WHEN :anew THEN 9223372036854775807 ELSE 0 END
     WHERE NOT EXISTS (SELECT FROM pando.readers WHERE name = :name)
    ON CONFLICT DO NOTHING
    RETURNING xid, seq
)
SELECT xid, seq FROM added
UNION ALL
SELECT xid, seq FROM pando.readers WHERE name = :name;

-- name: read_on(xid xid8, seq bigint, taken bigint[], ahead bool, batch int,
--       match text) -> rows pando_sql_told_row
-- lane: writes
-- across tenants: a reader follows the whole stream
-- row: looked int, horizon xid8, newest bigint?, xid xid8?, seq bigint?,
-- row: heard bool?, id uuid?, tenant_id uuid?, type text?, schema int?,
-- row: subject uuid?, data text?, actor uuid?, trace text?, at timestamptz?
-- What is there to be seen behind a place, but for what was taken: of it those
-- that match, those beyond the horizon (before which no transaction runs), and
-- the last; a row without an event where there is none.  In the order in which
-- they were told.
WITH looked AS MATERIALIZED (
    SELECT * FROM pando.outbox
     WHERE (xid, seq) > (:xid, :seq) AND seq <> ALL (:taken)
       AND (:ahead OR xid < pg_snapshot_xmin(pg_current_snapshot()))
     ORDER BY xid, seq LIMIT :batch
), known AS (
    SELECT l.*, l.type ~ :match AS heard,
           row_number() OVER (ORDER BY l.xid, l.seq)
           = count(*) OVER () AS last
      FROM looked AS l
)
SELECT (SELECT count(*) FROM looked) AS looked,
       pg_snapshot_xmin(pg_current_snapshot()) AS horizon,
       (SELECT seq FROM pando.outbox
         WHERE (xid, seq) > (:xid, :seq)
         ORDER BY xid DESC, seq DESC LIMIT 1) AS newest,
       k.xid, k.seq, k.heard, k.id, k.tenant_id, k.type, k.schema, k.subject,
       CASE WHEN k.heard THEN k.data::text END, k.actor, k.trace, k.at
  FROM (VALUES (1)) AS one (n)
  LEFT JOIN known AS k ON k.heard OR k.last
       OR k.xid >= pg_snapshot_xmin(pg_current_snapshot())
 ORDER BY k.seq;

-- name: move_on(name text, xid xid8, seq bigint) -> affected
-- Never back; a move to where it is says that the reader is alive.
UPDATE pando.readers SET xid = :xid, seq = :seq, moved_at = now()
 WHERE name = :name AND (xid, seq) <= (:xid, :seq);

-- name: claim_event(consumer text, xid xid8, seq bigint, subject uuid?) -> none
-- lane: writes
SELECT pando.claim_event(:consumer, :xid, :seq, :subject);

-- name: claim_parked(id uuid) -> none
-- lane: writes
SELECT pando.claim_parked(:id);

-- name: next_parked(consumer text, subject uuid?) -> bool
-- lane: writes
SELECT pando.next_parked(:consumer, :subject);

-- name: put_aside(consumer text, xid xid8, seq bigint, event uuid,
--       tenant_id uuid?, type text, schema int, subject uuid?, data jsonb,
--       actor uuid?, trace text?, at timestamptz, attempts int, error text?,
--       again_ms bigint?) -> bool
-- lane: writes
SELECT pando.put_aside(:consumer, :xid, :seq, :event, :tenant_id, :type,
    :schema, :subject, :data, :actor, :trace, :at, :attempts, :error,
    :again_ms);

-- name: put_back(id uuid, consumer text, subject uuid?, attempts int,
--       error text?, again_ms bigint?) -> bool
-- lane: writes
SELECT pando.put_back(:id, :consumer, :subject, :attempts, :error, :again_ms);

-- name: subjects_aside(consumer text) -> rows pando_sql_aside
-- lane: writes
-- across tenants: a consumer hears all of them
-- row: subject uuid
SELECT DISTINCT subject FROM pando.parked
 WHERE consumer = :consumer AND subject IS NOT NULL AND parked_at IS NULL;

-- name: due_again(consumer text, batch int) -> rows pando_sql_due_row
-- lane: writes
-- across tenants: a consumer hears all of them
-- row: parked uuid, attempts int, xid xid8, seq bigint, id uuid,
-- row: tenant_id uuid?, type text, schema int, subject uuid?, data text,
-- row: actor uuid?, trace text?, at timestamptz
SELECT id, attempts, xid, seq, event, tenant_id, type, schema, subject,
       data::text, actor, trace, at
  FROM pando.parked WHERE consumer = :consumer AND due_at <= now()
 ORDER BY due_at LIMIT :batch;

-- name: sum_aside(consumer text) -> row pando_sql_aside_sum
-- lane: writes
-- across tenants: a consumer hears all of them
-- row: parked bigint, waiting bigint, wait_ms bigint?
-- How many are parked and how many wait, and how long until one is due.
SELECT count(*) FILTER (WHERE parked_at IS NOT NULL) AS parked,
       count(*) FILTER (WHERE parked_at IS NULL) AS waiting,
       (extract(epoch FROM min(due_at) - now()) * 1000)::bigint AS wait_ms
  FROM pando.parked WHERE consumer = :consumer;

-- name: forget_heard(consumer text, xid xid8, seq bigint) -> affected
DELETE FROM pando.inbox
 WHERE consumer = :consumer AND (xid, seq) <= (:xid, :seq);

-- name: purge_readers(days int) -> affected
-- across tenants: events of all tenants age alike
-- Those that hold back events for longer than these are kept.
DELETE FROM pando.readers AS r
 WHERE r.moved_at < now() - make_interval(days => :days)
   AND EXISTS (SELECT FROM pando.outbox AS o
                WHERE (o.xid, o.seq) > (r.xid, r.seq)
                  AND o.at < now() - make_interval(days => :days));

-- name: list_readers() -> page
-- lane: writes
-- sort: name = name text
SELECT json_build_object('name', r.name, 'xid', r.xid::text, 'seq', r.seq,
       'moved_at', pando.rfc3339(r.moved_at)) :keys
  FROM pando.readers AS r
 WHERE :after ORDER BY :order LIMIT :limit;

-- name: list_parked(consumer text?) -> page
-- lane: writes
-- across tenants: an operator looks after all of them
-- sort: parked_at = parked_at timestamptz, id uuid
-- sort: -parked_at = parked_at timestamptz desc, id uuid desc
SELECT pando.parked_doc(p) :keys
  FROM pando.parked AS p
 WHERE p.parked_at IS NOT NULL
   AND (:consumer::text IS NULL OR p.consumer = :consumer) AND :after
 ORDER BY :order LIMIT :limit;

-- name: get_parked(id uuid) -> json?
-- lane: writes
-- across tenants: an operator looks after all of them
SELECT pando.parked_doc(p) FROM pando.parked AS p
 WHERE p.id = :id AND p.parked_at IS NOT NULL;

-- name: replay_parked(id uuid) -> bool?
-- lane: writes
-- across tenants: an operator looks after all of them
SELECT pando.replay(p) FROM pando.parked AS p
 WHERE p.id = :id AND p.parked_at IS NOT NULL;

-- name: drop_parked(id uuid) -> affected
-- across tenants: an operator looks after all of them
DELETE FROM pando.parked WHERE id = :id AND parked_at IS NOT NULL;
