-- Senders.

-- name: senders() -> page
-- sort: sender = sender text
SELECT sms.sender_doc(s) :keys
  FROM sms.senders AS s
 WHERE s.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: sender(id uuid) -> json?
SELECT sms.sender_doc(s), s.version
  FROM sms.senders AS s
 WHERE s.tenant_id = :tenant AND s.id = :id;

-- name: sender_add(sender text, kind text, countries text[], lanes text[],
--       per_second int?) -> json
INSERT INTO sms.senders AS s (tenant_id, sender, kind, countries, default_for,
       per_second)
VALUES (:tenant, :sender, :kind, :countries, :lanes, :per_second)
RETURNING sms.sender_doc(s), s.version;

-- name: sender_change(id uuid, has_countries bool, countries text[],
--       has_lanes bool, lanes text[], has_rate bool, per_second int?,
--       if_version bigint?) -> json?
UPDATE sms.senders AS s
   SET countries = CASE WHEN :has_countries THEN :countries
                   ELSE countries END,
       default_for = CASE WHEN :has_lanes THEN :lanes ELSE default_for END,
       per_second = CASE WHEN :has_rate THEN :per_second
                    ELSE per_second END,
       version = version + 1, updated_at = now()
 WHERE s.tenant_id = :tenant AND s.id = :id
   AND (:if_version::bigint IS NULL OR s.version = :if_version)
RETURNING sms.sender_doc(s), s.version;

-- name: sender_remove(id uuid, if_version bigint?) -> affected
DELETE FROM sms.senders AS s
 WHERE s.tenant_id = :tenant AND s.id = :id
   AND (:if_version::bigint IS NULL OR s.version = :if_version);

-- name: put_off(id uuid, attempt int, until timestamptz) -> none
-- lane: writes
SELECT sms.put_off_until(:tenant, :id, :attempt, :until);
