-- What other domains' events change, and merges under way.

-- name: hear(event uuid, tenant_id uuid, type text, subject uuid, data jsonb)
--       -> none
-- lane: writes
SELECT categories.hear_one(:event, :tenant_id, :type, :subject, :data);

-- name: follow_merges(seconds int) -> int
-- lane: writes
SELECT categories.follow_merges(:seconds);

-- name: recount_next(hours int) -> int?
-- lane: slow
SELECT categories.recount_next(:hours);

-- name: forget() -> none
-- lane: writes
SELECT categories.forget();

-- name: carry(id uuid, from_parent uuid?, to_parent uuid?) -> none
-- lane: writes
SELECT categories.carry(:tenant, :id, :from_parent, :to_parent);

-- name: merge_open(id uuid, into_id uuid) -> none
INSERT INTO categories.category_merges (tenant_id, category_id, into_id)
VALUES (:tenant, :id, :into_id);

-- name: merge_of(id uuid) -> json?
-- The latest one.
SELECT categories.merge_doc(m)
  FROM categories.category_merges AS m
 WHERE m.tenant_id = :tenant AND m.category_id = :id AND m.live
 ORDER BY m.opened_at DESC, m.id DESC LIMIT 1;

-- name: merge_ack(id uuid, module text, moved bigint, remaining bigint)
--       -> affected
INSERT INTO categories.category_merge_acks AS a
       (merge_id, tenant_id, module, moved, remaining)
SELECT m.id, m.tenant_id, :module, :moved, :remaining
  FROM categories.category_merges AS m
 WHERE m.tenant_id = :tenant AND m.category_id = :id AND m.live
 ORDER BY m.opened_at DESC, m.id DESC LIMIT 1
ON CONFLICT ON CONSTRAINT category_merge_acks_pkey DO UPDATE
   SET moved = excluded.moved, remaining = excluded.remaining, at = now();
