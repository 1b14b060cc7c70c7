-- SMS: more providers, and long texts that come in part by part.
--
-- What must stay true: a text is heard once, when the last of its parts came
-- or, of those that did, a minute after the first one.

ALTER TABLE sms.providers
    DROP CONSTRAINT providers_kind_check,
    ADD CONSTRAINT providers_kind_check CHECK (kind IN ('captured', 'http',
        'twilio', 'smsru', 'kannel', 'vonage', 'sns'));

-- Of texts that are not whole yet; those that were heard stay for two days,
-- without their text, since a provider may repeat itself.
CREATE TABLE sms.inbound_parts (
    provider_id  uuid NOT NULL,
    tenant_id    uuid NOT NULL,
    number       text NOT NULL,
    masked       text NOT NULL,
    sender       text NOT NULL,
    group_ref    text NOT NULL,
    part         int NOT NULL,
    parts        int NOT NULL,
    ref          text NOT NULL,
    body         text NOT NULL,
    heard        boolean NOT NULL DEFAULT false,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT inbound_parts_pkey PRIMARY KEY (provider_id, ref),
    CONSTRAINT inbound_parts_part_check
        CHECK (part BETWEEN 1 AND parts AND parts <= 20)
);

CREATE INDEX inbound_parts_open
    ON sms.inbound_parts (provider_id, number, group_ref) WHERE NOT heard;
CREATE INDEX inbound_parts_late ON sms.inbound_parts (at) WHERE NOT heard;
CREATE INDEX inbound_parts_by_age ON sms.inbound_parts (at);

-- What there is of a text, in order, is heard as one.  It is named after its
-- first part, so that a provider that repeats itself is not heard twice.
CREATE FUNCTION sms.hear_whole(provider uuid, who text, group_of text,
    OUT id uuid, OUT thread uuid, OUT action text, OUT reply text)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    w record;
BEGIN
    SELECT string_agg(g.body, '' ORDER BY g.part) AS body,
           (array_agg(g.ref ORDER BY g.part))[1] AS ref,
           min(g.masked) AS masked, min(g.sender) AS sender
      INTO w FROM sms.inbound_parts AS g
     WHERE g.provider_id = provider AND g.number = who
       AND g.group_ref = group_of AND NOT g.heard;

    UPDATE sms.inbound_parts AS g SET heard = true, body = ''
     WHERE g.provider_id = provider AND g.number = who
       AND g.group_ref = group_of AND NOT g.heard;

    IF w.ref IS NOT NULL THEN
        SELECT h.id, h.thread, h.action, h.reply
          INTO id, thread, action, reply
          FROM sms.hear(provider, w.ref, who, w.masked, w.sender, w.body)
               AS h;
    END IF;
END $$;

-- Those that come at once come one after another here, so that the last one
-- sees the others.
CREATE FUNCTION sms.hear_part(provider uuid, ref text, number text,
    hidden text, sender text, body text, group_of text, part int, parts int,
    OUT id uuid, OUT thread uuid, OUT action text, OUT reply text)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    owner uuid;
    n int;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(
        provider::text || number || group_of, 0));
    SELECT q.tenant_id INTO owner FROM sms.providers AS q
     WHERE q.id = provider;

    INSERT INTO sms.inbound_parts AS o (provider_id, tenant_id, number,
           masked, sender, group_ref, part, parts, ref, body)
    VALUES (provider, owner, hear_part.number, hidden, hear_part.sender,
            group_of, hear_part.part, hear_part.parts, hear_part.ref,
            hear_part.body)
    ON CONFLICT ON CONSTRAINT inbound_parts_pkey DO NOTHING;

    IF NOT FOUND THEN
        RETURN;
    END IF;

    SELECT count(DISTINCT o.part) INTO n FROM sms.inbound_parts AS o
     WHERE o.provider_id = provider AND o.number = hear_part.number
       AND o.group_ref = group_of AND NOT o.heard;

    IF n >= hear_part.parts THEN
        SELECT h.id, h.thread, h.action, h.reply
          INTO id, thread, action, reply
          FROM sms.hear_whole(provider, hear_part.number, group_of) AS h;
    END IF;
END $$;

-- Of which a part did not come within a minute.
CREATE FUNCTION sms.hear_late(most int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    g record;
    n int := 0;
BEGIN
    FOR g IN
        SELECT o.provider_id, o.number, o.group_ref
          FROM sms.inbound_parts AS o
         WHERE NOT o.heard
           AND o.at < clock_timestamp() - interval '60 s'
         ORDER BY o.at LIMIT most
    LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended(
            g.provider_id::text || g.number || g.group_ref, 0));
        PERFORM sms.hear_whole(g.provider_id, g.number, g.group_ref);
        n := n + 1;
    END LOOP;

    DELETE FROM sms.inbound_parts AS d
     WHERE d.heard AND (d.provider_id, d.ref) IN (
           SELECT o.provider_id, o.ref FROM sms.inbound_parts AS o
            WHERE o.at < clock_timestamp() - interval '2 days'
            ORDER BY o.at LIMIT most);

    RETURN n;
END $$;

DROP FUNCTION sms.report(uuid, text, uuid, text, text, text, bigint);

-- What a provider says of a message, by its own name for it or by ours; false:
-- there is none.  A price that it names takes the estimate's place.
CREATE FUNCTION sms.report(provider uuid, ref text, message uuid, kind text,
    code text, reason text, price bigint, unit text)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    m sms.messages;
    own uuid := message;
BEGIN
    IF own IS NULL THEN
        SELECT r.message_id INTO own FROM sms.provider_refs AS r
         WHERE r.provider_id = provider AND r.ref = report.ref;
    END IF;

    SELECT * INTO m FROM sms.messages AS o
     WHERE o.id = own AND o.provider_id = provider FOR UPDATE;

    IF NOT FOUND THEN
        RETURN false;
    END IF;

    IF price IS NOT NULL AND m.price_estimated THEN
        UPDATE sms.spend AS s
           SET minor = least(cap, greatest(0, minor + price
                             - coalesce(m.price_minor, 0)))
         WHERE s.tenant_id = m.tenant_id AND s.lane = m.lane
           AND s.day = m.created_at::date;
        UPDATE sms.messages AS o
           SET price_minor = price, price_estimated = false,
               currency = coalesce(currency, unit)
         WHERE o.id = m.id
        RETURNING * INTO m;
    END IF;

    PERFORM sms.move(m, report.kind, report.code, report.reason);

    RETURN true;
END $$;
