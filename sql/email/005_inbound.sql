-- Email: what comes back - reports of delivery, complaints, answers.
--
-- What must stay true: a report counts only where it bears the tag that its
-- message alone has; the same mail counts once; who is not there gets no
-- more, and nobody is taken for that because of what a server thinks of us.

-- What came already; dropped after 30 days.
CREATE TABLE email.event_keys (
    source_id   text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT event_keys_pkey PRIMARY KEY (source_id)
);

CREATE INDEX event_keys_by_age ON email.event_keys (created_at);

-- Kept for 13 months.
CREATE TABLE email.inbound (
    id           uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id    uuid NOT NULL,
    route        text NOT NULL,
    sender       text NOT NULL,
    recipient    text NOT NULL,
    subject      text NOT NULL,
    message_id   uuid,
    outcome      text NOT NULL,
    size         int NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT inbound_pkey PRIMARY KEY (id),
    CONSTRAINT inbound_route_check CHECK (route IN ('bounce', 'complaint',
        'unsubscribe', 'support', 'automatic'))
);

CREATE INDEX inbound_by_tenant ON email.inbound (tenant_id, id);
CREATE INDEX inbound_by_age ON email.inbound (created_at);

CREATE FUNCTION email.inbound_doc(i email.inbound) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', i.id, 'route', i.route, 'from', i.sender,
        'to', i.recipient, 'subject', i.subject, 'message_id', i.message_id,
        'outcome', i.outcome, 'size', i.size,
        'created_at', pando.rfc3339(i.created_at))
$$;

-- A message came back in that class.  Of soft ones five, on distinct days of
-- the last 14, keep an address away for 30 days.
CREATE FUNCTION email.bounce(m email.messages, class text)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    days int;
BEGIN
    PERFORM email.tell(m, 'email.bounced', class);

    IF class = 'hard' THEN
        PERFORM email.suppress(m.tenant_id, m.to_norm, 'all', 'hard_bounce',
                               m.id);

    ELSIF class = 'soft' THEN
        SELECT count(DISTINCT date_trunc('day', e.at)) INTO days
          FROM email.messages AS o
          JOIN email.events AS e ON e.message_id = o.id
         WHERE o.tenant_id = m.tenant_id AND o.to_norm = m.to_norm
           AND o.state = 'bounced' AND o.reason = 'soft'
           AND e.kind = 'bounced' AND e.at > now() - interval '14 days';

        IF days >= 5 THEN
            PERFORM email.suppress(m.tenant_id, m.to_norm, 'all',
                'soft_bounce', m.id, now() + interval '30 days');
        END IF;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION email.record(tenant uuid, message uuid, n int,
    outcome text, code int, enhanced text, diagnostic text, class text,
    after_ms bigint, ref text, away text)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    m email.messages;
    at timestamptz;
    into_state text := outcome;
BEGIN
    SELECT * INTO m FROM email.messages AS o
     WHERE o.id = message AND o.tenant_id = tenant FOR UPDATE;

    IF m.id IS NULL OR m.state <> 'sending' OR m.attempts <> n THEN
        RETURN false;
    END IF;

    IF outcome = 'uncertain' AND m.provider = 'capture'
       OR outcome = 'uncertain' AND m.lane = 'transactional' AND m.unsure = 0
    THEN
        into_state := 'deferred';
    END IF;

    IF into_state = 'deferred' THEN
        at := clock_timestamp() + coalesce(after_ms * interval '1 ms',
              email.pause(m.attempts, random()));
        into_state := CASE WHEN at >= m.expires_at THEN 'failed'
                      ELSE 'deferred' END;
    END IF;

    UPDATE email.messages AS o
       SET state = into_state, lease_until = NULL,
           next_at = CASE WHEN into_state = 'deferred' THEN at
                     ELSE next_at END,
           unsure = unsure + (outcome = 'uncertain'
                              AND m.provider <> 'capture')::int,
           reason = CASE WHEN into_state = 'sent' THEN NULL
                    ELSE coalesce(class, diagnostic) END,
           provider_ref = coalesce(ref, provider_ref),
           sent_at = CASE WHEN into_state = 'sent'
                     THEN clock_timestamp() END
     WHERE o.id = message;

    PERFORM email.note(tenant, message, CASE outcome WHEN 'sent'
        THEN 'accepted' ELSE outcome END, code, enhanced, diagnostic);

    IF m.provider_id IS NOT NULL AND (away IS NOT NULL OR outcome = 'sent')
    THEN
        PERFORM email.provider_did(tenant, m.provider_id, away IS NULL, away,
                                   NULL);
    END IF;

    IF into_state = 'sent' THEN
        PERFORM email.tell(m, 'email.sent', NULL);

    ELSIF into_state = 'deferred' THEN
        PERFORM email.wake(tenant, m.lane, at);

    ELSIF into_state = 'bounced' THEN
        PERFORM email.bounce(m, class);

    ELSIF into_state = 'failed' AND outcome <> 'failed' THEN
        PERFORM email.note(tenant, message, 'failed', NULL, NULL,
                           'no more time is left for it');
    END IF;

    RETURN true;
END $$;

-- The message with that tag; nothing where it was made up.
CREATE FUNCTION email.tagged(message uuid, tag text) RETURNS SETOF email.messages
LANGUAGE sql STABLE AS $$
    SELECT * FROM email.messages AS m
     WHERE m.id = message AND encode(m.verp, 'hex') = tag
