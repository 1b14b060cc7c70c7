-- Email: variants of a campaign, and when whose turn is.
--
-- What must stay true: who gets which variant, and when, is settled when a
-- campaign begins; the rest waits until there is a winner, of which there is
-- one and no other later; what is not due yet is not read by a claim.

-- rate: mails a minute; local: send_at is what clocks show where people are;
-- ab: what is tried, winner: which of it the rest gets, counted from 0.
ALTER TABLE email.campaigns ADD COLUMN rate int,
      ADD COLUMN local boolean NOT NULL DEFAULT false,
      ADD COLUMN ab jsonb, ADD COLUMN ab_result jsonb,
      ADD COLUMN winner int;

-- waiting: for a winner; held: gets nothing, to compare with.
ALTER TABLE email.campaign_recipients ADD COLUMN variant int,
      ADD COLUMN due_at timestamptz NOT NULL DEFAULT '-infinity',
      DROP CONSTRAINT campaign_recipients_state_check,
      ADD CONSTRAINT campaign_recipients_state_check CHECK (state IN
          ('pending', 'waiting', 'held', 'taken', 'skipped'));

DROP INDEX email.campaign_recipients_pending;
CREATE INDEX campaign_recipients_pending
    ON email.campaign_recipients (campaign_id, due_at, to_norm)
 WHERE state = 'pending';
CREATE INDEX campaign_recipients_waiting
    ON email.campaign_recipients (campaign_id, due_at, to_norm)
 WHERE state = 'waiting';

CREATE OR REPLACE FUNCTION email.campaign_doc(c email.campaigns, deep boolean)
RETURNS json LANGUAGE sql STABLE AS $$
    SELECT (jsonb_build_object('id', c.id, 'name', c.name,
        'state', c.state, 'list_id', c.list_id, 'template', c.template,
        'from', c.sender, 'from_name', c.sender_name,
        'reply_to', c.reply_to, 'postal_address', c.postal_address,
        'rate', c.rate, 'local', c.local, 'ab', c.ab,
        'winner', c.ab -> 'variants' -> c.winner ->> 'key',
        'send_at', pando.rfc3339(c.send_at),
        'started_at', pando.rfc3339(c.started_at),
        'finished_at', pando.rfc3339(c.finished_at), 'total', c.total,
        'version', c.version, 'created_at', pando.rfc3339(c.created_at),
        'updated_at', pando.rfc3339(c.updated_at))
        || CASE WHEN deep THEN jsonb_build_object('ab_result', c.ab_result,
               'counts', (
               SELECT coalesce(json_object_agg(s.state, s.n), '{}')
                 FROM (SELECT CASE r.state WHEN 'taken' THEN m.state
                              ELSE r.state END AS state, count(*) AS n
                         FROM email.campaign_recipients AS r
                         LEFT JOIN email.messages AS m ON m.id = r.message_id
                        WHERE r.campaign_id = c.id GROUP BY 1) AS s))
           ELSE '{}' END)::json
$$;

-- From 0 to 9999, the same for this campaign and address always.
CREATE FUNCTION email.bucket(campaign uuid, address text) RETURNS int
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT (('x' || encode(substring(sha256(uuid_send(campaign)
           || convert_to(address, 'UTF8')) FOR 4), 'hex'))::bit(32)::bigint
           % 10000)::int
$$;

-- The variants take their parts of what is tried one after another; null:
-- this bucket waits for the winner.
CREATE FUNCTION email.variant_of(ab jsonb, bucket int) RETURNS int
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN bucket < (ab ->> 'share')::int
           THEN bucket * jsonb_array_length(ab -> 'variants')
                / (ab ->> 'share')::int END
$$;

-- When clocks in that zone show what they show at that time in UTC; there
-- where there is no such zone.
CREATE FUNCTION email.local_time(at timestamptz, zone text)
RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce((at AT TIME ZONE 'UTC') AT TIME ZONE zone, at);
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN at;
END $$;

