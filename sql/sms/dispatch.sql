-- Messages on their way.

-- name: claim(id uuid, lease_s int) -> row? sms_claim
-- lane: writes
-- row: attempts int, lane text, to_e164 text, sender text?, body_ct text
SELECT c.attempts, c.lane, c.to_e164, c.sender, c.body_ct
  FROM sms.claim(:tenant, :id, :lease_s) AS c;

-- name: capture(id uuid, attempt int, body text, fate text) -> none
-- lane: writes
SELECT sms.capture(:tenant, :id, :attempt, :body, :fate);

-- name: sweep(most int) -> int
-- lane: writes
SELECT sms.sweep(:most);

-- name: expire(most int) -> int
-- lane: writes
SELECT sms.expire(:most);

-- name: forget(most int) -> int
-- lane: writes
SELECT sms.forget(:most);