$$;

-- A report on a message.  action: failed, delayed, delivered.  What it did;
-- null: there is no such message.
CREATE FUNCTION email.reported(message uuid, tag text, action text,
    class text, status text, diagnostic text)
RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    m email.messages;
BEGIN
    SELECT * INTO m FROM email.tagged(message, tag) FOR UPDATE;

    IF m.id IS NULL THEN
        RETURN NULL;
    END IF;

    IF action = 'failed' THEN
        IF m.state = 'bounced' THEN
            RETURN 'known';
        END IF;

        UPDATE email.messages AS o
           SET state = 'bounced', reason = class, lease_until = NULL
         WHERE o.id = m.id;
        PERFORM email.note(m.tenant_id, m.id, 'bounced', NULL, status,
                           diagnostic);
        PERFORM email.bounce(m, class);
        RETURN class;
    END IF;

    IF action = 'delayed' THEN
        PERFORM email.note(m.tenant_id, m.id, 'deferred', NULL, status,
                           diagnostic);
        RETURN 'delayed';
    END IF;

    IF m.state IN ('sending', 'sent', 'uncertain') THEN
        UPDATE email.messages AS o
           SET state = 'delivered', lease_until = NULL WHERE o.id = m.id;
        PERFORM email.note(m.tenant_id, m.id, 'delivered', NULL, status,
                           diagnostic);
        PERFORM email.tell(m, 'email.delivered', NULL);
    END IF;

    RETURN 'delivered';
END $$;

-- Who complains gets no marketing any more; who does it again, nothing.
CREATE FUNCTION email.complained(message uuid, tag text, kind text)
RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    m email.messages;
    again boolean;
BEGIN
    SELECT * INTO m FROM email.tagged(message, tag);

    IF m.id IS NULL THEN
        RETURN NULL;
    END IF;

    IF EXISTS (SELECT FROM email.events AS e
                WHERE e.message_id = m.id AND e.kind = 'complained') THEN
        RETURN 'known';
    END IF;

    again := EXISTS (SELECT FROM email.suppressions AS s
        WHERE s.tenant_id = m.tenant_id AND s.to_norm = m.to_norm
          AND s.scope = 'marketing' AND s.reason = 'complaint');

    PERFORM email.note(m.tenant_id, m.id, 'complained', NULL, NULL, kind);
    PERFORM email.tell(m, 'email.complained', kind);

    INSERT INTO email.suppressions AS s (tenant_id, to_norm, scope, reason,
           source_message)
    VALUES (m.tenant_id, m.to_norm,
            CASE WHEN again THEN 'all' ELSE 'marketing' END, 'complaint',
            m.id)
    ON CONFLICT ON CONSTRAINT suppressions_pkey DO UPDATE
       SET reason = excluded.reason, expires_at = NULL
     WHERE s.reason <> 'hard_bounce';

    RETURN CASE WHEN again THEN 'all' ELSE 'marketing' END;
END $$;

-- By mail, to the address that the mail itself named for that.
CREATE FUNCTION email.left_by_mail(message uuid, tag text)
RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    m email.messages;
BEGIN
    SELECT * INTO m FROM email.tagged(message, tag);

    IF m.id IS NULL THEN
        RETURN NULL;
    END IF;

    PERFORM email.unsubscribe(m.tenant_id, m.id, m.list_id, m.to_norm);
    RETURN 'unsubscribed';
END $$;

-- False: it came before.
CREATE FUNCTION email.first_seen(source text) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO email.event_keys (source_id) VALUES (source)
    ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;

CREATE FUNCTION email.receive(tenant uuid, route text, sender text,
    recipient text, subject text, message uuid, outcome text, size int)
RETURNS uuid LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    i uuid := pando.uuid7();
    of uuid;
BEGIN
    SELECT m.tenant_id INTO of FROM email.messages AS m
     WHERE m.id = receive.message;

    INSERT INTO email.inbound (id, tenant_id, route, sender, recipient,
           subject, message_id, outcome, size)
    VALUES (i, coalesce(of, tenant), receive.route, receive.sender,
            receive.recipient, receive.subject, receive.message,
            receive.outcome, receive.size);

    IF receive.route = 'support' THEN
        PERFORM pando.emit(tenant, 'email.received', 1, i,
            jsonb_build_object('inbound_id', i, 'from', receive.sender,
                               'to', receive.recipient,
                               'subject', receive.subject));
    END IF;

    RETURN i;
END $$;

CREATE FUNCTION email.forget_inbound(most int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    n int;
    sum int;
BEGIN
    DELETE FROM email.event_keys AS k WHERE k.source_id = ANY (ARRAY(
        SELECT o.source_id FROM email.event_keys AS o
         WHERE o.created_at < now() - interval '30 days'
         ORDER BY o.created_at LIMIT most));
    GET DIAGNOSTICS sum = ROW_COUNT;

    DELETE FROM email.inbound AS i WHERE i.id = ANY (ARRAY(
        SELECT o.id FROM email.inbound AS o
         WHERE o.created_at < now() - interval '13 months'
         ORDER BY o.created_at LIMIT most));
    GET DIAGNOSTICS n = ROW_COUNT;

    RETURN sum + n;
END $$;
