-- SMS: what comes in, keywords, and threads of a number with a sender.
--
-- What must stay true: a message that comes twice is there once; who says STOP
-- gets nothing more but one answer, from the commit of it on; only who said
-- STOP takes it back, by START.

CREATE TABLE sms.keywords (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id   uuid NOT NULL,
    word        text NOT NULL,                  -- in capitals
    action      text NOT NULL,
    reply       text,
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT keywords_pkey PRIMARY KEY (id),
    CONSTRAINT keywords_word_key UNIQUE (tenant_id, word),
    CONSTRAINT keywords_action_check
        CHECK (action IN ('stop', 'start', 'help', 'custom'))
);

CREATE INDEX keywords_by_tenant ON sms.keywords (tenant_id, id);

CREATE TABLE sms.threads (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id   uuid NOT NULL,
    number      text NOT NULL,
    sender      text NOT NULL,
    last_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT threads_pkey PRIMARY KEY (id),
    CONSTRAINT threads_both_key UNIQUE (tenant_id, number, sender)
) WITH (fillfactor = 80);

CREATE INDEX threads_by_last ON sms.threads (tenant_id, last_at, id);

-- Kept for 13 months.
CREATE TABLE sms.inbound (
    id           uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id    uuid NOT NULL,
    provider_id  uuid NOT NULL,
    ref          text NOT NULL,
    number       text NOT NULL,
    sender       text NOT NULL,                 -- whom it was sent to
    body         text NOT NULL,
    thread_id    uuid NOT NULL,
    keyword      text,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT inbound_pkey PRIMARY KEY (id),
    CONSTRAINT inbound_ref_key UNIQUE (provider_id, ref),
    CONSTRAINT inbound_thread_fkey FOREIGN KEY (thread_id)
        REFERENCES sms.threads ON DELETE CASCADE
);

CREATE INDEX inbound_by_tenant ON sms.inbound (tenant_id, id);
CREATE INDEX inbound_by_thread ON sms.inbound (thread_id, id);
CREATE INDEX inbound_by_age ON sms.inbound (at);
CREATE INDEX messages_by_thread ON sms.messages (thread_id, id)
 WHERE thread_id IS NOT NULL;


CREATE FUNCTION sms.keyword_doc(k sms.keywords) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', k.id, 'word', k.word, 'action', k.action,
        'reply', k.reply, 'version', k.version,
        'created_at', pando.rfc3339(k.created_at))
$$;

CREATE FUNCTION sms.inbound_doc(i sms.inbound) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', i.id, 'from', i.number, 'to', i.sender,
        'body', i.body, 'thread_id', i.thread_id, 'keyword', i.keyword,
        'at', pando.rfc3339(i.at))
$$;

CREATE FUNCTION sms.thread_doc(t sms.threads) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', t.id, 'number', t.number,
        'sender', t.sender, 'last_at', pando.rfc3339(t.last_at),
        'created_at', pando.rfc3339(t.created_at))
$$;

