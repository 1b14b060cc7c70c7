-- Documents.

-- name: docs(ref text?) -> page
-- sort: id = id uuid
SELECT realtime.doc_doc(d) :keys
  FROM realtime.docs AS d
 WHERE d.tenant_id = :tenant AND (:ref::text IS NULL OR d.ref = :ref)
   AND :after
 ORDER BY :order LIMIT :limit;

-- name: doc(id uuid, since bigint, bytes bigint) -> json?
SELECT realtime.doc_since(d, :since, :bytes), d.version
  FROM realtime.docs AS d
 WHERE d.tenant_id = :tenant AND d.id = :id;

-- name: doc_is(id uuid) -> bool
SELECT EXISTS (SELECT FROM realtime.docs AS d
                WHERE d.tenant_id = :tenant AND d.id = :id);

-- name: doc_add(ref text, format text) -> json
INSERT INTO realtime.docs AS d (tenant_id, ref, format)
VALUES (:tenant, :ref, :format)
RETURNING realtime.doc_doc(d), d.version;

-- name: doc_append(id uuid, client text, clock bigint, content bytea,
--       part text?, fence bigint?) -> row realtime_appended
-- lane: writes
-- row: seq bigint, repeated bool, refusal text?
SELECT a.seq, a.repeated, a.refusal
  FROM realtime.doc_append(:tenant, :id, :user, :client, :clock, :content,
                           :part, :fence) AS a;

-- name: doc_snapshot(id uuid, seq bigint, content bytea, if_version bigint?)
--       -> bool
-- lane: writes
SELECT realtime.doc_snapshot(:tenant, :id, :seq, :content, :if_version);

-- name: doc_version(id uuid) -> row? realtime_doc_version
-- row: version bigint
SELECT d.version FROM realtime.docs AS d
 WHERE d.tenant_id = :tenant AND d.id = :id;

-- name: doc_view(id uuid) -> json?
SELECT realtime.doc_doc(d), d.version
  FROM realtime.docs AS d
 WHERE d.tenant_id = :tenant AND d.id = :id;

-- name: doc_versions(id uuid) -> page
-- sort: -id = id uuid desc
SELECT json_build_object('id', v.id, 'name', v.name, 'seq', v.seq,
       'size', length(v.snapshot), 'user_id', v.user_id,
       'created_at', pando.rfc3339(v.created_at)) :keys
  FROM realtime.doc_versions AS v
 WHERE v.tenant_id = :tenant AND v.doc_id = :id AND :after
 ORDER BY :order LIMIT :limit;

-- name: doc_version_add(id uuid, named text) -> json?
INSERT INTO realtime.doc_versions AS v (tenant_id, doc_id, name, seq,
       snapshot, user_id)
SELECT :tenant, d.id, :named, d.snapshot_seq, d.snapshot, :user
  FROM realtime.docs AS d
 WHERE d.tenant_id = :tenant AND d.id = :id AND d.snapshot IS NOT NULL
RETURNING json_build_object('id', v.id, 'name', v.name, 'seq', v.seq,
          'size', length(v.snapshot), 'user_id', v.user_id,
          'created_at', pando.rfc3339(v.created_at)), 1::bigint AS version;

-- name: doc_restore(id uuid, version_id uuid) -> row realtime_restored
-- lane: writes
-- row: seq bigint?
SELECT realtime.doc_restore(:tenant, :id, :version_id) AS seq;

-- name: doc_lock(id uuid, part text, seconds int, fence bigint?,
--       if_fence bigint?) -> json?
-- lane: writes
SELECT realtime.doc_lock(:tenant, :id, :part, :user, :seconds, :fence,
                         :if_fence), 0::bigint AS version;

-- name: doc_fence(id uuid, part text) -> row? realtime_fence
-- row: fence bigint, over bool
SELECT l.fence, l.until <= clock_timestamp() AS over
  FROM realtime.doc_locks AS l
 WHERE l.tenant_id = :tenant AND l.doc_id = :id AND l.section = :part;

-- name: doc_unlock(id uuid, part text, if_fence bigint?) -> affected
UPDATE realtime.doc_locks AS l SET until = clock_timestamp()
 WHERE l.tenant_id = :tenant AND l.doc_id = :id AND l.section = :part
   AND l.holder = :user AND l.until > clock_timestamp()
   AND (:if_fence::bigint IS NULL OR l.fence = :if_fence);

-- name: doc_locked(id uuid) -> row? realtime_doc
-- row: ref text, last_seq bigint, told_seq bigint, first_seq bigint,
-- row: snapshot_seq bigint
SELECT d.ref, d.last_seq, d.told_seq, d.first_seq, d.snapshot_seq
  FROM realtime.docs AS d
 WHERE d.tenant_id = :tenant AND d.id = :id FOR UPDATE;

-- name: doc_tail(id uuid, since bigint, bytes bigint) -> rows realtime_tail
-- row: seq bigint, doc text
SELECT t.seq, realtime.update_doc(t)::text AS doc
  FROM (SELECT u.*, sum(length(u.data)) OVER (ORDER BY u.seq) AS size,
               row_number() OVER (ORDER BY u.seq) AS n
          FROM (SELECT * FROM realtime.doc_updates AS o
                 WHERE o.tenant_id = :tenant AND o.doc_id = :id
                   AND o.seq > :since
                 ORDER BY o.seq LIMIT 200) AS u) AS s,
       realtime.doc_updates AS t
 WHERE t.doc_id = :id AND t.seq = s.seq AND (s.size <= :bytes OR s.n = 1)
 ORDER BY t.seq;

-- name: doc_told(id uuid, seq bigint) -> none
UPDATE realtime.docs AS d SET told_seq = :seq
 WHERE d.tenant_id = :tenant AND d.id = :id;

-- name: forget_user(who uuid) -> none
-- Whose they were is nobody's any more; the documents are others', too.
WITH u AS (
    UPDATE realtime.doc_updates AS u
       SET user_id = '00000000-0000-0000-0000-000000000000'
     WHERE u.tenant_id = :tenant AND u.user_id = :who
), l AS (
    DELETE FROM realtime.doc_locks AS l
     WHERE l.tenant_id = :tenant AND l.holder = :who
)
UPDATE realtime.doc_versions AS v
   SET user_id = '00000000-0000-0000-0000-000000000000'
 WHERE v.tenant_id = :tenant AND v.user_id = :who;
