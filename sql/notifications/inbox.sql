-- The inbox of a user.

-- name: inbox(category text?, group text?) -> page
-- sort: -at = sort_id uuid desc
SELECT notifications.doc(n) :keys
  FROM notifications.notifications AS n
 WHERE n.tenant_id = :tenant AND n.user_id = :user AND n.archived_at IS NULL
   AND (n.expires_at IS NULL OR n.expires_at > now())
   AND (:category::text IS NULL OR n.category = :category)
   AND (:group::text IS NULL OR n.group_key = :group) AND :after
 ORDER BY :order LIMIT :limit;

-- name: inbox_unread(category text?, group text?) -> page
-- sort: -at = sort_id uuid desc
SELECT notifications.doc(n) :keys
  FROM notifications.notifications AS n
 WHERE n.tenant_id = :tenant AND n.user_id = :user AND n.archived_at IS NULL
   AND n.read_at IS NULL AND (n.expires_at IS NULL OR n.expires_at > now())
   AND (:category::text IS NULL OR n.category = :category)
   AND (:group::text IS NULL OR n.group_key = :group) AND :after
 ORDER BY :order LIMIT :limit;

-- name: count() -> json
SELECT notifications.counted(:tenant, :user);

-- name: one(id uuid) -> json?
SELECT notifications.doc(n), n.version
  FROM notifications.notifications AS n
 WHERE n.tenant_id = :tenant AND n.user_id = :user AND n.id = :id;

-- name: one_version(id uuid) -> bigint?
SELECT n.version FROM notifications.notifications AS n
 WHERE n.tenant_id = :tenant AND n.user_id = :user AND n.id = :id;

-- name: hold() -> none
-- lane: writes
SELECT notifications.hold(:tenant, ARRAY[:user]);

-- name: mark(id uuid, read bool?, seen bool?, archived bool?, pinned bool?)
--       -> bool
-- lane: writes
SELECT notifications.mark(:tenant, :user, :id, :read, :seen, :archived,
                          :pinned);

-- name: read_all(before timestamptz, category text?) -> none
-- lane: writes
SELECT notifications.read_all(:tenant, :user, :before, :category);
