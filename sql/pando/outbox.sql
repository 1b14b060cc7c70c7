-- Events: written, followed by readers, and deleted behind them.

-- name: emit(tenant_id uuid?, type text, schema int, subject uuid?,
--       data jsonb, actor uuid?, trace text?) -> none
SELECT pando.emit(:tenant_id, :type, :schema, :subject, :data, :actor, :trace);

-- name: add_reader(name text) -> none
-- A new reader begins with the events that are there.
INSERT INTO pando.readers (name) VALUES (:name) ON CONFLICT DO NOTHING;

-- name: lock_reader(name text) -> row? pando_reader
-- row: xid xid8, seq bigint
-- No row: another node is reading for it, or it was never added.
SELECT xid, seq FROM pando.readers WHERE name = :name FOR UPDATE SKIP LOCKED;

-- name: move_reader(name text, xid xid8, seq bigint) -> none
UPDATE pando.readers SET xid = :xid, seq = :seq, moved_at = now()
 WHERE name = :name;

-- name: events_after(xid xid8, seq bigint, batch int) -> rows pando_event_row
-- row: xid xid8, seq bigint, id uuid, tenant_id uuid?, type text, schema int,
-- row: subject uuid?, data jsonb, actor uuid?, trace text?, at timestamptz
-- across tenants: a reader follows the whole stream
SELECT xid, seq, id, tenant_id, type, schema, subject, data, actor, trace, at
  FROM pando.outbox
 WHERE (xid, seq) > (:xid, :seq)
   AND xid < pg_snapshot_xmin(pg_current_snapshot())
 ORDER BY xid, seq LIMIT :batch;

-- name: purge_events(days int, batch int) -> affected
-- Looks at no more than the oldest batch.
-- across tenants: events of all tenants age alike
DELETE FROM pando.outbox
 WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM (SELECT ctid, xid, seq, at FROM pando.outbox
                          ORDER BY xid, seq LIMIT :batch) AS oldest
        WHERE at < now() - make_interval(days => :days)
          AND NOT EXISTS (SELECT FROM pando.readers AS r
                           WHERE (r.xid, r.seq) < (oldest.xid, oldest.seq))));
