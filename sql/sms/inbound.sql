-- What comes in, keywords and threads.

-- name: hear(provider uuid, ref text, number text, masked text, sender text,
--       body text) -> row sms_heard
-- lane: writes
-- row: id uuid?, thread uuid?, action text?, reply text?
SELECT h.id, h.thread, h.action, h.reply
  FROM sms.hear(:provider, :ref, :number, :masked, :sender, :body) AS h;

-- name: hear_part(provider uuid, ref text, number text, masked text,
--       sender text, body text, group_of text, part int, parts int)
--       -> row sms_heard
-- lane: writes
SELECT h.id, h.thread, h.action, h.reply
  FROM sms.hear_part(:provider, :ref, :number, :masked, :sender, :body,
                     :group_of, :part, :parts) AS h;

-- name: hear_late(most int) -> int
-- lane: writes
SELECT sms.hear_late(:most);

-- name: inbound() -> page
-- sort: -at = id uuid desc
SELECT sms.inbound_doc(i) :keys
  FROM sms.inbound AS i
 WHERE i.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: threads() -> page
-- sort: -last_at = last_at timestamptz desc, id uuid desc
SELECT sms.thread_doc(t) :keys
  FROM sms.threads AS t
 WHERE t.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: thread(id uuid) -> row? sms_thread
-- row: document text, number text, sender text
SELECT (sms.thread_doc(t) || jsonb_build_object('messages',
           sms.said(t.id)))::text, t.number, t.sender
  FROM sms.threads AS t
 WHERE t.tenant_id = :tenant AND t.id = :id;

-- name: keywords() -> page
-- sort: word = word text
SELECT sms.keyword_doc(k) :keys
  FROM sms.keywords AS k
 WHERE k.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: keyword(id uuid) -> json?
SELECT sms.keyword_doc(k), k.version
  FROM sms.keywords AS k
 WHERE k.tenant_id = :tenant AND k.id = :id;

-- name: keyword_add(word text, action text, reply text?) -> json
INSERT INTO sms.keywords AS k (tenant_id, word, action, reply)
VALUES (:tenant, sms.word(:word), :action, :reply)
RETURNING sms.keyword_doc(k), k.version;

-- name: keyword_change(id uuid, action text?, reply text?,
--       if_version bigint?) -> json?
UPDATE sms.keywords AS k
   SET action = coalesce(:action, action), reply = coalesce(:reply, reply),
       version = version + 1
 WHERE k.tenant_id = :tenant AND k.id = :id
   AND (:if_version::bigint IS NULL OR k.version = :if_version)
RETURNING sms.keyword_doc(k), k.version;

-- name: keyword_remove(id uuid, if_version bigint?) -> affected
DELETE FROM sms.keywords AS k
 WHERE k.tenant_id = :tenant AND k.id = :id
   AND (:if_version::bigint IS NULL OR k.version = :if_version);

-- name: forget_inbound(most int) -> int
-- lane: writes
SELECT sms.forget_inbound(:most);
