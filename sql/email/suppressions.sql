-- Who gets no mail.

-- name: suppressions(reason text?, scope text?) -> page
-- sort: address = to_norm text, scope text
SELECT email.suppression_doc(s) :keys
  FROM email.suppressions AS s
 WHERE s.tenant_id = :tenant AND (:reason::text IS NULL OR s.reason = :reason)
   AND (:scope::text IS NULL OR s.scope = :scope) AND :after
 ORDER BY :order LIMIT :limit;

-- name: suppress(addresses text[], scope text, reason text, note text?,
--       until timestamptz?) -> none
-- lane: writes
INSERT INTO email.suppressions (tenant_id, to_norm, scope, reason, note,
       expires_at)
SELECT DISTINCT :tenant, a, :scope, :reason, :note, :until::timestamptz
  FROM unnest(:addresses::text[]) AS a
ON CONFLICT ON CONSTRAINT suppressions_pkey DO UPDATE
   SET reason = excluded.reason, note = excluded.note,
       expires_at = excluded.expires_at;

-- name: unsuppress(address text, scope text?) -> affected
DELETE FROM email.suppressions AS s
 WHERE s.tenant_id = :tenant AND s.to_norm = :address
   AND (:scope::text IS NULL OR s.scope = :scope);
