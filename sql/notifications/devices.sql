-- Devices of users, and who this installation is to the servers of Web Push.

-- name: device_put(token_hash bytea, token_ct text, platform text,
--       device text?, app text?, environment text, p256dh text?, auth text?)
--       -> json
-- A token is its last user's.
INSERT INTO notifications.device_tokens AS t (tenant_id, user_id, token_hash,
       token_ct, platform, device_id, app_id, environment, p256dh, auth)
VALUES (:tenant, :user, :token_hash, :token_ct, :platform, :device, :app,
        :environment, :p256dh, :auth)
ON CONFLICT ON CONSTRAINT device_tokens_token_key DO UPDATE
   SET user_id = excluded.user_id, token_ct = excluded.token_ct,
       platform = excluded.platform, device_id = excluded.device_id,
       app_id = excluded.app_id, environment = excluded.environment,
       p256dh = excluded.p256dh, auth = excluded.auth, failures = 0,
       disabled_reason = NULL, version = t.version + 1, used_at = now()
RETURNING notifications.device_doc(t), t.version;

-- name: devices() -> page
-- sort: id = id uuid
SELECT notifications.device_doc(t) :keys
  FROM notifications.device_tokens AS t
 WHERE t.tenant_id = :tenant AND t.user_id = :user AND :after
 ORDER BY :order LIMIT :limit;

-- name: device(id uuid) -> json?
SELECT notifications.device_doc(t), t.version
  FROM notifications.device_tokens AS t
 WHERE t.tenant_id = :tenant AND t.user_id = :user AND t.id = :id;

-- name: device_remove(id uuid, if_version bigint?) -> affected
DELETE FROM notifications.device_tokens AS t
 WHERE t.tenant_id = :tenant AND t.user_id = :user AND t.id = :id
   AND (:if_version::bigint IS NULL OR t.version = :if_version);

-- name: vapid() -> row? notifications_vapid
-- row: point text, key_ct text
SELECT v.point, v.key_ct FROM notifications.vapid_keys AS v
 WHERE v.tenant_id = :tenant;

-- name: vapid_add(point text, key_ct text) -> none
-- lane: writes
INSERT INTO notifications.vapid_keys (tenant_id, point, key_ct)
VALUES (:tenant, :point, :key_ct)
ON CONFLICT ON CONSTRAINT vapid_keys_pkey DO NOTHING;

-- name: outbox() -> page
-- sort: -id = id uuid desc
SELECT json_build_object('id', o.id, 'user_id', o.user_id,
       'device_id', o.device_id, 'platform', o.platform,
       'payload', o.payload, 'at', pando.rfc3339(o.created_at)) :keys
  FROM notifications.outbox AS o
 WHERE o.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: outbox_add(id uuid, whose uuid, device uuid, platform text,
--       payload jsonb) -> affected
INSERT INTO notifications.outbox (id, tenant_id, user_id, device_id, platform,
       payload)
VALUES (:id, :tenant, :whose, :device, :platform, :payload)
ON CONFLICT ON CONSTRAINT outbox_pkey DO NOTHING;

-- name: vapid_new() -> row? notifications_vapid
-- lane: writes
-- As it is on the server that writes, whoever was the first.
SELECT v.point, v.key_ct FROM notifications.vapid_keys AS v
 WHERE v.tenant_id = :tenant;
