-- SMS: campaigns, and figures.
--
-- What must stay true: who gets a campaign is settled when it is scheduled, and
-- gets it once, however often its job begins anew; one that is paused has
-- nothing on its way but what a provider has already.

CREATE TABLE sms.campaigns (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id   uuid NOT NULL,
    name        text NOT NULL,
    body        text,
    template    text,
    sender      text,
    state       text NOT NULL DEFAULT 'draft',
    send_at     timestamptz,
    paused_at   timestamptz,
    recipients  int NOT NULL DEFAULT 0,
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT campaigns_pkey PRIMARY KEY (id),
    CONSTRAINT campaigns_text_check CHECK ((body IS NULL) <> (template IS NULL)),
    CONSTRAINT campaigns_state_check CHECK (state IN ('draft', 'scheduled',
        'running', 'paused', 'finished', 'canceled'))
);

CREATE INDEX campaigns_by_tenant ON sms.campaigns (tenant_id, id);
CREATE INDEX campaigns_by_age ON sms.campaigns (created_at);

-- Go with their campaign, after 13 months.
CREATE TABLE sms.campaign_recipients (
    campaign_id  uuid NOT NULL,
    tenant_id    uuid NOT NULL,
    n            int NOT NULL,
    number_mac   bytea NOT NULL,
    to_e164      text NOT NULL,
    country      text NOT NULL,
    data         jsonb,
    state        text NOT NULL DEFAULT 'pending',
    error        text,

    CONSTRAINT campaign_recipients_pkey PRIMARY KEY (campaign_id, n),
    CONSTRAINT campaign_recipients_mac_key UNIQUE (campaign_id, number_mac),
    CONSTRAINT campaign_recipients_campaign_fkey FOREIGN KEY (campaign_id)
        REFERENCES sms.campaigns ON DELETE CASCADE,
    CONSTRAINT campaign_recipients_state_check
        CHECK (state IN ('pending', 'taken', 'refused'))
);

CREATE INDEX campaign_recipients_pending
    ON sms.campaign_recipients (campaign_id, n) WHERE state = 'pending';
CREATE INDEX campaign_recipients_by_number
    ON sms.campaign_recipients (tenant_id, number_mac);

ALTER TABLE sms.messages
    ADD COLUMN campaign_id uuid,
    ADD COLUMN dearest_minor bigint;    -- by the dearest way that there was

CREATE INDEX messages_by_campaign ON sms.messages (campaign_id, state)
 WHERE campaign_id IS NOT NULL;

CREATE FUNCTION sms.campaign_doc(c sms.campaigns) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', c.id, 'name', c.name, 'body', c.body,
        'template', c.template, 'sender', c.sender, 'state', c.state,
        'send_at', pando.rfc3339(c.send_at), 'recipients', c.recipients,
        'version', c.version, 'created_at', pando.rfc3339(c.created_at),
        'updated_at', pando.rfc3339(c.updated_at))
$$;

-- With what became of it.
CREATE FUNCTION sms.campaign_detail(c sms.campaigns) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT sms.campaign_doc(c) || jsonb_build_object(
        'pending', (SELECT count(*) FROM sms.campaign_recipients AS r
            WHERE r.campaign_id = c.id AND r.state = 'pending'),
        'refused', (SELECT coalesce(jsonb_object_agg(e.error, e.n), '{}')
            FROM (SELECT r.error, count(*) AS n
                    FROM sms.campaign_recipients AS r
                   WHERE r.campaign_id = c.id AND r.state = 'refused'
                   GROUP BY r.error) AS e),
        'messages', (SELECT coalesce(jsonb_object_agg(s.state, s.n), '{}')
            FROM (SELECT m.state, count(*) AS n FROM sms.messages AS m
                   WHERE m.campaign_id = c.id GROUP BY m.state) AS s))
$$;

-- More of them, each number once; returns how many are new.
CREATE FUNCTION sms.campaign_add(tenant uuid, campaign uuid, items jsonb)
RETURNS int LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    n int;
    had int;
