-- Messages on their way.

-- name: wanted(type text, subject uuid?, channels text[]) -> rows webhooks_wanted
-- lane: writes
-- row: id uuid, filters text?
SELECT w.id, CASE WHEN w.filters <> '{}' THEN to_json(w.filters)::text END
       AS filters
  FROM webhooks.wanted(:tenant, :type, :subject, :channels) AS w;

-- name: fan_out(event uuid, type text, body text, channels text[], key text?,
--       endpoints uuid[]) -> uuid?
-- lane: writes
SELECT webhooks.fan_out(:tenant, :event, :type, :body, :channels, :key,
                        :endpoints);

-- name: claim(endpoint_id uuid, spare_s int) -> row? webhooks_claim
-- lane: writes
-- row: message_id uuid, attempt int, type text, url text, timeout_ms int,
-- row: body text, key_1 text?, key_2 text?, seed_1 text?, seed_2 text?,
-- row: thin bool, headers_ct text?, seq bigint?
SELECT c.message_id, c.attempt, c.type, c.url, c.timeout_ms, c.body, c.key_1,
       c.key_2, k.seeds[1] AS seed_1, k.seeds[2] AS seed_2, c.thin,
       c.headers_ct, c.seq
  FROM webhooks.claim_next(:tenant, :endpoint_id, :spare_s) AS c,
       webhooks.live(:endpoint_id, 'ed25519') AS k (seeds);

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

-- name: unstick() -> int
-- lane: writes
SELECT webhooks.unstick();

-- name: measure(most bigint) -> int
-- lane: writes
SELECT webhooks.measure(:most);
