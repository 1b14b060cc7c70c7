-- What the embedded provider has.

-- name: outbox(to_norm text?, q text?) -> page
-- sort: -at = message_id uuid desc
SELECT json_build_object('id', c.message_id, 'to', m.to_address,
           'rcpts', c.rcpts, 'from', m.sender, 'subject', m.subject,
           'at', pando.rfc3339(c.at), 'size', length(c.mime)) :keys
  FROM email.captured AS c
  JOIN email.messages AS m ON m.id = c.message_id
 WHERE c.tenant_id = :tenant AND (:to_norm::text IS NULL
                                  OR m.to_norm = :to_norm)
   AND (:q::text IS NULL OR m.subject ILIKE '%' || pando.like(:q) || '%')
   AND :after
 ORDER BY :order LIMIT :limit;

-- name: captured(id uuid) -> row? email_captured
-- row: mime text, content_ct text?
SELECT c.mime, b.content_ct
  FROM email.captured AS c
  LEFT JOIN email.bodies AS b ON b.message_id = c.message_id
 WHERE c.tenant_id = :tenant AND c.message_id = :id;

-- name: outbox_empty() -> affected
DELETE FROM email.captured AS c WHERE c.tenant_id = :tenant;
