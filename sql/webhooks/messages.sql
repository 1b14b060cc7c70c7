-- Messages, what became of them, and sending them again.

-- name: messages(type text?) -> page
-- sort: -created_at = id uuid desc
SELECT webhooks.message_doc(m) :keys
  FROM webhooks.messages AS m
 WHERE m.tenant_id = :tenant AND (:type::text IS NULL OR m.type = :type)
   AND :after
 ORDER BY :order LIMIT :limit;

-- name: message_of(event uuid) -> json?
-- lane: writes
SELECT webhooks.message_doc(m)
  FROM webhooks.messages AS m
 WHERE m.tenant_id = :tenant AND m.event_id = :event;

-- name: missed(endpoint_id uuid, since timestamptz, until timestamptz,
--       everything bool, types text[], after uuid?, most int)
--       -> rows webhooks_missed
-- lane: writes
-- row: id uuid, body text?, filters text?
-- What was sent in a time and an endpoint did not get: what failed or was not
-- tried, or everything that is of its types, with the body where it has
-- conditions to be looked at.
SELECT m.id, CASE WHEN e.filters <> '{}' THEN m.body END AS body,
       CASE WHEN e.filters <> '{}' THEN to_json(e.filters)::text END AS filters
  FROM webhooks.endpoints AS e
  JOIN webhooks.messages AS m
    ON m.tenant_id = e.tenant_id AND m.created_at >= :since
   AND m.created_at < :until
   AND (:after::uuid IS NULL OR m.id > :after)
   AND (:types::text[] = '{}' OR m.type = ANY (:types))
  LEFT JOIN webhooks.deliveries AS d
    ON d.message_id = m.id AND d.endpoint_id = e.id
 WHERE e.tenant_id = :tenant AND e.id = :endpoint_id
   AND CASE WHEN :everything
            THEN coalesce(d.state, '') NOT IN ('pending', 'sending')
                 AND (e.channels = '{}' OR e.channels && m.channels)
                 AND e.event_types && ARRAY[m.type, '*',
                         split_part(m.type, '.', 1) || '.*']
            ELSE d.state IN ('failed', 'expired') END
 ORDER BY m.id LIMIT :most;

-- name: redeliver(endpoint_id uuid, messages uuid[]) -> int
-- lane: writes
SELECT webhooks.redeliver(:tenant, :endpoint_id, :messages);

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

-- name: poll(endpoint uuid, after bigint, most int) -> row? webhooks_polled
-- row: kind text, page json
SELECT e.kind, webhooks.poll(e, :after, :most) AS page
  FROM webhooks.endpoints AS e
 WHERE e.tenant_id = :tenant AND e.id = :endpoint;

-- name: ack(endpoint uuid, upto bigint) -> int
-- lane: writes
SELECT webhooks.ack(e, :upto)
  FROM webhooks.endpoints AS e
 WHERE e.tenant_id = :tenant AND e.id = :endpoint AND e.kind = 'pull';

-- name: saw(source text, id text) -> affected
INSERT INTO webhooks.seen AS s (tenant_id, source, id)
VALUES (:tenant, :source, :id)
ON CONFLICT ON CONSTRAINT seen_pkey DO UPDATE SET at = now()
 WHERE s.at < now() - interval '1 day';

-- name: subject(who text) -> json?
-- lane: slow
-- What was sent that names somebody, the latest first.
SELECT coalesce(json_agg(json_build_object('id', x.id, 'type', x.type,
                'created_at', pando.rfc3339(x.created_at),
                'payload', x.body::json) ORDER BY x.id DESC), '[]')
  FROM (SELECT m.* FROM webhooks.messages AS m
         WHERE m.tenant_id = :tenant AND strpos(m.body, :who) > 0
         ORDER BY m.id DESC LIMIT 1000) AS x;
