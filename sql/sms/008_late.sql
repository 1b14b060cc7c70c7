-- SMS: codes that are late, and people who leave.
--
-- What must stay true: of a code that is late it is told once; who leaves is
-- known by no number any more, but for what keeps them from being written to.

CREATE INDEX message_keys_by_message ON sms.message_keys (message_id);

-- An end, or a step on the way: with the key that its sender gave a
-- code, who may do something about it.
CREATE OR REPLACE FUNCTION sms.move(m sms.messages, kind text, code text,
    reason text)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    ok boolean;
    price jsonb;
    name text;
BEGIN
    INSERT INTO sms.log (tenant_id, message_id, kind, code, reason)
    VALUES (m.tenant_id, m.id, move.kind, move.code, move.reason);

    ok := CASE
        WHEN move.kind NOT IN ('accepted', 'delivered', 'undelivered', 'failed',
                               'expired', 'canceled', 'suppressed') THEN false
        WHEN m.state IN ('scheduled', 'queued', 'retry') THEN
            move.kind IN ('failed', 'expired', 'canceled', 'suppressed')
        WHEN m.state = 'submitting' THEN true
        WHEN m.state = 'accepted' THEN
            move.kind IN ('delivered', 'undelivered', 'failed', 'expired')
        WHEN m.state = 'undelivered' THEN move.kind = 'delivered'
            AND m.ended_at > clock_timestamp() - interval '72 hours'
        ELSE false END;

    IF NOT ok THEN
        RETURN false;
    END IF;

    UPDATE sms.messages AS o
       SET state = move.kind, reason = move.reason, lease_until = NULL,
           unsure = unsure AND move.kind = 'expired',
           accepted_at = CASE WHEN move.kind IN ('accepted', 'delivered')
                         THEN coalesce(accepted_at, clock_timestamp())
                         ELSE accepted_at END,
           ended_at = CASE WHEN move.kind <> 'accepted'
                      THEN clock_timestamp() END,
           version = version + 1
     WHERE o.id = m.id;

    IF m.lane = 'otp' THEN
        SELECT k.dedup_key INTO name FROM sms.message_keys AS k
         WHERE k.message_id = m.id;
    END IF;

    price := CASE WHEN m.price_minor IS NOT NULL THEN jsonb_build_object(
        'amount', m.price_minor, 'currency', m.currency) END;

    IF move.kind IN ('delivered', 'failed', 'undelivered', 'expired') THEN
        PERFORM pando.emit(m.tenant_id,
            CASE move.kind WHEN 'delivered' THEN 'sms.delivered'
                           ELSE 'sms.failed' END, 1, m.id,
            jsonb_build_object('message_id', m.id, 'lane', m.lane,
                'country', m.country, 'provider_id', m.provider_id,
                'state', move.kind, 'reason', move.reason,
                'key', name));

    ELSIF move.kind = 'accepted' THEN
        PERFORM pando.emit(m.tenant_id, 'sms.sent', 1, m.id,
            jsonb_build_object('message_id', m.id, 'lane', m.lane,
                'country', m.country, 'provider_id', m.provider_id,
                'segments', m.segments, 'price', price));
    END IF;

    RETURN true;
END $$;

-- Seconds within which nineteen of twenty came by a route in a day; null where
-- too little is known.
CREATE FUNCTION sms.p95(route uuid) RETURNS int
LANGUAGE sql STABLE AS $$
    SELECT min(b.bound) FROM (
        SELECT l.i, (ARRAY[1, 2, 4, 8, 15, 30, 60, 120, 300, 600])[l.i]
                   AS bound,
               sum(sum(l.n)) OVER (ORDER BY l.i) AS so_far,
               sum(sum(l.n)) OVER () AS whole
          FROM sms.route_stats AS s,
               unnest(s.late) WITH ORDINALITY AS l (n, i)
         WHERE s.route_id = route AND s.hour > now() - interval '24 hours'
         GROUP BY l.i) AS b
     WHERE b.whole >= 30 AND b.so_far * 20 >= b.whole * 19
