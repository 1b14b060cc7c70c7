-- Topics and who has subscribed to them.

-- name: topics() -> page
-- sort: id = id uuid
SELECT notifications.topic_doc(t) :keys
  FROM notifications.topics AS t
 WHERE t.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: topic(id uuid) -> json?
SELECT notifications.topic_doc(t), t.version
  FROM notifications.topics AS t
 WHERE t.tenant_id = :tenant AND t.id = :id;

-- name: topic_of(key text) -> uuid?
SELECT t.id FROM notifications.topics AS t
 WHERE t.tenant_id = :tenant AND t.key = :key;

-- name: topic_open(id uuid) -> bool?
SELECT t.open FROM notifications.topics AS t
 WHERE t.tenant_id = :tenant AND t.id = :id;

-- name: topic_add(key text, title jsonb, open bool) -> json
INSERT INTO notifications.topics AS t (tenant_id, key, title, open)
VALUES (:tenant, :key, :title, :open)
RETURNING notifications.topic_doc(t), t.version;

-- name: topic_lock(id uuid) -> bigint?
SELECT t.version FROM notifications.topics AS t
 WHERE t.tenant_id = :tenant AND t.id = :id FOR UPDATE;

-- name: topic_change(id uuid, title jsonb?, open bool?) -> json
UPDATE notifications.topics AS t
   SET title = coalesce(:title, title), open = coalesce(:open, open),
       version = version + 1
 WHERE t.tenant_id = :tenant AND t.id = :id
RETURNING notifications.topic_doc(t), t.version;

-- name: topic_busy(id uuid) -> bool
-- Whether something is on its way to its subscribers.
SELECT EXISTS (SELECT FROM notifications.requests AS r
                WHERE r.tenant_id = :tenant
                  AND r.state IN ('scheduled', 'planning')
                  AND r.audience ->> 'topic' = :id::uuid::text);

-- name: topic_remove(id uuid) -> affected
DELETE FROM notifications.topics AS t
 WHERE t.tenant_id = :tenant AND t.id = :id;

-- name: subscribe(topic uuid, who uuid) -> none
-- lane: writes
INSERT INTO notifications.topic_subscriptions (topic_id, user_id, tenant_id)
VALUES (:topic, :who, :tenant)
ON CONFLICT ON CONSTRAINT topic_subscriptions_pkey DO NOTHING;

-- name: unsubscribe(topic uuid, who uuid) -> affected
DELETE FROM notifications.topic_subscriptions AS s
 WHERE s.tenant_id = :tenant AND s.topic_id = :topic AND s.user_id = :who;
