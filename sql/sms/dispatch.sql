-- Messages on their way.

-- name: due(id uuid) -> row? sms_due
-- lane: writes
-- row: attempts int, lane text, to_e164 text, sender text?, body_ct text?,
-- row: encoding text, segments int, tried text, route_id uuid?, country text
SELECT d.attempts, d.lane, d.to_e164, d.sender, d.body_ct, d.encoding,
       d.segments, to_json(d.tried)::text, d.route_id,
       d.country
  FROM sms.due(:tenant, :id) AS d;

-- name: claim(id uuid, attempt int, route_id uuid?, provider_id uuid?,
--       lease_s int) -> text
-- lane: writes
SELECT sms.claim(:tenant, :id, :attempt, :route_id, :provider_id, :lease_s);

-- name: no_way(id uuid, attempt int) -> none
-- lane: writes
SELECT sms.no_way(:tenant, :id, :attempt);

-- name: capture(id uuid, attempt int, body text, fate text) -> none
-- lane: writes
SELECT sms.capture(:tenant, :id, :attempt, :body, :fate);

-- name: record(id uuid, attempt int, how text, ref text?, code text?,
--       reason text?, others bool, pause_ms bigint) -> none
-- lane: writes
SELECT sms.record(:tenant, :id, :attempt, :how, :ref, :code, :reason, :others,
                  :pause_ms);

-- name: doubtful(id uuid) -> row? sms_doubtful
-- row: provider_id uuid, to_e164 text, body_ct text?, attempts int,
-- row: created_at timestamptz
SELECT m.provider_id, m.to_e164, m.body_ct, m.attempts, m.created_at
  FROM sms.messages AS m
 WHERE m.tenant_id = :tenant AND m.id = :id AND m.state = 'submitting'
   AND m.unsure AND NOT m.asked AND m.provider_id IS NOT NULL;

-- name: resend(id uuid) -> none
-- lane: writes
SELECT sms.resend(:tenant, :id);

-- name: sweep(most int) -> int
-- lane: writes
SELECT sms.sweep(:most);

-- name: expire(most int) -> int
-- lane: writes
SELECT sms.expire(:most);

-- name: forget(most int) -> int
-- lane: writes
SELECT sms.forget(:most);

-- name: late(id uuid, least_s int) -> bigint
-- lane: writes
SELECT sms.late(:tenant, :id, :least_s);

-- name: subject(number text) -> text
SELECT sms.subject(:tenant, :number)::text;

-- name: erase(number text) -> none
-- lane: writes
SELECT sms.erase(:tenant, :number);

-- name: opt_out_of(number text, masked text, wanted bool) -> none
-- What a person has said of advertisements, whoever sends them.
WITH gone AS (
    DELETE FROM sms.opt_outs AS o
     WHERE :wanted AND o.tenant_id = :tenant
       AND o.number_mac = sms.number_mac(:tenant, :number)
       AND o.sender = 'lane:marketing'
)
SELECT count(*) FROM (SELECT WHERE NOT :wanted) AS no
 CROSS JOIN LATERAL sms.opt_out(:tenant, :number, :masked, 'lane:marketing',
                                'manual') AS o;

-- name: convert(code uuid) -> bool
-- lane: writes
SELECT sms.convert(:tenant, :code);

-- name: count_converted() -> int
-- lane: writes
SELECT sms.count_converted();

-- name: count_routes() -> int
-- lane: writes
SELECT sms.count_routes();
