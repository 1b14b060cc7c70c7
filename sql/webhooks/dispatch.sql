-- Messages on their way.

-- name: fan_out(event uuid, type text, subject uuid?, body text) -> int
-- lane: writes
SELECT webhooks.fan_out(:tenant, :event, :type, :subject, :body);

-- name: claim(endpoint_id uuid, spare_s int) -> row? webhooks_claim
-- lane: writes
-- row: message_id uuid, attempt int, type text, url text, timeout_ms int,
-- row: body text, key_1 text?, key_2 text?
SELECT c.message_id, c.attempt, c.type, c.url, c.timeout_ms, c.body, c.key_1,
       c.key_2
  FROM webhooks.claim(:tenant, :endpoint_id, :spare_s) AS c;

-- name: record(endpoint_id uuid, message_id uuid, try int, good bool,
--       status int?, ms bigint, error text?, ip text?, response text?,
--       after_s int) -> none
-- lane: writes
SELECT webhooks.record(:tenant, :endpoint_id, :message_id, :try, :good, :status,
                       :ms, :error, :ip, :response, :after_s);

-- name: put_off(endpoint_id uuid, message_id uuid, try int, ms bigint) -> none
-- lane: writes
SELECT webhooks.put_off(:tenant, :endpoint_id, :message_id, :try, :ms);

-- name: sweep(most int) -> int
-- lane: writes
SELECT webhooks.sweep(:most);

-- name: review() -> int
-- lane: writes
SELECT webhooks.review();

-- name: forget(most int) -> int
-- lane: writes
SELECT webhooks.forget(:most);
