-- People, known here by their addresses.

-- name: erase(norm text) -> none
-- lane: writes
SELECT email.erase(:tenant, :norm);

-- name: consent(norm text, wanted bool) -> none
-- lane: writes
SELECT email.consent(:tenant, :norm, :wanted);

-- name: subject(norm text) -> json
SELECT email.subject(:tenant, :norm);

-- name: reply_address(module text, subject_id uuid) -> text
-- lane: writes
SELECT email.reply_address(:tenant, :module, :subject_id);

-- name: replied(reply uuid, its_tag text, sender text, recipient text,
--       subject text, size int) -> bool
-- lane: writes
SELECT email.replied(:reply, :its_tag, :sender, :recipient, :subject, :size);

-- name: forget_replies(most int) -> int
-- lane: writes
SELECT email.forget_replies(:most);

-- name: leaves_house(lane text) -> bool
-- Whether somebody outside takes mail of that lane.
SELECT EXISTS (SELECT FROM email.providers AS p
                WHERE p.tenant_id = :tenant AND p.enabled
                  AND p.kind <> 'capture' AND :lane = ANY (p.lanes));
