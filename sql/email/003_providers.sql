-- Email: who takes mail from here, and what a claim knows of it.
--
-- What must stay true: a tenant without a provider has the embedded one; a
-- provider that fails is left alone for a while, and what it would have sent
-- waits or goes by another one; secrets stand here encrypted.

CREATE TABLE email.providers (
    id             uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id      uuid NOT NULL,
    name           text NOT NULL,
    kind           text NOT NULL,
    config         jsonb NOT NULL DEFAULT '{}',
    secret_ct      text,
    weight         int NOT NULL,
    lanes          text[] NOT NULL,
    enabled        boolean NOT NULL,
    failures       int NOT NULL DEFAULT 0,      -- in a row
    blocked_until  timestamptz,
    last_error     text,
    version        bigint NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT providers_pkey PRIMARY KEY (id),
    CONSTRAINT providers_name_key UNIQUE (tenant_id, name),
    CONSTRAINT providers_kind_check
        CHECK (kind IN ('capture', 'smtp')),
    CONSTRAINT providers_weight_check CHECK (weight BETWEEN 1 AND 1000)
);

CREATE FUNCTION email.provider_doc(p email.providers) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT (jsonb_build_object('id', p.id, 'name', p.name, 'kind', p.kind,
        'host', NULL, 'port', NULL, 'tls', NULL, 'user', NULL) || p.config
        || jsonb_build_object('has_secret', p.secret_ct IS NOT NULL,
        'weight', p.weight, 'lanes', p.lanes, 'enabled', p.enabled,
        'failures', p.failures, 'last_error', p.last_error,
        'blocked_until', pando.rfc3339(p.blocked_until),
        'version', p.version, 'created_at', pando.rfc3339(p.created_at),
        'updated_at', pando.rfc3339(p.updated_at)))::json
$$;

ALTER TABLE email.messages ADD COLUMN provider_id uuid,
      ADD COLUMN provider text, ADD COLUMN provider_ref text;

-- Where bounces of a message go: its id and a tag that nobody else knows.
CREATE FUNCTION email.verp(m email.messages) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT rtrim(translate(encode(uuid_send(m.id) || m.verp, 'base64'),
                           '+/', '-_'), '=')
$$;

-- One that may take mail of that lane now, by weight; kind null: none may.
CREATE FUNCTION email.pick(tenant uuid, of_lane text,
    OUT id uuid, OUT kind text, OUT config jsonb, OUT secret_ct text,
    OUT opens_at timestamptz)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    SELECT p.id, p.kind, p.config, p.secret_ct
      INTO id, kind, config, secret_ct
      FROM email.providers AS p
     WHERE p.tenant_id = tenant AND p.enabled AND of_lane = ANY (p.lanes)
       AND (p.blocked_until IS NULL
            OR p.blocked_until <= clock_timestamp())
     ORDER BY -ln(1 - random()) / p.weight LIMIT 1;

    IF FOUND THEN
        RETURN;
    END IF;

    SELECT min(p.blocked_until) INTO opens_at FROM email.providers AS p
     WHERE p.tenant_id = tenant AND p.enabled AND of_lane = ANY (p.lanes);

    IF opens_at IS NULL THEN
        kind := 'capture';
    END IF;
END $$;

DROP FUNCTION email.claim(uuid, text, int);

-- The next message of a lane that is due, and who is to take it.
CREATE FUNCTION email.claim(tenant uuid, lane text, lease_s int)
RETURNS TABLE (id uuid, attempt int, to_norm text, to_address text,
    to_name text, cc text[], bcc text[], sender text, sender_name text,
    reply_to text, subject text, list_id uuid, created_at timestamptz,
    content_ct text, verp text, provider_id uuid, kind text, config jsonb,
    secret_ct text)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    m email.messages;
    taker record;
    why text;
BEGIN
    taker := email.pick(tenant, claim.lane);

    IF taker.kind IS NULL THEN
        PERFORM email.wake(tenant, claim.lane, taker.opens_at);
        RETURN;
    END IF;

    FOR i IN 1 .. 1000 LOOP
        SELECT * INTO m FROM email.messages AS o
         WHERE o.tenant_id = tenant AND o.lane = claim.lane
           AND o.state IN ('scheduled', 'queued', 'deferred')
           AND o.next_at <= clock_timestamp()
         ORDER BY o.next_at LIMIT 1 FOR UPDATE SKIP LOCKED;

        IF m.id IS NULL THEN
            RETURN;
        END IF;

        IF m.expires_at <= clock_timestamp() THEN
            PERFORM email.rest(m, 'expired', 'expired');
            CONTINUE;
        END IF;

        why := email.suppressed(tenant, m.to_norm, m.lane, m.list_id,
                                m.mandatory);

        IF why IS NOT NULL THEN
            PERFORM email.rest(m, 'suppressed', why);
            CONTINUE;
        END IF;

        UPDATE email.messages AS o
           SET state = 'sending', attempts = attempts + 1,
               provider_id = taker.id, provider = taker.kind,
               lease_until = clock_timestamp() + lease_s * interval '1 s'
         WHERE o.id = m.id;

        RETURN QUERY
        SELECT m.id, m.attempts + 1, m.to_norm, m.to_address, m.to_name,
               m.cc, m.bcc, m.sender, m.sender_name, m.reply_to, m.subject,
               m.list_id, m.created_at, b.content_ct, email.verp(m), taker.id,
               taker.kind, taker.config, taker.secret_ct
          FROM (SELECT) AS one
          LEFT JOIN email.bodies AS b ON b.message_id = m.id;
        RETURN;
    END LOOP;