-- So many flows are enough for its rate.
CREATE FUNCTION email.flows(c email.campaigns) RETURNS int
LANGUAGE sql IMMUTABLE AS $$
    SELECT least(8, greatest(1, coalesce(c.rate, 4800) / 600))
$$;

-- So many a minute from now on, in the order in which they are due; what
-- waits for a winner does so no longer where there is one.
CREATE FUNCTION email.spread(c email.campaigns) RETURNS void
LANGUAGE sql VOLATILE AS $$
    UPDATE email.campaign_recipients AS r
       SET due_at = greatest(s.due_at, clock_timestamp()
                             + (s.n - 1) * interval '1 min' / c.rate),
           variant = coalesce(r.variant, c.winner), state = 'pending'
      FROM (SELECT o.to_norm, o.due_at,
                   row_number() OVER (ORDER BY o.due_at, o.to_norm) AS n
              FROM email.campaign_recipients AS o
             WHERE o.campaign_id = c.id AND (o.state = 'pending'
                   OR o.state = 'waiting' AND c.winner IS NOT NULL)) AS s
     WHERE r.campaign_id = c.id AND r.to_norm = s.to_norm
$$;

-- How far ahead of UTC clocks may be.
CREATE FUNCTION email.begins_at(c email.campaigns) RETURNS timestamptz
LANGUAGE sql IMMUTABLE AS $$
    SELECT c.send_at - CASE WHEN c.local THEN interval '14 hours'
                       ELSE '0' END
$$;

-- It begins: those who are on the list now, and whom nothing keeps away.
CREATE OR REPLACE FUNCTION email.campaign_start(tenant uuid, campaign uuid)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    c email.campaigns;
    n int;
BEGIN
    UPDATE email.campaigns AS o
       SET state = 'sending', started_at = clock_timestamp(),
           version = version + 1, updated_at = now()
     WHERE o.id = campaign AND o.tenant_id = tenant
       AND o.state = 'scheduled'
       AND email.begins_at(o) <= clock_timestamp()
    RETURNING * INTO c;

    IF c.id IS NULL THEN
        RETURN false;
    END IF;

    WITH zones AS MATERIALIZED (
        SELECT z.name, email.local_time(c.send_at, z.name) AS at
          FROM (SELECT DISTINCT m.data ->> 'time_zone' AS name
                  FROM email.list_members AS m
                 WHERE c.local AND m.list_id = c.list_id
                   AND m.tenant_id = tenant AND m.state = 'confirmed') AS z
         WHERE z.name IS NOT NULL
    )
    INSERT INTO email.campaign_recipients (campaign_id, to_norm, tenant_id,
           to_address, name, locale, data, variant, state, due_at)
    SELECT c.id, m.to_norm, tenant, m.to_address, m.name, m.locale, m.data,
           v.n, CASE WHEN v.n IS NULL AND c.ab IS NOT NULL THEN 'waiting'
                WHEN (c.ab -> 'variants' -> v.n ->> 'holdout')::boolean
                THEN 'held' ELSE 'pending' END,
           coalesce(z.at, c.send_at)
           + coalesce((c.ab -> 'variants' -> v.n ->> 'delay_s')::int, 0)
             * interval '1 s'
      FROM email.list_members AS m
     CROSS JOIN LATERAL (SELECT email.variant_of(c.ab, email.bucket(c.id,
           CASE WHEN c.ab IS NOT NULL THEN m.to_norm END)) AS n) AS v
      LEFT JOIN zones AS z ON z.name = m.data ->> 'time_zone'
     WHERE m.list_id = c.list_id AND m.tenant_id = tenant
       AND m.state = 'confirmed'
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS n = ROW_COUNT;

    UPDATE email.campaigns AS o SET total = n WHERE o.id = c.id
    RETURNING * INTO c;

    IF c.rate IS NOT NULL THEN
        PERFORM email.spread(c);
    END IF;

    IF c.ab IS NOT NULL THEN
        PERFORM email.look_at(c);
    END IF;

    PERFORM email.campaign_tell(c, 'email_campaign.started');
    PERFORM email.campaign_wake(c, clock_timestamp(), email.flows(c));

    RETURN true;
