-- Email: messages on their way, what became of them, and who gets none.
--
-- What must stay true: a message has one recipient whose fate its state is,
-- and ranks of states only rise but between queued, sending and deferred;
-- whoever records an attempt names it, so that what another one has by now is
-- left alone; nobody who is suppressed is written to, which is looked at when
-- a message is taken and again when it is claimed; what a message says stands
-- here encrypted.
--
-- These tables are not partitioned, as the outbox is not: retention deletes in
-- batches what is old, and a lacking partition would refuse every mail.

CREATE SCHEMA email;

-- to_norm is one text for all spellings of a mailbox; to_address is what a
-- server is told.  attempts counts claims; unsure, those whose end is unknown.
CREATE TABLE email.messages (
    id           uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id    uuid NOT NULL,
    lane         text NOT NULL,
    state        text NOT NULL DEFAULT 'queued',
    to_norm      text NOT NULL,
    to_address   text NOT NULL,
    to_name      text,
    cc           text[] NOT NULL DEFAULT '{}',
    bcc          text[] NOT NULL DEFAULT '{}',
    sender       text NOT NULL,
    sender_name  text,
    reply_to     text,
    subject      text NOT NULL,
    list_id      uuid,
    mandatory    boolean NOT NULL DEFAULT false,
    resend_of    uuid,
    size         int NOT NULL,
    attempts     int NOT NULL DEFAULT 0,
    unsure       int NOT NULL DEFAULT 0,
    next_at      timestamptz NOT NULL,
    lease_until  timestamptz,
    expires_at   timestamptz NOT NULL,
    reason       text,
    verp         bytea NOT NULL
                 DEFAULT substring(uuid_send(gen_random_uuid()) FROM 9),
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at      timestamptz,

    CONSTRAINT messages_pkey PRIMARY KEY (id),
    CONSTRAINT messages_lane_check CHECK (lane IN ('transactional', 'bulk')),
    CONSTRAINT messages_state_check CHECK (state IN ('scheduled', 'queued',
        'sending', 'deferred', 'sent', 'delivered', 'bounced', 'failed',
        'expired', 'canceled', 'suppressed', 'uncertain'))
) WITH (autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX messages_due ON email.messages (tenant_id, lane, next_at)
 WHERE state IN ('scheduled', 'queued', 'deferred');
CREATE INDEX messages_late ON email.messages (next_at)
 WHERE state IN ('scheduled', 'queued', 'deferred');
CREATE INDEX messages_sending ON email.messages (lease_until)
 WHERE state = 'sending';
CREATE INDEX messages_by_tenant ON email.messages (tenant_id, id);
CREATE INDEX messages_by_address ON email.messages (tenant_id, to_norm, id);
CREATE INDEX messages_by_state ON email.messages (tenant_id, state, id);
CREATE INDEX messages_by_age ON email.messages (created_at);

-- What it says, encrypted; dropped after 30 days.
CREATE TABLE email.bodies (
    message_id  uuid NOT NULL,
    tenant_id   uuid NOT NULL,
    content_ct  text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT bodies_pkey PRIMARY KEY (message_id),
    CONSTRAINT bodies_message_fkey FOREIGN KEY (message_id)
        REFERENCES email.messages ON DELETE CASCADE
);

CREATE INDEX bodies_by_age ON email.bodies (created_at);

-- One message for one key; dropped after 30 days.
CREATE TABLE email.message_keys (
    tenant_id   uuid NOT NULL,
    dedup_key   text NOT NULL,
    message_id  uuid NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT message_keys_pkey PRIMARY KEY (tenant_id, dedup_key),
    CONSTRAINT message_keys_message_fkey FOREIGN KEY (message_id)
        REFERENCES email.messages ON DELETE CASCADE
);

CREATE INDEX message_keys_by_message ON email.message_keys (message_id);
CREATE INDEX message_keys_by_age ON email.message_keys (created_at);

-- What happened to a message, only ever added to; kept for 13 months.
CREATE TABLE email.events (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id   uuid NOT NULL,
    message_id  uuid NOT NULL,
    kind        text NOT NULL,
    code        int,
    enhanced    text,
    diagnostic  text,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT events_pkey PRIMARY KEY (id),
    CONSTRAINT events_kind_check CHECK (kind IN ('accepted', 'deferred',
        'delivered', 'bounced', 'complained', 'opened', 'machine_opened',
        'clicked', 'bot_clicked', 'unsubscribed', 'failed', 'uncertain'))
);

CREATE INDEX events_by_message ON email.events (message_id, id);
CREATE INDEX events_by_age ON email.events (at);

-- The embedded provider: mails as they would have gone out.
CREATE TABLE email.captured (
    message_id  uuid NOT NULL,
    tenant_id   uuid NOT NULL,
    rcpts       text[] NOT NULL,
    mime        text NOT NULL,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT captured_pkey PRIMARY KEY (message_id),
    CONSTRAINT captured_message_fkey FOREIGN KEY (message_id)
        REFERENCES email.messages ON DELETE CASCADE
);

CREATE INDEX captured_by_tenant ON email.captured (tenant_id, message_id);

-- Who gets none.  to_norm is an address, @domain.test, or @*.domain.test for
-- all below it; scope is all, marketing, or list:<id>.
CREATE TABLE email.suppressions (
    tenant_id       uuid NOT NULL,
    to_norm         text NOT NULL,
    scope           text NOT NULL,
    reason          text NOT NULL,
    source_message  uuid,
    note            text,
    expires_at      timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT suppressions_pkey PRIMARY KEY (tenant_id, to_norm, scope),
    CONSTRAINT suppressions_reason_check CHECK (reason IN ('hard_bounce',
        'soft_bounce', 'complaint', 'unsubscribe', 'manual', 'invalid')),
    CONSTRAINT suppressions_scope_check
        CHECK (scope ~ '^(all|marketing|list:[0-9a-f-]{36})$')
);

CREATE INDEX suppressions_over ON email.suppressions (expires_at)
 WHERE expires_at IS NOT NULL;


-- Suppressions

-- An address as the rows that could name it: itself, its domain, all above.
CREATE FUNCTION email.patterns(address text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT ARRAY[address, '@' || domain] || ARRAY(
        SELECT '@*.' || array_to_string(labels[i:], '.')
          FROM generate_series(2, cardinality(labels)) AS i)
      FROM (SELECT split_part(address, '@', 2) AS domain,
                   string_to_array(split_part(address, '@', 2), '.')
                   AS labels) AS d
$$;

-- Why an address gets no such message; null: it may.  Mail that is mandatory
-- goes to who unsubscribed or complained, and never to who is not there.
CREATE FUNCTION email.suppressed(tenant uuid, address text, lane text,
    list uuid, mandatory boolean)
RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT s.reason FROM email.suppressions AS s
     WHERE s.tenant_id = tenant
       AND s.to_norm = ANY (email.patterns(address))
       AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp())
       AND (s.scope = 'all' OR s.scope = 'marketing' AND lane = 'bulk'
            OR s.scope = 'list:' || list)
       AND NOT (mandatory AND s.reason IN ('unsubscribe', 'complaint'))
     ORDER BY s.reason = 'hard_bounce' DESC, s.scope LIMIT 1
$$;

-- A stronger reason replaces a weaker one, and what is for ever stays so.
CREATE FUNCTION email.suppress(tenant uuid, address text, scope text,
    reason text, source uuid, until timestamptz DEFAULT NULL,
    note text DEFAULT NULL)
RETURNS void LANGUAGE sql VOLATILE AS $$
    INSERT INTO email.suppressions AS s (tenant_id, to_norm, scope, reason,
           source_message, expires_at, note)
    VALUES (tenant, address, scope, reason, source, until, note)
    ON CONFLICT ON CONSTRAINT suppressions_pkey DO UPDATE
       SET reason = excluded.reason, source_message = excluded.source_message,
           expires_at = excluded.expires_at, note = excluded.note
     WHERE s.expires_at IS NOT NULL
       AND (excluded.expires_at IS NULL OR excluded.expires_at > s.expires_at)
$$;

CREATE FUNCTION email.suppression_doc(s email.suppressions) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('address', s.to_norm, 'scope', s.scope,
        'reason', s.reason, 'source_message', s.source_message,
        'note', s.note, 'expires_at', pando.rfc3339(s.expires_at),
        'created_at', pando.rfc3339(s.created_at))
$$;


-- Messages

CREATE FUNCTION email.message_doc(m email.messages) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', m.id, 'lane', m.lane, 'state', m.state,
        'to', m.to_address, 'to_name', m.to_name, 'cc', m.cc, 'bcc', m.bcc,
        'from', m.sender, 'from_name', m.sender_name,
        'reply_to', m.reply_to, 'subject', m.subject, 'list', m.list_id,
        'mandatory', m.mandatory, 'resend_of', m.resend_of, 'size', m.size,
        'attempts', m.attempts, 'reason', m.reason,
        'next_at', CASE WHEN m.state IN ('scheduled', 'queued', 'deferred')
                   THEN pando.rfc3339(m.next_at) END,
        'expires_at', pando.rfc3339(m.expires_at),
        'created_at', pando.rfc3339(m.created_at),
        'sent_at', pando.rfc3339(m.sent_at))
