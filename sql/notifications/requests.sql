-- Requests: what was asked to be sent, and what became of it.

-- name: request_add(id uuid, dedup_key text, source_event uuid?,
--       template text?, category text, class text, channels text[],
--       audience jsonb, content jsonb, locale text, data_ct text,
--       group_key text?, object text?, actor_id uuid?, send_at timestamptz?,
--       expires_at timestamptz?, state text,
--       lane text, urgent bool, flow jsonb, later bool)
--       -> row? notifications_added
-- row: id uuid, job uuid?
-- None: there is one with that key. What is planned later has a job at once.
WITH r AS (
INSERT INTO notifications.requests (id, tenant_id, dedup_key, source_event,
       template, category, class, channels, audience, content, locale, data_ct,
       group_key, object, actor_id, send_at, expires_at, state, lane, urgent,
       flow)
VALUES (:id, :tenant, :dedup_key, :source_event, :template, :category, :class,
        :channels, :audience, :content, :locale, :data_ct, :group_key, :object,
        :actor_id, :send_at, :expires_at, :state, :lane, :urgent, :flow)
ON CONFLICT ON CONSTRAINT requests_dedup_key DO NOTHING
RETURNING id, tenant_id, send_at
)
SELECT r.id, CASE WHEN :later THEN pando.enqueue('notifications.fan_out',
           jsonb_build_object('request_id', r.id), r.tenant_id, r.send_at) END
  FROM r;

-- name: request_of(dedup_key text) -> row? notifications_planned
-- row: id uuid, planned bigint
SELECT r.id, r.recipients
  FROM notifications.requests AS r
 WHERE r.tenant_id = :tenant AND r.dedup_key = :dedup_key;

-- name: request(id uuid) -> json?
SELECT notifications.request_doc(r)
  FROM notifications.requests AS r
 WHERE r.tenant_id = :tenant AND r.id = :id;

-- name: plan(request uuid, users uuid[]) -> int
-- lane: writes
SELECT notifications.plan(r.id, :users)
  FROM notifications.requests AS r
 WHERE r.tenant_id = :tenant AND r.id = :request;

-- name: cancel(id uuid) -> bool?
-- lane: writes
-- Null: there is no such request.
SELECT notifications.cancel(:tenant, r.id)
  FROM notifications.requests AS r
 WHERE r.tenant_id = :tenant AND r.id = :id;

-- name: fan_out(id uuid, most int, per_s int) -> bigint
-- lane: writes
SELECT notifications.fan_out_paced(:tenant, :id, :most, :per_s);

-- name: hold_up(id uuid) -> bool?
-- lane: writes
-- Null: there is no such request.
SELECT notifications.hold_up(:tenant, r.id)
  FROM notifications.requests AS r
 WHERE r.tenant_id = :tenant AND r.id = :id;

-- name: go_on(id uuid) -> bool?
-- lane: writes
SELECT notifications.go_on(:tenant, r.id)
  FROM notifications.requests AS r
 WHERE r.tenant_id = :tenant AND r.id = :id;

-- name: plan_address(request uuid) -> int
-- lane: writes
SELECT notifications.plan_address(:tenant, :request);