BEGIN
    SELECT c.recipients INTO had FROM sms.campaigns AS c
     WHERE c.id = campaign AND c.tenant_id = tenant FOR UPDATE;

    WITH fresh AS (
        INSERT INTO sms.campaign_recipients (campaign_id, tenant_id, n,
               number_mac, to_e164, country, data)
        SELECT campaign, tenant, had + i.n,
               sms.number_mac(tenant, i.value->>'to'), i.value->>'to',
               i.value->>'country', i.value->'data'
          FROM jsonb_array_elements(items) WITH ORDINALITY AS i (value, n)
        ON CONFLICT ON CONSTRAINT campaign_recipients_mac_key DO NOTHING
        RETURNING 1
    )
    SELECT count(*) INTO n FROM fresh;

    UPDATE sms.campaigns AS c
       SET recipients = c.recipients + jsonb_array_length(items)
     WHERE c.id = campaign;

    RETURN n;
END $$;

-- From one state to another; paused, nothing of it goes, resumed, all of it
-- does, with as much time as it had left.
CREATE FUNCTION sms.campaign_move(tenant uuid, campaign uuid, target text,
    at timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    c sms.campaigns;
    m sms.messages;
BEGIN
    SELECT * INTO c FROM sms.campaigns AS o
     WHERE o.id = campaign AND o.tenant_id = tenant FOR UPDATE;

    UPDATE sms.campaigns AS o
       SET state = target, send_at = coalesce(at, send_at),
           paused_at = CASE target WHEN 'paused' THEN clock_timestamp() END,
           recipients = CASE WHEN c.state = 'draft' THEN
               (SELECT count(*) FROM sms.campaign_recipients AS r
                 WHERE r.campaign_id = campaign) ELSE recipients END,
           version = version + 1, updated_at = now()
     WHERE o.id = campaign;

    IF target = 'paused' THEN
        UPDATE sms.messages AS o
           SET next_at = clock_timestamp() + interval '10 years'
         WHERE o.campaign_id = campaign
           AND o.state IN ('scheduled', 'queued', 'retry');

    ELSIF target = 'canceled' THEN
        FOR m IN SELECT * FROM sms.messages AS o
                  WHERE o.campaign_id = campaign
                    AND o.state IN ('scheduled', 'queued', 'retry')
                    AND NOT o.unsure FOR UPDATE
        LOOP
            PERFORM sms.move(m, 'canceled', NULL, NULL);
        END LOOP;

    ELSIF c.state = 'paused' THEN
        FOR m IN
            UPDATE sms.messages AS o
               SET next_at = clock_timestamp(),
                   ttl_at = ttl_at + (clock_timestamp() - c.paused_at)
             WHERE o.campaign_id = campaign
               AND o.state IN ('scheduled', 'queued', 'retry')
            RETURNING *
        LOOP
            PERFORM sms.wake(m.tenant_id, m.lane, m.id, m.next_at);
        END LOOP;
    END IF;
END $$;

-- What the next step of it is for; none where it does not run, which it begins
-- to where that is its time.
CREATE FUNCTION sms.campaign_next(tenant uuid, campaign uuid, most int)
RETURNS TABLE (n int, to_e164 text, data text)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    UPDATE sms.campaigns AS c
       SET state = 'running', version = version + 1
     WHERE c.id = campaign AND c.tenant_id = tenant
       AND c.state = 'scheduled' AND c.send_at <= clock_timestamp();

    RETURN QUERY
    SELECT r.n, r.to_e164, r.data::text
      FROM sms.campaigns AS c
      JOIN sms.campaign_recipients AS r ON r.campaign_id = c.id
     WHERE c.id = campaign AND c.tenant_id = tenant AND c.state = 'running'
       AND r.state = 'pending'
     ORDER BY r.n LIMIT most;
END $$;

-- How it went with them; an error that is empty is none.
CREATE FUNCTION sms.campaign_done(tenant uuid, campaign uuid, ns bigint[],
    errors text[])
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    UPDATE sms.campaign_recipients AS r
       SET state = CASE e.error WHEN '' THEN 'taken' ELSE 'refused' END,
           error = nullif(e.error, ''), data = NULL
      FROM unnest(ns, errors) AS e (n, error)
     WHERE r.campaign_id = campaign AND r.n = e.n
       AND r.tenant_id = tenant;

    UPDATE sms.campaigns AS c
       SET state = 'finished', version = version + 1, updated_at = now()
     WHERE c.id = campaign AND c.tenant_id = tenant AND c.state = 'running'
       AND NOT EXISTS (SELECT FROM sms.campaign_recipients AS r
                        WHERE r.campaign_id = campaign
                          AND r.state = 'pending');

    -- what was taken while somebody paused or canceled it
    IF EXISTS (SELECT FROM sms.campaigns AS c WHERE c.id = campaign
                  AND c.state = 'paused') THEN
        UPDATE sms.messages AS o
           SET next_at = clock_timestamp() + interval '10 years'
         WHERE o.campaign_id = campaign
           AND o.state IN ('scheduled', 'queued', 'retry');
    ELSIF EXISTS (SELECT FROM sms.campaigns AS c WHERE c.id = campaign
                     AND c.state = 'canceled') THEN
        PERFORM sms.cancel(tenant, o.id) FROM sms.messages AS o
          WHERE o.campaign_id = campaign
            AND o.state IN ('scheduled', 'queued', 'retry');
    END IF;
END $$;

CREATE FUNCTION sms.forget_campaigns(most int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    n int;
BEGIN
    DELETE FROM sms.campaigns AS c
     WHERE c.id IN (SELECT o.id FROM sms.campaigns AS o
                     WHERE o.created_at < now() - interval '13 months'
                     ORDER BY o.created_at LIMIT most);
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$;


-- The least id of that time.
CREATE FUNCTION sms.id_at(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
            || repeat('0', 20))::uuid
$$;

-- What was sent in a time, what became of it, and what it cost; saving: than by
-- the dearest ways that there were.
CREATE FUNCTION sms.figures(tenant uuid, by text, since timestamptz,
    until timestamptz)
RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('key', g.key,
               'sent', g.sent, 'delivered', g.delivered, 'failed', g.failed,
               'unknown', g.sent - g.delivered - g.failed,
               'converted', g.converted, 'segments', g.segments,
               'p50_s', g.p50, 'p95_s', g.p95, 'cost', g.cost,
               'saving', g.saving) ORDER BY g.sent DESC, g.key), '[]')
      FROM (
        SELECT CASE figures.by WHEN 'country' THEN m.country
                   WHEN 'provider' THEN m.provider_id::text
                   WHEN 'route' THEN m.route_id::text
                   WHEN 'template' THEN m.template ELSE m.lane END AS key,
               count(*) AS sent,
               count(*) FILTER (WHERE m.state = 'delivered') AS delivered,
               count(*) FILTER (WHERE m.state IN ('undelivered', 'failed',
                                                  'expired')) AS failed,
               count(*) FILTER (WHERE m.converted) AS converted,
               sum(m.segments) AS segments,
               percentile_cont(0.5) WITHIN GROUP (ORDER BY t.s) AS p50,
               percentile_cont(0.95) WITHIN GROUP (ORDER BY t.s) AS p95,
               coalesce(sum(m.price_minor), 0) AS cost,
               coalesce(sum(greatest(0, m.dearest_minor - m.price_minor)), 0)
               AS saving
          FROM sms.messages AS m CROSS JOIN LATERAL (
               SELECT CASE m.state WHEN 'delivered' THEN extract(epoch
                      FROM m.ended_at - m.accepted_at)::float8 END AS s) AS t
         WHERE m.tenant_id = tenant AND m.id >= sms.id_at(since)
           AND m.id < sms.id_at(until) AND m.attempts > 0
         GROUP BY 1 LIMIT 1000) AS g
