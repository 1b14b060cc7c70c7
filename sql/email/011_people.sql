-- Email: answers to what other domains wrote about, and people who leave.
--
-- What must stay true: who is forgotten stands nowhere in the open any more,
-- and what kept mail away from them still does.

-- Where answers about something go; dropped 13 months after it was last
-- asked for.
CREATE TABLE email.reply_addresses (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id   uuid NOT NULL,
    module      text NOT NULL,
    subject_id  uuid NOT NULL,
    tag         bytea NOT NULL
                DEFAULT substring(uuid_send(gen_random_uuid()) FROM 9),
    used_at     timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT reply_addresses_pkey PRIMARY KEY (id),
    CONSTRAINT reply_addresses_subject_key
        UNIQUE (tenant_id, module, subject_id)
);

CREATE INDEX reply_addresses_by_age ON email.reply_addresses (used_at);

ALTER TABLE email.inbound ADD COLUMN module text, ADD COLUMN subject_id uuid,
      DROP CONSTRAINT inbound_route_check,
      ADD CONSTRAINT inbound_route_check CHECK (route IN ('bounce',
          'complaint', 'unsubscribe', 'support', 'automatic', 'reply'));

CREATE INDEX inbound_by_sender ON email.inbound (tenant_id, lower(sender));
CREATE INDEX campaign_recipients_by_address
    ON email.campaign_recipients (tenant_id, to_norm);
CREATE INDEX list_members_by_address
    ON email.list_members (tenant_id, to_norm);

-- The local part of it.
CREATE FUNCTION email.reply_address(tenant uuid, module text, subject uuid)
RETURNS text LANGUAGE sql VOLATILE AS $$
    INSERT INTO email.reply_addresses AS r (tenant_id, module, subject_id)
    VALUES (tenant, module, subject)
    ON CONFLICT ON CONSTRAINT reply_addresses_subject_key
       DO UPDATE SET used_at = now()
    RETURNING 'r+' || rtrim(translate(encode(uuid_send(r.id) || r.tag,
              'base64'), '+/', '-_'), '=')
$$;

CREATE OR REPLACE FUNCTION email.inbound_doc(i email.inbound) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', i.id, 'route', i.route, 'from', i.sender,
        'to', i.recipient, 'subject', i.subject, 'message_id', i.message_id,
        'module', i.module, 'subject_id', i.subject_id,
        'outcome', i.outcome, 'size', i.size,
        'created_at', pando.rfc3339(i.created_at))
$$;

-- An answer about something; false: nobody gave that address away.
CREATE FUNCTION email.replied(reply uuid, its_tag text, sender text,
    recipient text, subject text, size int)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    a email.reply_addresses;
    i uuid := pando.uuid7();
BEGIN
    SELECT * INTO a FROM email.reply_addresses AS r
     WHERE r.id = reply AND encode(r.tag, 'hex') = its_tag;

    IF a.id IS NULL THEN
        RETURN false;
    END IF;

    INSERT INTO email.inbound (id, tenant_id, route, sender, recipient,
           subject, outcome, size, module, subject_id)
    VALUES (i, a.tenant_id, 'reply', sender, recipient, subject, 'received',
            size, a.module, a.subject_id);
    PERFORM pando.emit(a.tenant_id, 'email.received', 1, i,
        jsonb_build_object('inbound_id', i, 'from', sender, 'to', recipient,
            'subject', subject, 'module', a.module,
            'subject_id', a.subject_id));

    RETURN true;
END $$;

