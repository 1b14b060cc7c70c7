-- One-time codes.

-- name: begin(what jsonb, mac bytea, hash bytea, bound bytea)
--       -> row verification_begun
-- lane: writes
-- row: id uuid?, how text, wait_s int
SELECT b.id, b.how, b.wait_s
  FROM verification.begin(:tenant, :what, :mac, :hash, :bound) AS b;

-- name: code(id uuid) -> row? verification_code
-- row: document text, version bigint, id uuid, purpose text, channel text,
-- row: destination text?, seed_ct text, locale text, sends int,
-- row: account_id uuid?, hash text
SELECT verification.doc(c)::text, c.version, c.id, c.purpose, c.channel,
       c.destination, c.seed_ct, c.locale, c.sends, c.account_id,
       encode(c.destination_hash, 'hex')
  FROM verification.codes AS c
 WHERE c.tenant_id = :tenant AND c.id = :id;

-- name: code_written(id uuid) -> row? verification_code
-- lane: writes
-- As what wrote it sees it, which may not be committed yet.
SELECT verification.doc(c)::text, c.version, c.id, c.purpose, c.channel,
       c.destination, c.seed_ct, c.locale, c.sends, c.account_id,
       encode(c.destination_hash, 'hex')
  FROM verification.codes AS c
 WHERE c.tenant_id = :tenant AND c.id = :id;

-- name: unsend(id uuid) -> none
-- lane: writes
SELECT verification.unsend(:tenant, :id);

-- name: again(id uuid) -> row verification_again
-- lane: writes
-- row: how text, wait_s int
SELECT a.how, a.wait_s FROM verification.again(:tenant, :id) AS a;

-- name: check(id uuid, guess bytea, token bytea) -> row? verification_answer
-- lane: writes
-- row: how text, attempts_left int, wait_s int
SELECT c.how, c.attempts_left, c.wait_s
  FROM verification.check(:tenant, :id, :guess, :token) AS c;

-- name: cancel(id uuid) -> affected
UPDATE verification.codes AS c
   SET canceled_at = clock_timestamp(), version = version + 1
 WHERE c.tenant_id = :tenant AND c.id = :id AND c.consumed_at IS NULL
   AND c.canceled_at IS NULL;

-- name: redeem(token bytea, purpose text, bound bytea)
--       -> row? verification_redeemed
-- lane: writes
-- row: code_id uuid, destination text?, account_id uuid?
SELECT r.code_id, r.destination, r.account_id
  FROM verification.redeem(:tenant, :token, :purpose, :bound) AS r;

-- name: purge(most int) -> int
-- lane: writes
SELECT verification.purge(:most);

-- name: also(id uuid, destination text, channel text, masked text) -> none
UPDATE verification.codes AS c
   SET also = :destination, also_channel = :channel, also_masked = :masked
 WHERE c.tenant_id = :tenant AND c.id = :id AND c.switched_by IS NULL;

-- name: switch(id uuid, message uuid) -> bool
-- lane: writes
SELECT verification.switch(:tenant, :id, :message);

-- name: erase(who uuid?, hash bytea?) -> none
-- lane: writes
SELECT verification.erase(:tenant, :who, :hash);

-- name: subject(who uuid) -> text
SELECT verification.subject(:tenant, :who)::text;