$$;

CREATE FUNCTION sms.tell_delayed(m sms.messages) RETURNS void
LANGUAGE sql VOLATILE AS $$
    SELECT pando.emit(m.tenant_id, 'sms.delayed', 1, m.id,
        jsonb_build_object('message_id', m.id, 'lane', m.lane,
            'country', m.country, 'provider_id', m.provider_id,
            'state', m.state, 'reason', NULL,
            'key', (SELECT k.dedup_key FROM sms.message_keys AS k
                     WHERE k.message_id = m.id)))
$$;

-- How an attempt went.  accepted; failed: for good; down: by the provider's own
-- fault, so that it is left alone for a while; unsure; busy: it was not tried.  Of a
-- code that no other provider can take now it is told that it will be late.
CREATE OR REPLACE FUNCTION sms.record(tenant uuid, message uuid, try int, how text,
    ref text, code text, reason text, others boolean, pause_ms bigint)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    m sms.messages;
    n int;
BEGIN
    SELECT * INTO m FROM sms.messages AS o
     WHERE o.id = message AND o.tenant_id = tenant FOR UPDATE;

    IF record.ref IS NOT NULL AND m.provider_id IS NOT NULL THEN
        INSERT INTO sms.provider_refs (provider_id, tenant_id, ref, message_id)
        VALUES (m.provider_id, tenant, record.ref, message)
        ON CONFLICT ON CONSTRAINT provider_refs_pkey DO NOTHING;
    END IF;

    IF how = 'accepted' THEN
        UPDATE sms.windows AS w SET failures = 0, down_until = NULL
         WHERE w.provider_id = m.provider_id AND w.failures > 0;
    ELSIF how = 'down' THEN
        UPDATE sms.windows AS w
           SET failures = failures + 1,
               down_until = clock_timestamp() + greatest(pause_ms,
                   CASE failures WHEN 0 THEN 5000 WHEN 1 THEN 15000
                   ELSE 60000 END) * interval '1 ms'
         WHERE w.provider_id = m.provider_id;
    END IF;

    IF m.id IS NULL OR m.state <> 'submitting' OR m.attempts <> record.try THEN
        RETURN;
    END IF;

    IF how = 'accepted' OR how = 'failed' THEN
        PERFORM sms.move(m, how, record.code, record.reason);
    ELSIF how = 'unsure' THEN
        PERFORM sms.doubt(m);
    ELSIF how = 'down' AND m.attempts >= 3 THEN
        PERFORM sms.move(m, 'failed', record.code,
                         coalesce(record.reason, 'provider_error'));
    ELSE
        IF how = 'down' THEN
            INSERT INTO sms.log (tenant_id, message_id, kind, code, reason)
            VALUES (tenant, message, 'failed', record.code,
                    coalesce(record.reason, 'provider_error'));
        END IF;

        n := CASE WHEN how = 'busy' THEN 1000
                  WHEN others AND m.lane <> 'marketing' THEN 0
                  ELSE (CASE m.attempts WHEN 1 THEN 5000 WHEN 2 THEN 30000
                        ELSE 120000 END) * (0.9 + 0.2 * random()) END;

        UPDATE sms.messages AS o
           SET state = 'retry', lease_until = NULL, version = version + 1,
               tried = CASE WHEN how = 'down'
                       THEN array_append(tried, route_id) ELSE tried END,
               attempts = attempts - CASE how WHEN 'busy' THEN 1 ELSE 0 END,
               next_at = clock_timestamp() + n * interval '1 ms'
         WHERE o.id = message
        RETURNING * INTO m;
        PERFORM sms.wake(tenant, m.lane, message, m.next_at);

        IF how = 'down' AND m.lane = 'otp' AND NOT others THEN
            PERFORM sms.tell_delayed(m);
        END IF;
    END IF;
