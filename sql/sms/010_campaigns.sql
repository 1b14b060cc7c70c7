-- SMS: campaigns that are paused or canceled after all of them was taken on, or
-- by whom a batch was left half-way.
--
-- What must stay true: nothing is handed over of a campaign that is paused,
-- whoever took it on, and when.

-- What is due, as it is to be sent; nothing of a campaign that is paused.
CREATE OR REPLACE FUNCTION sms.due(tenant uuid, message uuid)
RETURNS SETOF sms.messages LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    m sms.messages;
    fate text;
BEGIN
    SELECT * INTO m FROM sms.messages AS o
     WHERE o.id = message AND o.tenant_id = tenant
       AND o.state IN ('scheduled', 'queued', 'retry');

    IF NOT FOUND THEN
        RETURN;
    END IF;

    IF m.next_at > clock_timestamp() THEN
        PERFORM sms.wake(tenant, m.lane, message, m.next_at);
        RETURN;
    END IF;

    IF m.campaign_id IS NOT NULL THEN
        SELECT c.state INTO fate FROM sms.campaigns AS c
         WHERE c.id = m.campaign_id;

        IF fate = 'paused' THEN
            UPDATE sms.messages AS o
               SET next_at = clock_timestamp() + interval '10 years'
             WHERE o.id = message
               AND o.state IN ('scheduled', 'queued', 'retry');
            RETURN;
        ELSIF fate = 'canceled' THEN
            PERFORM sms.cancel(tenant, message);
            RETURN;
        END IF;
    END IF;

    RETURN NEXT m;
END $$;

-- What the next step of it is for; none where it does not run, which it begins
-- to where that is its time.
CREATE OR REPLACE FUNCTION sms.campaign_next(tenant uuid, campaign uuid, most int)
RETURNS TABLE (n int, to_e164 text, data text)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    UPDATE sms.campaigns AS c
       SET state = 'running', version = version + 1
     WHERE c.id = campaign AND c.tenant_id = tenant
       AND c.state = 'scheduled' AND c.send_at <= clock_timestamp();

    UPDATE sms.campaigns AS c
       SET state = 'finished', version = version + 1
     WHERE c.id = campaign AND c.tenant_id = tenant AND c.state = 'running'
       AND NOT EXISTS (SELECT FROM sms.campaign_recipients AS r
                        WHERE r.campaign_id = campaign
                          AND r.state = 'pending');

    RETURN QUERY
    SELECT r.n, r.to_e164, r.data::text
      FROM sms.campaigns AS c
      JOIN sms.campaign_recipients AS r ON r.campaign_id = c.id
     WHERE c.id = campaign AND c.tenant_id = tenant AND c.state = 'running'
       AND r.state = 'pending'
     ORDER BY r.n LIMIT most;
END $$;

-- An attempt begins, by that route: before anything is handed over.  Says go,
-- or why not: later, held, gone, expired, suppressed.
CREATE OR REPLACE FUNCTION sms.claim(tenant uuid, message uuid, try int, route uuid,
    provider uuid, lease_s int)
RETURNS text LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    m sms.messages;
    s sms.senders;
    at timestamptz;
BEGIN
    SELECT * INTO m FROM sms.messages AS o
     WHERE o.id = message AND o.tenant_id = tenant AND o.attempts = claim.try
       AND o.state IN ('scheduled', 'queued', 'retry') FOR UPDATE;

    IF NOT FOUND THEN
        RETURN 'gone';
    END IF;

    IF m.ttl_at <= clock_timestamp() OR m.body_ct IS NULL THEN
        PERFORM sms.move(m, 'expired', NULL, 'expired');
        RETURN 'expired';
    END IF;

    IF NOT m.exempt AND sms.suppressed(tenant, m.to_e164, m.lane, m.sender)
    THEN
        PERFORM sms.move(m, 'suppressed', NULL, NULL);
        RETURN 'suppressed';
    END IF;

    IF m.campaign_id IS NOT NULL AND EXISTS (SELECT FROM sms.campaigns AS c
            WHERE c.id = m.campaign_id AND c.state = 'paused') THEN
        UPDATE sms.messages AS o
           SET next_at = clock_timestamp() + interval '10 years'
         WHERE o.id = message;
        RETURN 'held';
    END IF;

    SELECT * INTO s FROM sms.senders AS o
     WHERE o.tenant_id = tenant AND o.sender = m.sender
       AND o.per_second IS NOT NULL FOR UPDATE;
    at := sms.sender_wait(s);

    IF at IS NULL AND provider IS NOT NULL THEN
        at := sms.window(provider, m.lane);
    END IF;

    IF at IS NOT NULL THEN
        PERFORM sms.put_off(m, at);
        RETURN 'later';
    END IF;

    UPDATE sms.senders AS o
       SET tat = greatest(o.tat, clock_timestamp())
                 + interval '1 s' / o.per_second
     WHERE o.id = s.id;

    INSERT INTO sms.log (tenant_id, message_id, kind)
    VALUES (tenant, message, 'submitted');

    UPDATE sms.messages AS o
       SET state = 'submitting', attempts = attempts + 1,
           route_id = route, provider_id = provider,
           lease_until = clock_timestamp() + lease_s * interval '1 s',
           version = version + 1
     WHERE o.id = message;

    RETURN 'go';
END $$;
