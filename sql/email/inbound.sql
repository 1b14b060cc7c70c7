-- What comes back.

-- name: first_seen(source text) -> bool
-- lane: writes
SELECT email.first_seen(:source);

-- name: reported(message uuid, tag text, action text, class text,
--       status text?, diagnostic text?) -> text?
-- lane: writes
SELECT email.reported(:message, :tag, :action, :class, :status, :diagnostic);

-- name: complained(message uuid, tag text, kind text) -> text?
-- lane: writes
SELECT email.complained(:message, :tag, :kind);

-- name: left_by_mail(message uuid, tag text) -> text?
-- lane: writes
SELECT email.left_by_mail(:message, :tag);

-- name: teller(id uuid) -> row? email_teller
-- across tenants: who tells names its provider, and signs for it
-- row: kind text, config jsonb
SELECT p.kind, p.config FROM email.providers AS p
 WHERE p.id = :id AND p.kind IN ('sendgrid', 'ses');

-- name: notice(provider uuid, source text, message uuid, what text,
--       class text?, status text?, diagnostic text?) -> text?
-- lane: writes
SELECT email.notice(:provider, :source, :message, :what, :class, :status,
                    :diagnostic);

-- name: receive(route text, sender text, recipient text, subject text,
--       message uuid?, outcome text, size int) -> uuid
-- lane: writes
SELECT email.receive(:tenant, :route, :sender, :recipient, :subject,
                     :message, :outcome, :size);

-- name: inbound() -> page
-- sort: -created_at = id uuid desc
SELECT email.inbound_doc(i) :keys
  FROM email.inbound AS i
 WHERE i.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: forget_inbound(most int) -> int
-- lane: writes
SELECT email.forget_inbound(:most);
