-- Messages: taking them on, and what became of them.

-- name: accept(items jsonb) -> text
-- lane: writes
SELECT sms.accept(:tenant, :items)::text;

-- name: accept_for(owner uuid, items jsonb) -> text
-- lane: writes
SELECT sms.accept(:owner, :items)::text;

-- name: messages(number text?, state text?, lane_of text?) -> page
-- sort: -created_at = id uuid desc
SELECT sms.doc(m) :keys
  FROM sms.messages AS m
 WHERE m.tenant_id = :tenant
   AND (:number::text IS NULL OR m.to_e164 = :number)
   AND (:state::text IS NULL OR m.state = :state)
   AND (:lane_of::text IS NULL OR m.lane = :lane_of)
   AND :after
 ORDER BY :order LIMIT :limit;

-- name: message(id uuid) -> row? sms_message
-- row: document text, version bigint, lane text, body_ct text?
SELECT (sms.doc(m) || jsonb_build_object('log', sms.log_of(m.id)))::text,
       m.version, m.lane, m.body_ct
  FROM sms.messages AS m
 WHERE m.tenant_id = :tenant AND m.id = :id;

-- name: cancel(id uuid) -> bool
-- lane: writes
SELECT coalesce(sms.cancel(:tenant, :id), false);

-- name: captured() -> page
-- sort: -at = message_id uuid desc
SELECT jsonb_build_object('message_id', o.message_id, 'lane', o.lane,
       'to', o.to_e164, 'sender', o.sender, 'body', o.body,
       'encoding', o.encoding, 'segments', o.segments,
       'at', pando.rfc3339(o.at)) :keys
  FROM sms.outbox AS o
 WHERE o.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: captured_clear() -> affected
DELETE FROM sms.outbox AS o WHERE o.tenant_id = :tenant;
