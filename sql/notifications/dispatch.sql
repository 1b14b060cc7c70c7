-- What is on its way.

-- name: claim(lane text, most int, lease_s int) -> rows notifications_claim
-- lane: writes
-- row: request_id uuid, user_id uuid, channel text, target text, id uuid,
-- row: attempt int, texts json, locale text, category text, class text,
-- row: mandatory bool, template text?, urgent bool, ttl_s int?, tag text?,
-- row: data_ct text, platform text?, token_ct text?, p256dh text?, auth text?,
-- row: environment text?, app_id text?
SELECT c.request_id, c.user_id, c.channel, c.target, c.id, c.attempt, c.texts,
       c.locale, c.category, c.class, c.mandatory, c.template, c.urgent,
       c.ttl_s, c.tag, c.data_ct, c.platform, c.token_ct, c.p256dh, c.auth,
       c.environment, c.app_id
  FROM notifications.claim(:tenant, :lane, :most, :lease_s) AS c;

-- name: record(request uuid, who uuid, channel text, target text, try int,
--       how text, provider text?, ref text?, error text?, after_s int) -> none
-- lane: writes
SELECT notifications.record(:tenant, :request, :who, :channel, :target, :try,
                            :how, :provider, :ref, :error, :after_s);

-- name: put_back(request uuid, who uuid, channel text, target text, try int,
--       after_s int) -> none
-- It was not tried.
UPDATE notifications.deliveries AS d
   SET attempts = attempts - 1,
       next_at = clock_timestamp() + make_interval(secs => :after_s)
 WHERE d.tenant_id = :tenant AND d.request_id = :request AND d.user_id = :who
   AND d.channel = :channel AND d.target = :target AND d.state = 'queued'
   AND d.attempts = :try;

-- name: step(request uuid, who uuid, no int, holds bool) -> bool
-- lane: writes
SELECT notifications.step_if(:tenant, :request, :who, :no, :holds);

-- name: step_look(request uuid, who uuid, no int)
--       -> row? notifications_condition
-- row: condition text?, data_ct text, category text, class text,
-- row: locale text?, time_zone text?, unread bigint?
-- What the condition of a step is about.
SELECT r.flow -> :no ->> 'condition' AS condition, r.data_ct, r.category,
       r.class, coalesce(o.locale, r.locale) AS locale, o.time_zone,
       c.unread
  FROM notifications.requests AS r
  LEFT JOIN notifications.contacts AS o
    ON o.tenant_id = r.tenant_id AND o.user_id = :who
  LEFT JOIN notifications.counters AS c
    ON c.tenant_id = r.tenant_id AND c.user_id = :who
 WHERE r.tenant_id = :tenant AND r.id = :request;

-- name: merge(loser uuid, winner uuid) -> none
-- lane: writes
SELECT notifications.merge(:tenant, :loser, :winner);

-- name: track(request uuid, who uuid, id uuid, what text) -> bool
-- lane: writes
SELECT notifications.track(:tenant, :request, :who, :id, :what);

-- name: resolve(what text) -> int
-- lane: writes
SELECT notifications.resolve(:tenant, :what);

-- name: sweep(most int) -> int
-- lane: writes
SELECT notifications.sweep(:most);

-- name: digests_due(most int) -> rows notifications_digest
-- across tenants: whoever is due
-- row: id uuid
SELECT d.id FROM notifications.digests AS d
 WHERE d.state = 'open' AND d.due_at <= now()
 ORDER BY d.due_at LIMIT :most;

-- name: flush(digest uuid) -> bool
-- lane: writes
SELECT notifications.flush(:digest);

-- name: expire(most int) -> int
-- lane: writes
SELECT notifications.expire(:most);

-- name: forget(most int) -> int
-- lane: writes
SELECT notifications.forget(:most);

-- name: texts(request uuid, who uuid, id uuid) -> json?
SELECT json_build_object('title', t.texts ->> 'title',
       'body', coalesce(t.texts ->> 'body', ''), 'url', t.texts ->> 'url',
       'image', t.texts ->> 'image',
       'actions', coalesce(t.texts -> 'actions', '[]'))
  FROM (SELECT notifications.worded(r.content -> d.channel, o.locale,
                                    r.locale) AS texts
          FROM notifications.deliveries AS d
          JOIN notifications.requests AS r ON r.id = d.request_id
          LEFT JOIN notifications.contacts AS o
            ON o.tenant_id = d.tenant_id AND o.user_id = d.user_id
         WHERE d.tenant_id = :tenant AND d.request_id = :request
           AND d.user_id = :who AND d.id = :id) AS t;

-- name: told(provider text, ref text, state text, error text?) -> bool
-- lane: writes
SELECT notifications.told(:tenant, :provider, :ref, :state, :error);

-- name: erase(who uuid) -> none
-- lane: writes
SELECT notifications.erase(:tenant, :who);

-- name: signed_out(device text, who uuid) -> none
UPDATE notifications.device_tokens AS t SET user_id = NULL
 WHERE t.tenant_id = :tenant AND t.user_id = :who
   AND t.device_id = :device;
