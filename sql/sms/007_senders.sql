-- SMS: senders, by whose name messages go.
--
-- What must stay true: who has senders sends by these only, each in its
-- countries, and no more in a second by one than it may.

CREATE TABLE sms.senders (
    id           uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id    uuid NOT NULL,
    sender       text NOT NULL,
    kind         text NOT NULL,
    countries    text[] NOT NULL,               -- none: all
    default_for  text[] NOT NULL,               -- lanes
    per_second   int,
    tat          timestamptz NOT NULL DEFAULT '2000-01-01',
    line_at      timestamptz NOT NULL DEFAULT '2000-01-01',
    version      bigint NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT senders_pkey PRIMARY KEY (id),
    CONSTRAINT senders_sender_key UNIQUE (tenant_id, sender),
    CONSTRAINT senders_kind_check
        CHECK (kind IN ('number', 'alphanumeric', 'short_code')),
    CONSTRAINT senders_per_second_check CHECK (per_second BETWEEN 1 AND 10000)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

CREATE FUNCTION sms.sender_doc(s sms.senders) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', s.id, 'sender', s.sender, 'kind', s.kind,
        'two_way', s.kind <> 'alphanumeric', 'countries', s.countries,
        'default_for', s.default_for, 'per_second', s.per_second,
        'version', s.version, 'created_at', pando.rfc3339(s.created_at),
        'updated_at', pando.rfc3339(s.updated_at))
$$;

-- By whom a message goes; what answers somebody goes by whom they wrote to.
CREATE FUNCTION sms.sender_for(tenant uuid, place text, lane text, asked text,
    answers boolean, OUT sender text, OUT may boolean)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    sender := asked;
    may := true;

    IF answers OR NOT EXISTS (SELECT FROM sms.senders AS s
                               WHERE s.tenant_id = tenant) THEN
        RETURN;
    END IF;

    IF asked IS NOT NULL THEN
        may := EXISTS (SELECT FROM sms.senders AS s
            WHERE s.tenant_id = tenant AND s.sender = asked
              AND (s.countries = '{}' OR place = ANY (s.countries)));
        RETURN;
    END IF;

    SELECT s.sender INTO sender FROM sms.senders AS s
     WHERE s.tenant_id = tenant AND sender_for.lane = ANY (s.default_for)
       AND (s.countries = '{}' OR place = ANY (s.countries))
     ORDER BY s.countries = '{}', s.sender LIMIT 1;
END $$;

-- When to come again, where it has sent as much as it may; who holds its row
-- stands in line there.
CREATE FUNCTION sms.sender_wait(s sms.senders) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    each interval := interval '1 s' / s.per_second;
    again timestamptz;
BEGIN
    IF s.id IS NULL OR greatest(s.tat, clock_timestamp()) + each
                       <= clock_timestamp() + interval '1 s' THEN
        RETURN NULL;
    END IF;

    again := greatest(s.tat + each - interval '1 s', s.line_at + each);
    UPDATE sms.senders AS o SET line_at = again WHERE o.id = s.id;

    RETURN again;
END $$;

-- Not before then: nothing was tried.
CREATE FUNCTION sms.put_off_until(tenant uuid, message uuid, try int,
    until timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    m sms.messages;
BEGIN
    SELECT * INTO m FROM sms.messages AS o
     WHERE o.id = message AND o.tenant_id = tenant
       AND o.attempts = put_off_until.try
       AND o.state IN ('scheduled', 'queued', 'retry') FOR UPDATE;

    IF FOUND THEN
        PERFORM sms.put_off(m, until);
    END IF;
END $$;


-- Taking on: each item was looked at, and has its price; what may not be sent,
-- or cannot be paid for, is refused and leaves nothing behind.
CREATE OR REPLACE FUNCTION sms.accept(tenant uuid, items jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    i jsonb;
    goes record;
    m sms.messages;
    own uuid;
    at timestamptz;
    no text;
    out jsonb := '[]';
BEGIN
    FOR i IN SELECT o.value FROM jsonb_array_elements(items)
                  WITH ORDINALITY AS o (value, n) ORDER BY o.n
    LOOP
        own := pando.uuid7();

        IF i ? 'dedup_key' THEN
            INSERT INTO sms.message_keys (tenant_id, dedup_key, message_id)
            VALUES (tenant, i->>'dedup_key', own)
            ON CONFLICT ON CONSTRAINT message_keys_pkey DO NOTHING;

            IF NOT FOUND THEN
                SELECT o.* INTO m
                  FROM sms.message_keys AS k
                  JOIN sms.messages AS o ON o.id = k.message_id
                 WHERE k.tenant_id = tenant AND k.dedup_key = i->>'dedup_key';
                out := out || jsonb_build_array(sms.taken(m));
                CONTINUE;
            END IF;
        END IF;

        SELECT s.sender, s.may INTO goes
          FROM sms.sender_for(tenant, i->>'country', i->>'lane',
                   i->>'sender', i ? 'exempt' OR i ? 'thread_id') AS s;

        no := CASE WHEN NOT goes.may THEN 'sender_not_allowed'
                   WHEN NOT i ? 'exempt' AND sms.suppressed(tenant, i->>'to',
                       i->>'lane', goes.sender)
                   THEN 'opted_out'
                   WHEN i ? 'price_minor' AND NOT sms.pay(tenant, i->>'lane',
                       (i->>'price_minor')::bigint, (i->>'cap')::bigint)
                   THEN 'spend_limit' END;

        IF no IS NOT NULL THEN
            DELETE FROM sms.message_keys AS k
             WHERE k.tenant_id = tenant AND k.dedup_key = i->>'dedup_key';
            out := out || jsonb_build_array(jsonb_build_object('error', no));
            CONTINUE;
        END IF;

        at := greatest((i->>'send_at')::timestamptz, clock_timestamp());

        INSERT INTO sms.messages (id, tenant_id, lane, to_e164, country,
               sender, body_ct, encoding, segments, template,
               template_version, price_minor, currency, thread_id, exempt,
               state, next_at, ttl_at)
        VALUES (own, tenant, i->>'lane', i->>'to', i->>'country',
               goes.sender, i->>'body_ct', i->>'encoding',
               (i->>'segments')::int, i->>'template',
               (i->>'template_version')::int, (i->>'price_minor')::bigint,
               i->>'currency', (i->>'thread_id')::uuid, i ? 'exempt',
               CASE WHEN (i->>'send_at')::timestamptz > clock_timestamp()
               THEN 'scheduled' ELSE 'queued' END,
               at, at + (i->>'ttl_s')::bigint * interval '1 s')
        RETURNING * INTO m;

        INSERT INTO sms.log (tenant_id, message_id, kind)
        VALUES (tenant, own, 'queued');
        PERFORM sms.wake(tenant, m.lane, own, at);
        out := out || jsonb_build_array(sms.taken(m));
    END LOOP;

    RETURN out;
END $$;


-- An attempt begins, by that route: before anything is handed over.  Says go,
-- or why not: later, gone, expired,
-- suppressed.
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
