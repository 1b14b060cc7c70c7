-- Lists, their members, and who leaves them.

-- name: lists() -> page
-- sort: id = id uuid
SELECT email.list_doc(l) :keys
  FROM email.lists AS l
 WHERE l.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: list(id uuid) -> json?
SELECT email.list_doc(l), l.version
  FROM email.lists AS l
 WHERE l.tenant_id = :tenant AND l.id = :id;

-- name: list_add(name text, description text?) -> json
INSERT INTO email.lists AS l (tenant_id, name, description)
VALUES (:tenant, :name, :description)
RETURNING email.list_doc(l), l.version;

-- name: list_lock(id uuid) -> row? email_list
-- row: version bigint, name text
SELECT l.version, l.name FROM email.lists AS l
 WHERE l.tenant_id = :tenant AND l.id = :id FOR UPDATE;

-- name: list_known(id uuid) -> text?
SELECT l.name FROM email.lists AS l
 WHERE l.tenant_id = :tenant AND l.id = :id;

-- name: list_change(id uuid, name text?, description text?) -> json
UPDATE email.lists AS l
   SET name = coalesce(:name, name),
       description = coalesce(:description, description),
       version = version + 1, updated_at = now()
 WHERE l.tenant_id = :tenant AND l.id = :id
RETURNING email.list_doc(l), l.version;

-- name: list_remove(id uuid, if_version bigint?) -> affected
DELETE FROM email.lists AS l
 WHERE l.tenant_id = :tenant AND l.id = :id
   AND (:if_version::bigint IS NULL OR l.version = :if_version);

-- name: members(list_id uuid, state text?) -> page
-- sort: address = to_norm text
SELECT email.member_doc(m) :keys
  FROM email.list_members AS m
 WHERE m.tenant_id = :tenant AND m.list_id = :list_id
   AND (:state::text IS NULL OR m.state = :state) AND :after
 ORDER BY :order LIMIT :limit;

-- name: members_import(list_id uuid, members jsonb, proof jsonb) -> int
-- lane: writes
SELECT email.import(:tenant, :list_id, :members, :proof);

-- name: member_remove(list_id uuid, to_norm text) -> affected
DELETE FROM email.list_members AS m
 WHERE m.tenant_id = :tenant AND m.list_id = :list_id
   AND m.to_norm = :to_norm;

-- name: subscribe(list_id uuid, norm text, address text, name text?,
--       lang text?, proof jsonb) -> bool
-- lane: writes
SELECT email.subscribe(:tenant, :list_id, :norm, :address, :name, :lang,
                       :proof);

-- name: confirm(of uuid, list_id uuid, norm text, proof jsonb) -> bool
-- lane: writes
SELECT email.confirm(:of, :list_id, :norm, :proof);

-- name: unsubscribe(of uuid, message_id uuid, list_id uuid?, norm text)
--       -> bool
-- lane: writes
SELECT email.unsubscribe(:of, :message_id, :list_id, :norm);
