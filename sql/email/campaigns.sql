-- Campaigns.

-- name: campaigns(state text?) -> page
-- sort: -created_at = id uuid desc
SELECT email.campaign_doc(c, false) :keys
  FROM email.campaigns AS c
 WHERE c.tenant_id = :tenant AND (:state::text IS NULL OR c.state = :state)
   AND :after
 ORDER BY :order LIMIT :limit;

-- name: campaign(id uuid) -> json?
SELECT email.campaign_doc(c, true), c.version
  FROM email.campaigns AS c
 WHERE c.tenant_id = :tenant AND c.id = :id;

-- name: campaign_add(name text, list_id uuid, template text, sender text,
--       sender_name text?, reply_to text?, postal_address text, rate int?,
--       local bool, ab jsonb?) -> json?
-- None where there is no such list.
INSERT INTO email.campaigns AS c (tenant_id, name, list_id, template, sender,
       sender_name, reply_to, postal_address, rate, local, ab)
SELECT :tenant, :name, l.id, :template, :sender, :sender_name, :reply_to,
       :postal_address, :rate, :local, :ab
  FROM email.lists AS l WHERE l.tenant_id = :tenant AND l.id = :list_id
RETURNING email.campaign_doc(c, true), c.version;

-- name: campaign_lock(id uuid) -> row? email_campaign_row
-- row: version bigint, state text, list_id uuid, template text, sender text,
-- row: postal_address text, local bool, ab json?, winner int?
SELECT c.version, c.state, c.list_id, c.template, c.sender, c.postal_address,
       c.local, c.ab::json, c.winner
  FROM email.campaigns AS c
 WHERE c.tenant_id = :tenant AND c.id = :id FOR UPDATE;

-- name: campaign_change(id uuid, name text?, template text?, sender text?,
--       sender_name text?, reply_to text?, postal_address text?, rate int?,
--       free bool, local bool?, ab jsonb?, plain bool) -> json
-- Of any rate where it is free, without variants where it is plain.
UPDATE email.campaigns AS c
   SET name = coalesce(:name, name), template = coalesce(:template, template),
       sender = coalesce(:sender, sender),
       sender_name = coalesce(:sender_name, sender_name),
       reply_to = coalesce(:reply_to, reply_to),
       postal_address = coalesce(:postal_address, postal_address),
       rate = CASE WHEN NOT :free THEN coalesce(:rate, rate) END,
       local = coalesce(:local, local),
       ab = CASE WHEN NOT :plain THEN coalesce(:ab, ab) END,
       version = version + 1, updated_at = now()
 WHERE c.tenant_id = :tenant AND c.id = :id
RETURNING email.campaign_doc(c, true), c.version;

-- name: campaign_remove(id uuid, if_version bigint?) -> affected
DELETE FROM email.campaigns AS c
 WHERE c.tenant_id = :tenant AND c.id = :id
   AND c.state IN ('draft', 'canceled', 'sent')
   AND (:if_version::bigint IS NULL OR c.version = :if_version);

-- name: campaign_move(id uuid, state text, send_at timestamptz?) -> json
UPDATE email.campaigns AS c
   SET state = :state, send_at = coalesce(:send_at::timestamptz, send_at),
       version = version + 1, updated_at = now()
 WHERE c.tenant_id = :tenant AND c.id = :id
RETURNING email.campaign_doc(c, true), c.version;

-- name: campaign_wake(id uuid) -> none
-- lane: writes
-- Where it has a rate, that counts from now on.
SELECT CASE WHEN c.rate IS NOT NULL THEN email.spread(c) END,
       email.campaign_wake(c, clock_timestamp(), email.flows(c))
  FROM email.campaigns AS c
 WHERE c.tenant_id = :tenant AND c.id = :id;

-- name: campaign_start(id uuid) -> bool
-- lane: writes
SELECT email.campaign_start(:tenant, :id);

-- name: ab_counts(id uuid) -> rows email_arm
-- lane: slow
-- row: arm int, key text, holdout bool, sent bigint, hits bigint, written bool,
-- row: over bool
SELECT a.n, a.key, a.holdout, a.sent, a.hits, a.written,
       clock_timestamp() >= email.decided_by(c)
  FROM email.campaigns AS c CROSS JOIN LATERAL email.ab_counts(c) AS a
 WHERE c.tenant_id = :tenant AND c.id = :id AND c.winner IS NULL
   AND c.state IN ('sending', 'paused') ORDER BY a.n;

-- name: settle(id uuid, arm int, result jsonb?) -> bool
-- lane: writes
SELECT email.settle(:tenant, :id, :arm, :result);

-- name: unsettled(id uuid, result jsonb) -> none
-- lane: writes
SELECT email.unsettled(:tenant, :id, :result);

-- name: audience(list_id uuid) -> bool
-- Whether anybody is on the list.
SELECT EXISTS (SELECT FROM email.list_members AS m
                WHERE m.tenant_id = :tenant AND m.list_id = :list_id
                  AND m.state = 'confirmed');

-- name: sources_then(key text, lang text, made_at timestamptz)
--       -> rows email_source
-- As sources() was at that time.
SELECT v.id, t.key, v.locale, v.subject, v.preheader, v.html, v.body
  FROM (SELECT o.id, o.key, o.kind FROM email.templates AS o
         WHERE o.tenant_id = :tenant AND o.key = :key
        UNION
        SELECT o.id, o.key, o.kind FROM email.templates AS o
         WHERE o.tenant_id = :tenant AND o.kind = 'partial') AS t
 CROSS JOIN LATERAL (
       SELECT s.* FROM email.template_versions AS s
        WHERE s.template_id = t.id AND s.published_at <= :made_at
        ORDER BY email.nearness(s.locale, :lang) DESC, s.published_at DESC
        LIMIT 1) AS v
 ORDER BY t.key = :key DESC, t.key LIMIT 200;