END $$;


-- What is tried

CREATE FUNCTION email.decided_by(c email.campaigns) RETURNS timestamptz
LANGUAGE sql IMMUTABLE AS $$
    SELECT c.started_at + (c.ab ->> 'decide_after_s')::int * interval '1 s'
$$;

-- Someone looks at it: twenty times till the deadline, then each minute.
CREATE FUNCTION email.look_at(c email.campaigns) RETURNS void
LANGUAGE sql VOLATILE AS $$
    SELECT pando.enqueue('email.decide',
        jsonb_build_object('campaign_id', c.id), c.tenant_id,
        CASE WHEN email.decided_by(c) > clock_timestamp()
        THEN least(email.decided_by(c), clock_timestamp() + greatest(
             (c.ab ->> 'decide_after_s')::int / 20, 60) * interval '1 s')
        ELSE clock_timestamp() + interval '60 s' END)
$$;

-- Of each variant how many got it and how many of them did what is counted.
-- Who gets the winner afterwards does not count.
CREATE FUNCTION email.ab_counts(c email.campaigns)
RETURNS TABLE (n int, key text, holdout boolean, sent bigint, hits bigint,
    written boolean)
LANGUAGE sql STABLE AS $$
    SELECT (v.ord - 1)::int, v.doc ->> 'key',
           coalesce((v.doc ->> 'holdout')::boolean, false),
           coalesce(s.sent, 0), coalesce(s.hits, 0), coalesce(s.written, true)
      FROM jsonb_array_elements(c.ab -> 'variants') WITH ORDINALITY
           AS v (doc, ord)
      LEFT JOIN (
           SELECT r.variant, count(m.sent_at) AS sent,
                  count(*) FILTER (WHERE EXISTS (
                      SELECT FROM email.events AS e
                       WHERE e.message_id = m.id
                         AND e.kind = CASE c.ab ->> 'metric'
                             WHEN 'open' THEN 'opened' ELSE 'clicked' END))
                  AS hits, bool_and(r.state <> 'pending') AS written
             FROM email.campaign_recipients AS r
             LEFT JOIN email.messages AS m ON m.id = r.message_id
            WHERE r.campaign_id = c.id AND r.variant IS NOT NULL
              AND email.variant_of(c.ab, email.bucket(c.id, r.to_norm))
                  = r.variant
            GROUP BY 1) AS s ON s.variant = v.ord - 1
     ORDER BY v.ord
$$;

-- There is a winner, which there was not before; the rest gets it.
CREATE FUNCTION email.settle(tenant uuid, campaign uuid, n int, result jsonb)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    c email.campaigns;
BEGIN
    UPDATE email.campaigns AS o
       SET winner = n, ab_result = coalesce(result,
               ab_result || '{"why": "staff"}'), version = version + 1,
           updated_at = now()
     WHERE o.id = campaign AND o.tenant_id = tenant AND o.winner IS NULL
       AND o.state IN ('sending', 'paused')
    RETURNING * INTO c;

    IF c.id IS NULL THEN
        RETURN false;
    END IF;

    IF c.rate IS NOT NULL THEN
        PERFORM email.spread(c);
    END IF;

    IF c.state = 'sending' THEN
        PERFORM email.campaign_wake(c, clock_timestamp(), email.flows(c));
    END IF;

    RETURN true;
END $$;

-- Not yet: what is known, and when it is looked at again.
CREATE FUNCTION email.unsettled(tenant uuid, campaign uuid, result jsonb)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    c email.campaigns;
BEGIN
    UPDATE email.campaigns AS o SET ab_result = result
     WHERE o.id = campaign AND o.tenant_id = tenant AND o.winner IS NULL
       AND o.state IN ('sending', 'paused')
    RETURNING * INTO c;

    IF FOUND THEN
        PERFORM email.look_at(c);
    END IF;