END $$;

-- A code of which nothing was heard for so long, or, by a route that is slow,
-- for two and a half times as long as that takes.  Returns in how many
-- milliseconds to look again; 0: that is settled.
CREATE FUNCTION sms.late(tenant uuid, message uuid, least_s int) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    m sms.messages;
    after interval;
    left_ms bigint;
BEGIN
    SELECT * INTO m FROM sms.messages AS o
     WHERE o.id = message AND o.tenant_id = tenant
       AND o.state IN ('queued', 'retry', 'submitting', 'accepted');

    IF NOT FOUND THEN
        RETURN 0;
    END IF;

    after := greatest(least_s, least(60, coalesce(sms.p95(m.route_id), 0)
                                         * 2.5)) * interval '1 s';
    left_ms := ceil(extract(epoch FROM coalesce(m.accepted_at, m.created_at)
                    + after - clock_timestamp()) * 1000);

    IF left_ms > 0 THEN
        RETURN left_ms;
    END IF;

    PERFORM sms.tell_delayed(m);

    RETURN 0;
END $$;

-- Whether who has the number may not be sent that: codes always pass, since
-- the person asked for them.  Who was not there three times in a month is not
-- there for marketing, nor is who took back a consent to that.
CREATE OR REPLACE FUNCTION sms.suppressed(tenant uuid, number text, lane text,
    sender text)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    IF lane = 'otp' THEN
        RETURN false;
    END IF;

    RETURN EXISTS (SELECT FROM sms.opt_outs AS o
            WHERE o.tenant_id = tenant
              AND o.number_mac = sms.number_mac(tenant, number)
              AND (o.sender IN ('', coalesce(suppressed.sender, ''))
                   OR lane = 'marketing' AND o.sender = 'lane:marketing'))
        OR lane = 'marketing' AND (SELECT count(*) >= 3
             FROM (SELECT FROM sms.messages AS m
                    WHERE m.tenant_id = tenant AND m.to_e164 = number
                      AND m.reason = 'unknown_subscriber'
                      AND m.created_at > now() - interval '30 days'
                    LIMIT 3) AS gone);
END $$;

-- What is known of a number.
CREATE FUNCTION sms.subject(tenant uuid, number text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'messages', (SELECT coalesce(jsonb_agg(sms.doc(m) ORDER BY m.id), '[]')
            FROM (SELECT * FROM sms.messages AS o
                   WHERE o.tenant_id = tenant AND o.to_e164 = subject.number
                   ORDER BY o.id DESC LIMIT 10000) AS m),
        'inbound', (SELECT coalesce(jsonb_agg(sms.inbound_doc(i)
                                              ORDER BY i.id), '[]')
            FROM sms.threads AS t
            JOIN sms.inbound AS i ON i.thread_id = t.id
           WHERE t.tenant_id = tenant AND t.number = subject.number),
        'opt_outs', (SELECT coalesce(jsonb_agg(sms.opt_out_doc(o)
                                               ORDER BY o.id), '[]')
            FROM sms.opt_outs AS o
           WHERE o.tenant_id = tenant
             AND o.number_mac = sms.number_mac(tenant, subject.number)))
$$;

-- Who has the number leaves: figures stay, the person does not; that they do
-- not want messages stays, since it names nobody.
CREATE FUNCTION sms.erase(tenant uuid, number text) RETURNS void
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
    DELETE FROM sms.threads AS t
     WHERE t.tenant_id = tenant AND t.number = erase.number;
    DELETE FROM sms.inbound_parts AS i
     WHERE i.tenant_id = tenant AND i.number = erase.number;
    UPDATE sms.messages AS o
       SET to_e164 = '', body_ct = NULL, thread_id = NULL,
           version = version + 1
     WHERE o.tenant_id = tenant AND o.to_e164 = erase.number;
END $$;
