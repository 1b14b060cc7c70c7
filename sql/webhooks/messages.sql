-- Messages, what became of them, and sending them again.

-- name: messages(type text?) -> page
-- sort: -created_at = id uuid desc
SELECT webhooks.message_doc(m) :keys
  FROM webhooks.messages AS m
 WHERE m.tenant_id = :tenant AND (:type::text IS NULL OR m.type = :type)
   AND :after
 ORDER BY :order LIMIT :limit;

-- name: message(id uuid) -> json?
SELECT (webhooks.message_doc(m)::jsonb
        || jsonb_build_object('payload', m.body::jsonb))::json
  FROM webhooks.messages AS m
 WHERE m.tenant_id = :tenant AND m.id = :id;

-- name: attempts(id uuid) -> page
-- sort: at = id uuid
SELECT json_build_object('id', a.id, 'endpoint_id', a.endpoint_id, 'n', a.n,
       'at', pando.rfc3339(a.at), 'status', a.status,
       'duration_ms', a.duration_ms, 'error', a.error, 'ip', a.ip,
       'response', a.response) :keys
  FROM webhooks.attempts AS a
 WHERE a.tenant_id = :tenant AND a.message_id = :id AND :after
 ORDER BY :order LIMIT :limit;

-- name: resend(id uuid, endpoints uuid[]) -> int
-- lane: writes
SELECT webhooks.resend(:tenant, :id, :endpoints);