END $$;


-- Claims

ALTER TYPE email.claimed ADD ATTRIBUTE headline text;

-- What a claim tells of a message.
CREATE FUNCTION email.told(m email.messages, p_id uuid, p_kind text,
    p_config jsonb, p_secret text, content text)
RETURNS SETOF email.claimed LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT m.id, m.attempts, m.to_norm, m.to_address, m.to_name, m.cc, m.bcc,
           m.sender, m.sender_name, m.reply_to, m.subject, m.list_id,
           m.created_at, content, email.verp(m), p_id, p_kind, p_config,
           p_secret, coalesce(v.doc ->> 'template', c.template),
           r.data || jsonb_build_object('name', r.name, 'address',
               r.to_address, 'postal_address', c.postal_address), r.locale,
           c.started_at, v.doc ->> 'subject'
      FROM (SELECT) AS one
      LEFT JOIN email.campaigns AS c ON c.id = m.campaign_id
      LEFT JOIN email.campaign_recipients AS r
        ON r.campaign_id = m.campaign_id AND r.to_norm = m.to_norm
      LEFT JOIN LATERAL (SELECT c.ab -> 'variants' -> r.variant AS doc) AS v
        ON true
$$;

-- The next message of a lane that is due, and who is to take it.  One of a
-- campaign that rests, rests; of one that was canceled, it is.
CREATE OR REPLACE FUNCTION email.claim(tenant uuid, lane text, lease_s int)
RETURNS SETOF email.claimed LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    m email.messages;
    rests text;
    taker record;
    upto timestamptz := clock_timestamp();
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
           AND o.next_at <= upto
         ORDER BY o.next_at LIMIT 1 FOR UPDATE SKIP LOCKED;

        IF m.id IS NULL THEN
            RETURN;
        END IF;

        rests := NULL;
        SELECT o.state INTO rests FROM email.campaigns AS o
         WHERE o.id = m.campaign_id;

        IF rests = 'paused' THEN
            UPDATE email.messages AS o SET next_at = upto + interval '60 s'
             WHERE o.id = m.id;
            PERFORM email.wake(tenant, claim.lane, upto + interval '60 s');
            CONTINUE;
        END IF;

        IF rests = 'canceled' THEN
            UPDATE email.messages AS o SET state = 'canceled'
             WHERE o.id = m.id;
            CONTINUE;
        END IF;

        IF m.expires_at <= upto THEN
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
         WHERE o.id = m.id
        RETURNING * INTO m;

        RETURN QUERY SELECT t.* FROM email.told(m, taker.id, taker.kind,
            taker.config, taker.secret_ct,
            (SELECT b.content_ct FROM email.bodies AS b
              WHERE b.message_id = m.id)) AS t;
        RETURN;
    END LOOP;
END $$;

-- Nobody is due.  Somebody will be: this flow comes again then.  Nobody is
-- left: the campaign is sent.
CREATE FUNCTION email.campaign_rest(c email.campaigns) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    next timestamptz;
BEGIN
    SELECT min(o.due_at) INTO next FROM email.campaign_recipients AS o
     WHERE o.campaign_id = c.id AND o.state = 'pending';

    IF next IS NULL THEN
        SELECT min(o.due_at) INTO next FROM email.campaign_recipients AS o
         WHERE o.campaign_id = c.id AND o.state = 'waiting';

        IF next IS NOT NULL AND c.winner IS NULL THEN
            RETURN;
        END IF;
    END IF;

    IF next > clock_timestamp() THEN
        PERFORM email.campaign_wake(c, next, 1);
    END IF;

    IF next IS NOT NULL THEN
        RETURN;
    END IF;

    UPDATE email.campaigns AS o
       SET state = 'sent', finished_at = clock_timestamp(),
           version = version + 1, updated_at = now()
     WHERE o.id = c.id AND o.state = 'sending'
    RETURNING * INTO c;

    IF FOUND THEN
        PERFORM email.campaign_tell(c, 'email_campaign.finished');
    END IF;
