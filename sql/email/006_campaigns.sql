-- Email: campaigns, one mail to each of a list.
--
-- What must stay true: who gets it is settled when it starts, and one address
-- has one row of it, whatever is tried again; a recipient's row and its
-- message change in one transaction; each claim looks at the campaign, so that
-- a pause holds from the next one on.

CREATE TABLE email.campaigns (
    id              uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id       uuid NOT NULL,
    name            text NOT NULL,
    state           text NOT NULL DEFAULT 'draft',
    list_id         uuid NOT NULL,
    template        text NOT NULL,
    sender          text NOT NULL,
    sender_name     text,
    reply_to        text,
    postal_address  text NOT NULL,
    send_at         timestamptz,
    started_at      timestamptz,
    finished_at     timestamptz,
    total           int NOT NULL DEFAULT 0,
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT campaigns_pkey PRIMARY KEY (id),
    CONSTRAINT campaigns_state_check CHECK (state IN ('draft', 'scheduled',
        'sending', 'paused', 'sent', 'canceled'))
);

CREATE INDEX campaigns_by_tenant ON email.campaigns (tenant_id, id);

CREATE TABLE email.campaign_recipients (
    campaign_id  uuid NOT NULL,
    to_norm      text NOT NULL,
    tenant_id    uuid NOT NULL,
    to_address   text NOT NULL,
    name         text,
    locale       text,
    data         jsonb NOT NULL,
    state        text NOT NULL DEFAULT 'pending',
    reason       text,
    message_id   uuid,

    CONSTRAINT campaign_recipients_pkey PRIMARY KEY (campaign_id, to_norm),
    CONSTRAINT campaign_recipients_campaign_fkey FOREIGN KEY (campaign_id)
        REFERENCES email.campaigns ON DELETE CASCADE,
    CONSTRAINT campaign_recipients_state_check
        CHECK (state IN ('pending', 'taken', 'skipped'))
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX campaign_recipients_pending
    ON email.campaign_recipients (campaign_id, to_norm)
 WHERE state = 'pending';

ALTER TABLE email.messages ADD COLUMN campaign_id uuid;

CREATE INDEX messages_by_campaign
    ON email.messages (tenant_id, campaign_id, id)
 WHERE campaign_id IS NOT NULL;

CREATE FUNCTION email.campaign_doc(c email.campaigns, deep boolean)
RETURNS json LANGUAGE sql STABLE AS $$
    SELECT (jsonb_build_object('id', c.id, 'name', c.name,
        'state', c.state, 'list_id', c.list_id, 'template', c.template,
        'from', c.sender, 'from_name', c.sender_name,
        'reply_to', c.reply_to, 'postal_address', c.postal_address,
        'send_at', pando.rfc3339(c.send_at),
        'started_at', pando.rfc3339(c.started_at),
        'finished_at', pando.rfc3339(c.finished_at), 'total', c.total,
        'version', c.version, 'created_at', pando.rfc3339(c.created_at),
        'updated_at', pando.rfc3339(c.updated_at))
        || CASE WHEN deep THEN jsonb_build_object('counts', (
               SELECT coalesce(json_object_agg(s.state, s.n), '{}')
                 FROM (SELECT CASE r.state WHEN 'taken' THEN m.state
                              ELSE r.state END AS state, count(*) AS n
                         FROM email.campaign_recipients AS r
                         LEFT JOIN email.messages AS m ON m.id = r.message_id
                        WHERE r.campaign_id = c.id GROUP BY 1) AS s))
           ELSE '{}' END)::json
$$;

CREATE OR REPLACE FUNCTION email.message_doc(m email.messages) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', m.id, 'lane', m.lane, 'state', m.state,
        'to', m.to_address, 'to_name', m.to_name, 'cc', m.cc, 'bcc', m.bcc,
        'from', m.sender, 'from_name', m.sender_name,
        'reply_to', m.reply_to, 'subject', m.subject, 'list', m.list_id,
        'campaign', m.campaign_id,
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

CREATE OR REPLACE FUNCTION email.tell(m email.messages, type text,
    reason text)
RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT pando.emit(m.tenant_id, type, 1, m.id, jsonb_strip_nulls(
        jsonb_build_object('message_id', m.id, 'lane', m.lane,
                           'list_id', m.list_id,
                           'campaign_id', m.campaign_id, 'reason', reason)))
$$;

CREATE FUNCTION email.campaign_tell(c email.campaigns, type text)
RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT pando.emit(c.tenant_id, type, 1, c.id, jsonb_build_object(
        'campaign_id', c.id, 'list_id', c.list_id, 'total', c.total))
$$;

-- So many flows send it side by side.
CREATE FUNCTION email.campaign_wake(c email.campaigns, at timestamptz,
    flows int DEFAULT 8)
RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT pando.enqueue('email.campaign',
               jsonb_build_object('campaign_id', c.id), c.tenant_id, at)
      FROM generate_series(1, flows)
$$;

-- It begins: those who are on the list now, and whom nothing keeps away.
CREATE FUNCTION email.campaign_start(tenant uuid, campaign uuid)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    c email.campaigns;
    n int;
BEGIN
    UPDATE email.campaigns AS o
       SET state = 'sending', started_at = clock_timestamp(),
           version = version + 1, updated_at = now()
     WHERE o.id = campaign AND o.tenant_id = tenant
       AND o.state = 'scheduled' AND o.send_at <= clock_timestamp()
    RETURNING * INTO c;

    IF c.id IS NULL THEN
        RETURN false;
    END IF;

    INSERT INTO email.campaign_recipients (campaign_id, to_norm, tenant_id,
           to_address, name, locale, data)
    SELECT c.id, m.to_norm, tenant, m.to_address, m.name, m.locale, m.data
      FROM email.list_members AS m
     WHERE m.list_id = c.list_id AND m.tenant_id = tenant
       AND m.state = 'confirmed'
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS n = ROW_COUNT;

    UPDATE email.campaigns AS o SET total = n WHERE o.id = c.id
    RETURNING * INTO c;
    PERFORM email.campaign_tell(c, 'email_campaign.started');
    PERFORM email.campaign_wake(c, clock_timestamp());

    RETURN true;
END $$;


-- Claims

CREATE TYPE email.claimed AS (id uuid, attempt int, to_norm text,
    to_address text, to_name text, cc text[], bcc text[], sender text,
    sender_name text, reply_to text, subject text, list_id uuid,
    created_at timestamptz, content_ct text, verp text, provider_id uuid,
    kind text, config jsonb, secret_ct text, template text, data jsonb,
    locale text, made_at timestamptz);

DROP FUNCTION email.claim(uuid, text, int);

-- The next message of a lane that is due, and who is to take it.  One of a
-- campaign that rests, rests; of one that was canceled, it is.
CREATE FUNCTION email.claim(tenant uuid, lane text, lease_s int)
RETURNS SETOF email.claimed LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    m email.messages;
    c email.campaigns;
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

        SELECT * INTO c FROM email.campaigns AS o WHERE o.id = m.campaign_id;

        IF c.state = 'paused' THEN
            UPDATE email.messages AS o
               SET next_at = clock_timestamp() + interval '60 s'
             WHERE o.id = m.id;
            PERFORM email.wake(tenant, claim.lane,
                               clock_timestamp() + interval '60 s');
            CONTINUE;
        END IF;

        IF c.state = 'canceled' THEN
            UPDATE email.messages AS o SET state = 'canceled'
             WHERE o.id = m.id;
            CONTINUE;
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
               m.list_id, m.created_at, b.content_ct, email.verp(m),
               taker.id, taker.kind, taker.config, taker.secret_ct,
               c.template, r.data || jsonb_build_object('name', r.name,
                   'address', r.to_address, 'postal_address',
                   c.postal_address), r.locale, c.started_at
          FROM (SELECT) AS one
          LEFT JOIN email.bodies AS b ON b.message_id = m.id
          LEFT JOIN email.campaign_recipients AS r
            ON r.campaign_id = m.campaign_id AND r.to_norm = m.to_norm;
        RETURN;
    END LOOP;
END $$;

-- The next recipient of a campaign gets a message, which is claimed with it.
-- Where nobody is left, the campaign is sent.
CREATE FUNCTION email.claim_recipient(tenant uuid, campaign uuid,
    lease_s int)
RETURNS SETOF email.claimed LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    c email.campaigns;
    r email.campaign_recipients;
    m email.messages;
    taker record;
    why text;
BEGIN
    SELECT * INTO c FROM email.campaigns AS o
     WHERE o.id = campaign AND o.tenant_id = tenant FOR KEY SHARE;

    IF c.id IS NULL OR c.state <> 'sending' THEN
        RETURN;
    END IF;

    taker := email.pick(tenant, 'bulk');

    IF taker.kind IS NULL THEN
        PERFORM email.campaign_wake(c, taker.opens_at, 1);
        RETURN;
    END IF;

    FOR i IN 1 .. 1000 LOOP
        SELECT * INTO r FROM email.campaign_recipients AS o
         WHERE o.campaign_id = c.id AND o.state = 'pending'
         ORDER BY o.to_norm LIMIT 1 FOR UPDATE SKIP LOCKED;

        IF r.to_norm IS NULL THEN
            IF NOT EXISTS (SELECT FROM email.campaign_recipients AS o
                            WHERE o.campaign_id = c.id
                              AND o.state = 'pending') THEN
                UPDATE email.campaigns AS o
                   SET state = 'sent', finished_at = clock_timestamp(),
                       version = version + 1, updated_at = now()
                 WHERE o.id = c.id AND o.state = 'sending'
                RETURNING * INTO c;

                IF FOUND THEN
                    PERFORM email.campaign_tell(c, 'email_campaign.finished');
                END IF;
            END IF;

            RETURN;
        END IF;

        why := email.suppressed(tenant, r.to_norm, 'bulk', c.list_id, false);

        IF why IS NOT NULL THEN
            UPDATE email.campaign_recipients AS o
               SET state = 'skipped', reason = why
             WHERE o.campaign_id = c.id AND o.to_norm = r.to_norm;
            CONTINUE;
        END IF;

        INSERT INTO email.messages AS o (tenant_id, lane, state, to_norm,
               to_address, to_name, sender, sender_name, reply_to, subject,
               list_id, campaign_id, size, attempts, next_at, lease_until,
               expires_at, locale, provider_id, provider)
        VALUES (tenant, 'bulk', 'sending', r.to_norm, r.to_address, r.name,
                c.sender, c.sender_name, c.reply_to, c.name, c.list_id, c.id,
                0, 1, clock_timestamp(),
                clock_timestamp() + lease_s * interval '1 s',
                clock_timestamp() + interval '24 hours', r.locale, taker.id,
                taker.kind)
        RETURNING * INTO m;

        UPDATE email.campaign_recipients AS o
           SET state = 'taken', message_id = m.id
         WHERE o.campaign_id = c.id AND o.to_norm = r.to_norm;

        RETURN QUERY
        SELECT m.id, 1, m.to_norm, m.to_address, m.to_name, m.cc, m.bcc,
               m.sender, m.sender_name, m.reply_to, m.subject, m.list_id,
               m.created_at, NULL::text, email.verp(m), taker.id, taker.kind,
               taker.config, taker.secret_ct, c.template,
               r.data || jsonb_build_object('name', r.name, 'address',
                   r.to_address, 'postal_address', c.postal_address),
               r.locale, c.started_at;
        RETURN;
    END LOOP;

    PERFORM email.campaign_wake(c, clock_timestamp(), 1);
END $$;