CREATE FUNCTION sms.word(text text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT upper(btrim(text, E' \t\r\n.!') COLLATE "und-x-icu")
$$;

-- What a whole message asks for, by the tenant's words and then by everyone's.
CREATE FUNCTION sms.keyword_of(tenant uuid, body text,
    OUT word text, OUT action text, OUT reply text)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    word := sms.word(body);

    SELECT k.action, k.reply INTO action, reply
      FROM sms.keywords AS k
     WHERE k.tenant_id = tenant AND k.word = keyword_of.word;

    IF NOT FOUND THEN
        action := CASE
            WHEN word IN ('STOP', 'STOPALL', 'STOP ALL', 'UNSUBSCRIBE',
                'CANCEL', 'END', 'QUIT', 'СТОП', 'ОТПИСАТЬСЯ', 'STOPP',
                'ABMELDEN', 'ARRET', 'ARRÊT', 'ALTO', 'BAJA', 'PARAR',
                'FERMA') THEN 'stop'
            WHEN word IN ('START', 'UNSTOP', 'СТАРТ', 'INICIAR') THEN 'start'
            WHEN word IN ('HELP', 'INFO', 'HILFE', 'AIDE', 'AYUDA', 'ПОМОЩЬ')
            THEN 'help' END;
    END IF;

    IF action IS NULL THEN
        word := NULL;
    END IF;
END $$;

-- It is written down, with its thread, and what it asks for is done; the answer
-- is for the worker to send.  The same again is answered the same way.
CREATE FUNCTION sms.hear(provider uuid, ref text, number text, hidden text,
    sender text, body text, OUT id uuid, OUT thread uuid, OUT action text,
    OUT reply text)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    p sms.providers;
    k record;
    o sms.opt_outs;
BEGIN
    SELECT * INTO p FROM sms.providers AS q WHERE q.id = provider;

    INSERT INTO sms.threads AS t (tenant_id, number, sender)
    VALUES (p.tenant_id, hear.number, hear.sender)
    ON CONFLICT ON CONSTRAINT threads_both_key
    DO UPDATE SET last_at = clock_timestamp()
    RETURNING t.id INTO thread;

    SELECT * INTO k FROM sms.keyword_of(p.tenant_id, body);
    action := k.action;
    reply := k.reply;

    INSERT INTO sms.inbound AS i (tenant_id, provider_id, ref, number, sender,
           body, thread_id, keyword)
    VALUES (p.tenant_id, provider, hear.ref, hear.number, hear.sender, body,
            thread, k.word)
    ON CONFLICT ON CONSTRAINT inbound_ref_key DO NOTHING
    RETURNING i.id INTO id;

    IF id IS NULL THEN
        RETURN;
    END IF;

    PERFORM pando.emit(p.tenant_id, 'sms.received', 1, thread,
        jsonb_build_object('id', id, 'thread_id', thread, 'number', hidden,
                           'keyword', k.word));

    IF action = 'stop' THEN
        DELETE FROM sms.opt_outs AS d
         WHERE d.tenant_id = p.tenant_id AND d.sender = hear.sender
           AND d.number_mac = sms.number_mac(p.tenant_id, hear.number)
           AND d.source <> 'keyword';
        PERFORM sms.opt_out(p.tenant_id, hear.number, hidden, hear.sender,
                            'keyword');

    ELSIF action = 'start' THEN
        DELETE FROM sms.opt_outs AS d
         WHERE d.tenant_id = p.tenant_id AND d.sender = hear.sender
           AND d.number_mac = sms.number_mac(p.tenant_id, hear.number)
        RETURNING * INTO o;

        IF FOUND THEN
            PERFORM pando.emit(p.tenant_id, 'sms.opted_in', 1, o.id,
                jsonb_build_object('number', hidden, 'sender', hear.sender,
                                   'source', 'keyword'));
        END IF;
    END IF;
END $$;

-- A thread: both ways, in order.
CREATE FUNCTION sms.said(thread uuid) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT coalesce(jsonb_agg(s.doc ORDER BY s.id), '[]') FROM (
        SELECT b.* FROM (
            (SELECT i.id, jsonb_build_object('id', i.id, 'incoming', true,
                    'body', i.body, 'state', NULL,
                    'at', pando.rfc3339(i.at)) AS doc
               FROM sms.inbound AS i WHERE i.thread_id = thread
              ORDER BY i.id DESC LIMIT 100)
            UNION ALL
            (SELECT m.id, jsonb_build_object('id', m.id, 'incoming', false,
                    'body_ct', m.body_ct, 'state', m.state,
                    'at', pando.rfc3339(m.created_at))
               FROM sms.messages AS m WHERE m.thread_id = thread
              ORDER BY m.id DESC LIMIT 100)) AS b
         ORDER BY b.id DESC LIMIT 100) AS s);
END $$;

CREATE FUNCTION sms.forget_inbound(most int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    n int;
BEGIN
    DELETE FROM sms.inbound AS i
     WHERE i.id IN (SELECT o.id FROM sms.inbound AS o
                     WHERE o.at < now() - interval '13 months'
                     ORDER BY o.at LIMIT most);
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$;