CREATE FUNCTION email.forget_replies(most int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    n int;
BEGIN
    DELETE FROM email.reply_addresses AS r WHERE r.id = ANY (ARRAY(
        SELECT o.id FROM email.reply_addresses AS o
         WHERE o.used_at < now() - interval '13 months'
         ORDER BY o.used_at LIMIT most));
    GET DIAGNOSTICS n = ROW_COUNT;

    RETURN n;
END $$;


-- Who is forgotten

-- What stands for an address that is to be seen no more.
CREATE FUNCTION email.hidden(tenant uuid, address text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT '#' || encode(sha256(uuid_send(tenant)
                                || convert_to(address, 'UTF8')), 'hex')
$$;

CREATE OR REPLACE FUNCTION email.suppressed(tenant uuid, address text,
    lane text, list uuid, mandatory boolean)
RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT s.reason FROM email.suppressions AS s
     WHERE s.tenant_id = tenant
       AND s.to_norm = ANY (email.patterns(address)
                            || email.hidden(tenant, address))
       AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp())
       AND (s.scope = 'all' OR s.scope = 'marketing' AND lane = 'bulk'
            OR s.scope = 'list:' || list)
       AND NOT (mandatory AND s.reason IN ('unsubscribe', 'complaint'))
     ORDER BY s.reason = 'hard_bounce' DESC, s.scope LIMIT 1
$$;

CREATE FUNCTION email.erase(tenant uuid, address text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    ids uuid[];
    hidden text := email.hidden(tenant, address);
BEGIN
    ids := ARRAY(SELECT m.id FROM email.messages AS m
                  WHERE m.tenant_id = tenant AND m.to_norm = address
                    FOR UPDATE);

    UPDATE email.messages AS m
       SET state = CASE WHEN m.state IN ('scheduled', 'queued', 'deferred')
                   THEN 'canceled' ELSE m.state END,
           to_norm = hidden, to_address = '', to_name = NULL, subject = '',
           cc = '{}', bcc = '{}', reason = CASE WHEN m.reason IN ('hard',
           'soft', 'block') THEN m.reason END
     WHERE m.id = ANY (ids);
    DELETE FROM email.bodies AS b WHERE b.message_id = ANY (ids);
    DELETE FROM email.captured AS c WHERE c.message_id = ANY (ids);
    DELETE FROM email.message_keys AS k WHERE k.message_id = ANY (ids);
    UPDATE email.events AS e SET diagnostic = NULL, agent = NULL
     WHERE e.message_id = ANY (ids);

    DELETE FROM email.list_members AS l
     WHERE l.tenant_id = tenant AND l.to_norm = address;
    UPDATE email.campaign_recipients AS r
       SET to_norm = hidden, to_address = '', name = NULL, data = '{}',
           state = CASE WHEN r.state IN ('pending', 'waiting')
                   THEN 'skipped' ELSE r.state END
     WHERE r.tenant_id = tenant AND r.to_norm = address;
    DELETE FROM email.inbound AS i
     WHERE i.tenant_id = tenant AND lower(i.sender) = address;

    INSERT INTO email.suppressions (tenant_id, to_norm, scope, reason,
           expires_at, created_at)
    SELECT s.tenant_id, hidden, s.scope, s.reason, s.expires_at, s.created_at
      FROM email.suppressions AS s
     WHERE s.tenant_id = tenant AND s.to_norm = address
    ON CONFLICT DO NOTHING;
    DELETE FROM email.suppressions AS s
     WHERE s.tenant_id = tenant AND s.to_norm = address;
END $$;

-- What somebody says of advertisements, whoever sends them.
CREATE FUNCTION email.consent(tenant uuid, address text, wanted boolean)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF wanted THEN
        DELETE FROM email.suppressions AS s
         WHERE s.tenant_id = tenant AND s.scope = 'marketing'
           AND s.to_norm IN (address, email.hidden(tenant, address))
           AND s.reason = 'unsubscribe';
    ELSE
        PERFORM email.suppress(tenant, address, 'marketing', 'unsubscribe',
                               NULL);
    END IF;
END $$;

-- All that is kept of an address, the latest thousand of each.
CREATE FUNCTION email.subject(tenant uuid, address text) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object(
        'messages', (SELECT coalesce(json_agg(email.message_doc(m)), '[]')
           FROM (SELECT * FROM email.messages AS o
                  WHERE o.tenant_id = tenant AND o.to_norm = address
                  ORDER BY o.id DESC LIMIT 1000) AS m),
        'lists', (SELECT coalesce(json_agg(json_build_object('list',
                  l.list_id, 'member', email.member_doc(l))), '[]')
           FROM (SELECT * FROM email.list_members AS o
                  WHERE o.tenant_id = tenant AND o.to_norm = address
                  LIMIT 1000) AS l),
        'suppressions', (SELECT coalesce(json_agg(email.suppression_doc(s)),
                                         '[]')
           FROM email.suppressions AS s
          WHERE s.tenant_id = tenant AND s.to_norm = address),
        'received', (SELECT coalesce(json_agg(email.inbound_doc(i)), '[]')
           FROM (SELECT * FROM email.inbound AS o
                  WHERE o.tenant_id = tenant AND lower(o.sender) = address
                  ORDER BY o.id DESC LIMIT 1000) AS i))
$$;