$$;

CREATE FUNCTION email.events_doc(message uuid) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT coalesce(json_agg(json_build_object('kind', e.kind,
        'code', e.code, 'enhanced_code', e.enhanced,
        'diagnostic', e.diagnostic, 'at', pando.rfc3339(e.at))
        ORDER BY e.id), '[]')
      FROM email.events AS e WHERE e.message_id = message
$$;

CREATE FUNCTION email.note(tenant uuid, message uuid, kind text,
    code int DEFAULT NULL, enhanced text DEFAULT NULL,
    diagnostic text DEFAULT NULL)
RETURNS void LANGUAGE sql VOLATILE AS $$
    INSERT INTO email.events (tenant_id, message_id, kind, code, enhanced,
           diagnostic)
    VALUES (tenant, message, kind, code, enhanced, diagnostic)
$$;

CREATE FUNCTION email.tell(m email.messages, type text, reason text)
RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT pando.emit(m.tenant_id, type, 1, m.id, jsonb_strip_nulls(
        jsonb_build_object('message_id', m.id, 'lane', m.lane,
                           'list_id', m.list_id, 'reason', reason)))
$$;

-- Someone looks for messages of that lane then.
CREATE FUNCTION email.wake(tenant uuid, lane text, at timestamptz)
RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT pando.enqueue('email.' || lane, '{}', tenant, at)
$$;