$$;


-- Taking on: each item was looked at, and has its price; what may not be sent,
-- or cannot be paid for, is refused and leaves nothing behind.
CREATE OR REPLACE FUNCTION sms.accept(tenant uuid, items jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    i jsonb;
    goes record;
    m sms.messages;
    own uuid;
    at timestamptz;
    no text;
    out jsonb := '[]';
BEGIN
    FOR i IN SELECT o.value FROM jsonb_array_elements(items)
                  WITH ORDINALITY AS o (value, n) ORDER BY o.n
    LOOP
        own := pando.uuid7();

        IF i ? 'dedup_key' THEN
            INSERT INTO sms.message_keys (tenant_id, dedup_key, message_id)
            VALUES (tenant, i->>'dedup_key', own)
            ON CONFLICT ON CONSTRAINT message_keys_pkey DO NOTHING;

            IF NOT FOUND THEN
                SELECT o.* INTO m
                  FROM sms.message_keys AS k
                  JOIN sms.messages AS o ON o.id = k.message_id
                 WHERE k.tenant_id = tenant AND k.dedup_key = i->>'dedup_key';
                out := out || jsonb_build_array(sms.taken(m));
                CONTINUE;
            END IF;
        END IF;

        SELECT s.sender, s.may INTO goes
          FROM sms.sender_for(tenant, i->>'country', i->>'lane',
                   i->>'sender', i ? 'exempt' OR i ? 'thread_id') AS s;

        no := CASE WHEN NOT goes.may THEN 'sender_not_allowed'
                   WHEN NOT i ? 'exempt' AND sms.suppressed(tenant, i->>'to',
                       i->>'lane', goes.sender)
                   THEN 'opted_out'
                   WHEN i ? 'price_minor' AND NOT sms.pay(tenant, i->>'lane',
                       (i->>'price_minor')::bigint, (i->>'cap')::bigint)
                   THEN 'spend_limit' END;

        IF no IS NOT NULL THEN
            DELETE FROM sms.message_keys AS k
             WHERE k.tenant_id = tenant AND k.dedup_key = i->>'dedup_key';
            out := out || jsonb_build_array(jsonb_build_object('error', no));
            CONTINUE;
        END IF;

        at := greatest((i->>'send_at')::timestamptz, clock_timestamp());

        INSERT INTO sms.messages (id, tenant_id, lane, to_e164, country,
               sender, body_ct, encoding, segments, template,
               template_version, price_minor, currency, thread_id, exempt,
               campaign_id, dearest_minor, state, next_at, ttl_at)
        VALUES (own, tenant, i->>'lane', i->>'to', i->>'country',
               goes.sender, i->>'body_ct', i->>'encoding',
               (i->>'segments')::int, i->>'template',
               (i->>'template_version')::int, (i->>'price_minor')::bigint,
               i->>'currency', (i->>'thread_id')::uuid, i ? 'exempt',
               (i->>'campaign_id')::uuid, (i->>'dearest_minor')::bigint,
               CASE WHEN (i->>'send_at')::timestamptz > clock_timestamp()
               THEN 'scheduled' ELSE 'queued' END,
               at, at + (i->>'ttl_s')::bigint * interval '1 s')
        RETURNING * INTO m;

        INSERT INTO sms.log (tenant_id, message_id, kind)
        VALUES (tenant, own, 'queued');
        PERFORM sms.wake(tenant, m.lane, own, at);
        out := out || jsonb_build_array(sms.taken(m));
    END LOOP;

    RETURN out;
END $$;

-- Who has the number leaves: figures stay, the person does not; that they do
-- not want messages stays, since it names nobody.
CREATE OR REPLACE FUNCTION sms.erase(tenant uuid, number text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    m sms.messages;
BEGIN
    FOR m IN
        SELECT * FROM sms.messages AS o
         WHERE o.tenant_id = tenant AND o.to_e164 = erase.number
           AND o.state IN ('scheduled', 'queued', 'retry')
           FOR UPDATE
    LOOP
        PERFORM sms.move(m, 'canceled', NULL, NULL);
    END LOOP;

    DELETE FROM sms.outbox AS b
     WHERE b.message_id IN (SELECT o.id FROM sms.messages AS o
         WHERE o.tenant_id = tenant AND o.to_e164 = erase.number);
    DELETE FROM sms.campaign_recipients AS r
     WHERE r.tenant_id = tenant
       AND r.number_mac = sms.number_mac(tenant, erase.number);
    DELETE FROM sms.threads AS t
     WHERE t.tenant_id = tenant AND t.number = erase.number;
    DELETE FROM sms.inbound_parts AS i
     WHERE i.tenant_id = tenant AND i.number = erase.number;
    UPDATE sms.messages AS o
       SET to_e164 = '', body_ct = NULL, thread_id = NULL,
           version = version + 1
     WHERE o.tenant_id = tenant AND o.to_e164 = erase.number;
END $$;