END $$;

-- A provider took something, or failed: after three failures in a row it is
-- left alone, for longer each time.  until: what it asked for itself.
CREATE FUNCTION email.provider_did(tenant uuid, provider uuid, fine boolean,
    why text, until timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    IF fine THEN
        UPDATE email.providers AS p
           SET failures = 0, blocked_until = NULL, last_error = NULL
         WHERE p.id = provider AND p.tenant_id = tenant AND p.failures > 0;
        RETURN;
    END IF;

    UPDATE email.providers AS p
       SET failures = failures + 1, last_error = why,
           blocked_until = greatest(until, CASE WHEN failures >= 2
               THEN clock_timestamp() + least(300, 5 * 2 ^ (failures - 2))
                    * interval '1 s' END)
     WHERE p.id = provider AND p.tenant_id = tenant;
END $$;

DROP FUNCTION email.record(uuid, uuid, int, text, int, text, text, text,
    bigint);

-- How an attempt ended: sent, deferred, bounced, failed, or uncertain, which a
-- transactional message may be once and one of the embedded provider never.
-- class: of a bounce; away: what is wrong with the provider, not the message.
CREATE FUNCTION email.record(tenant uuid, message uuid, n int, outcome text,
    code int, enhanced text, diagnostic text, class text, after_ms bigint,
    ref text, away text)
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
        PERFORM email.tell(m, 'email.bounced', class);

        IF class = 'hard' THEN
            PERFORM email.suppress(tenant, m.to_norm, 'all', 'hard_bounce',
                                   m.id);
        END IF;

    ELSIF into_state = 'failed' AND outcome <> 'failed' THEN
        PERFORM email.note(tenant, message, 'failed', NULL, NULL,
                           'no more time is left for it');
    END IF;

    RETURN true;
END $$;

DROP FUNCTION email.put_off(uuid, uuid, int, bigint);

-- It was not tried: the provider is left alone for that long, and another one
-- may take it at once.
CREATE FUNCTION email.put_off(tenant uuid, message uuid, n int, ms bigint,
    why text)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    m email.messages;
BEGIN
    UPDATE email.messages AS o
       SET state = CASE WHEN o.attempts = 1 THEN 'queued' ELSE 'deferred' END,
           attempts = attempts - 1, lease_until = NULL,
           next_at = clock_timestamp()
     WHERE o.id = message AND o.tenant_id = tenant AND o.state = 'sending'
       AND o.attempts = n
    RETURNING * INTO m;

    IF FOUND THEN
        PERFORM email.provider_did(tenant, m.provider_id, false, why,
            clock_timestamp() + ms * interval '1 ms');
        PERFORM email.wake(tenant, m.lane, clock_timestamp());
    END IF;
END $$;

CREATE OR REPLACE FUNCTION email.sweep(most int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    m email.messages;
    o record;
    n int := 0;
BEGIN
    FOR m IN SELECT s.* FROM email.messages AS s
              WHERE s.state = 'sending' AND s.lease_until < clock_timestamp()
              ORDER BY s.lease_until LIMIT most FOR UPDATE SKIP LOCKED
    LOOP
        PERFORM email.record(m.tenant_id, m.id, m.attempts, 'uncertain', NULL,
            NULL, 'who was sending it was lost', NULL, 0, NULL, NULL);
        n := n + 1;
    END LOOP;

    FOR o IN SELECT DISTINCT s.tenant_id, s.lane
               FROM (SELECT d.tenant_id, d.lane FROM email.messages AS d
                      WHERE d.state IN ('scheduled', 'queued', 'deferred')
                        AND d.next_at < clock_timestamp() - interval '10 s'
                      ORDER BY d.next_at LIMIT most) AS s
    LOOP
        PERFORM email.wake(o.tenant_id, o.lane, clock_timestamp());
        n := n + 1;
    END LOOP;

    RETURN n;
END $$;

CREATE OR REPLACE FUNCTION email.message_doc(m email.messages) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', m.id, 'lane', m.lane, 'state', m.state,
        'to', m.to_address, 'to_name', m.to_name, 'cc', m.cc, 'bcc', m.bcc,
        'from', m.sender, 'from_name', m.sender_name,
        'reply_to', m.reply_to, 'subject', m.subject, 'list', m.list_id,
        'mandatory', m.mandatory, 'resend_of', m.resend_of,
        'template_version_id', m.template_version_id, 'locale', m.locale,
        'size', m.size, 'attempts', m.attempts, 'provider', m.provider,
        'provider_ref', m.provider_ref, 'reason', m.reason,
        'next_at', CASE WHEN m.state IN ('scheduled', 'queued', 'deferred')
                   THEN pando.rfc3339(m.next_at) END,
        'expires_at', pando.rfc3339(m.expires_at),
        'created_at', pando.rfc3339(m.created_at),
        'sent_at', pando.rfc3339(m.sent_at))
$$;