END $$;

-- The next recipient of a campaign gets a message, which is claimed with it.
CREATE OR REPLACE FUNCTION email.claim_recipient(tenant uuid, campaign uuid,
    lease_s int)
RETURNS SETOF email.claimed LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    c email.campaigns;
    r email.campaign_recipients;
    m email.messages;
    taker record;
    upto timestamptz := clock_timestamp();
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
           AND o.due_at <= upto
         ORDER BY o.due_at, o.to_norm LIMIT 1 FOR UPDATE SKIP LOCKED;

        IF r.to_norm IS NULL AND c.winner IS NOT NULL THEN
            SELECT * INTO r FROM email.campaign_recipients AS o
             WHERE o.campaign_id = c.id AND o.state = 'waiting'
               AND o.due_at <= upto
             ORDER BY o.due_at, o.to_norm LIMIT 1 FOR UPDATE SKIP LOCKED;
            r.variant := c.winner;
        END IF;

        IF r.to_norm IS NULL THEN
            PERFORM email.campaign_rest(c);
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
                c.sender, coalesce(c.ab -> 'variants' -> r.variant
                                   ->> 'from_name', c.sender_name),
                c.reply_to, c.name, c.list_id, c.id, 0, 1, upto,
                clock_timestamp() + lease_s * interval '1 s',
                upto + interval '24 hours', r.locale, taker.id, taker.kind)
        RETURNING * INTO m;

        UPDATE email.campaign_recipients AS o
           SET state = 'taken', message_id = m.id, variant = r.variant
         WHERE o.campaign_id = c.id AND o.to_norm = r.to_norm;

        RETURN QUERY SELECT t.* FROM email.told(m, taker.id, taker.kind,
            taker.config, taker.secret_ct, NULL) AS t;
        RETURN;
    END LOOP;

    PERFORM email.campaign_wake(c, clock_timestamp(), 1);
END $$;


-- Variants, as other things that messages have in common

CREATE FUNCTION email.variants_counted(tenant uuid, campaign uuid)
RETURNS TABLE (key text, messages bigint, sent bigint, delivered bigint,
    bounced bigint, failed bigint, uncertain bigint, complained bigint,
    unsubscribed bigint, opened bigint, clicked bigint,
    machine_opened bigint, bot_clicked bigint)
LANGUAGE sql STABLE AS $$
    SELECT c.ab -> 'variants' -> x.variant ->> 'key', count(*),
           count(*) FILTER (WHERE x.sent_at IS NOT NULL),
           count(*) FILTER (WHERE x.state = 'delivered'),
           count(*) FILTER (WHERE x.state = 'bounced'),
           count(*) FILTER (WHERE x.state IN ('failed', 'expired')),
           count(*) FILTER (WHERE x.state = 'uncertain'),
           count(*) FILTER (WHERE 'complained' = ANY (x.kinds)),
           count(*) FILTER (WHERE 'unsubscribed' = ANY (x.kinds)),
           count(*) FILTER (WHERE 'opened' = ANY (x.kinds)),
           count(*) FILTER (WHERE 'clicked' = ANY (x.kinds)),
           count(*) FILTER (WHERE 'machine_opened' = ANY (x.kinds)),
           count(*) FILTER (WHERE 'bot_clicked' = ANY (x.kinds))
      FROM email.campaigns AS c
      JOIN (SELECT r.campaign_id, r.variant, m.state, m.sent_at,
                   ARRAY(SELECT e.kind FROM email.events AS e
                          WHERE e.message_id = m.id) AS kinds
              FROM email.campaign_recipients AS r
              JOIN email.messages AS m ON m.id = r.message_id
             WHERE r.campaign_id = campaign AND r.variant IS NOT NULL) AS x
        ON x.campaign_id = c.id
     WHERE c.id = campaign AND c.tenant_id = tenant
     GROUP BY c.ab, x.variant ORDER BY x.variant
$$;