-- A message is taken; with a key that is known, it is the one of before.
CREATE FUNCTION email.accept(tenant uuid, lane text, to_norm text,
    to_address text, to_name text, cc text[], bcc text[], sender text,
    sender_name text, reply_to text, subject text, list uuid,
    mandatory boolean, of uuid, size int, send_at timestamptz, ttl_s int,
    key text, content_ct text)
RETURNS TABLE (id uuid, state text) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    message uuid := pando.uuid7();
    begins timestamptz := greatest(accept.send_at, clock_timestamp());
    first text := CASE WHEN accept.send_at > clock_timestamp()
                  THEN 'scheduled' ELSE 'queued' END;
BEGIN
    IF accept.key IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(hashtextextended(
            concat_ws(' ', tenant, accept.key), 1346457188));

        RETURN QUERY SELECT m.id, m.state
          FROM email.message_keys AS k
          JOIN email.messages AS m ON m.id = k.message_id
         WHERE k.tenant_id = tenant AND k.dedup_key = accept.key
           AND k.created_at > now() - interval '30 days';

        IF FOUND THEN
            RETURN;
        END IF;

        DELETE FROM email.message_keys AS k
         WHERE k.tenant_id = tenant AND k.dedup_key = accept.key;
    END IF;

    INSERT INTO email.messages (id, tenant_id, lane, state, to_norm,
           to_address, to_name, cc, bcc, sender, sender_name, reply_to,
           subject, list_id, mandatory, resend_of, size, next_at, expires_at)
    VALUES (message, tenant, accept.lane, first, accept.to_norm,
            accept.to_address, accept.to_name, accept.cc, accept.bcc,
            accept.sender, accept.sender_name, accept.reply_to,
            accept.subject, accept.list, accept.mandatory, accept.of,
            accept.size, begins, begins + accept.ttl_s * interval '1 s');

    INSERT INTO email.bodies (message_id, tenant_id, content_ct)
    VALUES (message, tenant, accept.content_ct);

    IF accept.key IS NOT NULL THEN
        INSERT INTO email.message_keys (tenant_id, dedup_key, message_id)
        VALUES (tenant, accept.key, message);
    END IF;

    PERFORM email.wake(tenant, accept.lane, begins);
    RETURN QUERY SELECT message, first;
END $$;

-- It goes no further.
CREATE FUNCTION email.rest(m email.messages, state text, reason text)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    UPDATE email.messages AS o
       SET state = rest.state, reason = rest.reason, lease_until = NULL
     WHERE o.id = m.id;

    PERFORM email.note(m.tenant_id, m.id, 'failed', NULL, NULL,
        CASE rest.state WHEN 'expired' THEN 'it was not sent in time'
        WHEN 'suppressed' THEN 'suppressed: ' || rest.reason
        ELSE rest.reason END);
END $$;

-- The next message of a lane that is due.
CREATE FUNCTION email.claim(tenant uuid, lane text, lease_s int)
RETURNS TABLE (id uuid, attempt int, to_norm text, to_address text,
    to_name text, cc text[], bcc text[], sender text, sender_name text,
    reply_to text, subject text, list_id uuid, created_at timestamptz,
    content_ct text)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    m email.messages;
    why text;
BEGIN
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
               lease_until = clock_timestamp() + lease_s * interval '1 s'
         WHERE o.id = m.id;

        RETURN QUERY
        SELECT m.id, m.attempts + 1, m.to_norm, m.to_address, m.to_name,
               m.cc, m.bcc, m.sender, m.sender_name, m.reply_to, m.subject,
               m.list_id, m.created_at, b.content_ct
          FROM (SELECT) AS one
          LEFT JOIN email.bodies AS b ON b.message_id = m.id;
        RETURN;
    END LOOP;
END $$;

-- When it is tried again after so many attempts; random is from 0 to 1.
CREATE FUNCTION email.pause(attempts int, random float8)
RETURNS interval LANGUAGE sql IMMUTABLE AS $$
    SELECT (ARRAY[60, 300, 900, 1800, 3600, 7200])
           [least(greatest(attempts, 1), 6)]
           * (0.8 + 0.4 * random) * interval '1 s'
$$;

-- How an attempt ended: sent, deferred, bounced, failed, or uncertain, which a
-- transactional message may be once.  class: of a bounce.
CREATE FUNCTION email.record(tenant uuid, message uuid, n int, outcome text,
    code int, enhanced text, diagnostic text, class text, after_ms bigint)
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

    IF outcome = 'uncertain' AND m.lane = 'transactional' AND m.unsure = 0 THEN
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
           unsure = unsure + (outcome = 'uncertain')::int,
           reason = CASE WHEN into_state = 'sent' THEN NULL
                    ELSE coalesce(class, diagnostic) END,
           sent_at = CASE WHEN into_state = 'sent'
                     THEN clock_timestamp() END
     WHERE o.id = message;

    PERFORM email.note(tenant, message, CASE outcome WHEN 'sent'
        THEN 'accepted' ELSE outcome END, code, enhanced, diagnostic);

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

-- It was not tried, for want of room on this side.
CREATE FUNCTION email.put_off(tenant uuid, message uuid, n int, ms bigint)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    at timestamptz := clock_timestamp() + ms * interval '1 ms';
    of text;
BEGIN
    UPDATE email.messages AS o
       SET state = 'deferred', attempts = attempts - 1, lease_until = NULL,
           next_at = at
     WHERE o.id = message AND o.tenant_id = tenant AND o.state = 'sending'
       AND o.attempts = n
    RETURNING o.lane INTO of;

    IF FOUND THEN
        PERFORM email.wake(tenant, of, at);
    END IF;
END $$;

-- What nobody came for, and what a worker that died had in hand: the server
-- may have taken that, so it is uncertain.
CREATE FUNCTION email.sweep(most int) RETURNS int
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
            NULL, 'who was sending it was lost', NULL, 0);
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

-- What is kept no longer, so many of each at once.
CREATE FUNCTION email.forget(most int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    n int;
    sum int := 0;
BEGIN
    DELETE FROM email.bodies AS b WHERE b.message_id = ANY (ARRAY(
        SELECT o.message_id FROM email.bodies AS o
         WHERE o.created_at < now() - interval '30 days'
         ORDER BY o.created_at LIMIT most));
    GET DIAGNOSTICS n = ROW_COUNT;
    sum := sum + n;

    DELETE FROM email.message_keys AS k
     WHERE (k.tenant_id, k.dedup_key) IN (
        SELECT o.tenant_id, o.dedup_key FROM email.message_keys AS o
         WHERE o.created_at < now() - interval '30 days'
         ORDER BY o.created_at LIMIT most);
    GET DIAGNOSTICS n = ROW_COUNT;
    sum := sum + n;

    DELETE FROM email.events AS e WHERE e.id = ANY (ARRAY(
        SELECT o.id FROM email.events AS o
         WHERE o.at < now() - interval '13 months'
         ORDER BY o.at LIMIT most));
    GET DIAGNOSTICS n = ROW_COUNT;
    sum := sum + n;

    DELETE FROM email.messages AS m WHERE m.id = ANY (ARRAY(
        SELECT o.id FROM email.messages AS o
         WHERE o.created_at < now() - interval '13 months'
         ORDER BY o.created_at LIMIT most));
    GET DIAGNOSTICS n = ROW_COUNT;
    sum := sum + n;

    DELETE FROM email.suppressions AS s
     WHERE (s.tenant_id, s.to_norm, s.scope) IN (
        SELECT o.tenant_id, o.to_norm, o.scope FROM email.suppressions AS o
         WHERE o.expires_at < now() ORDER BY o.expires_at LIMIT most);
    GET DIAGNOSTICS n = ROW_COUNT;

    RETURN sum + n;
END $$;
