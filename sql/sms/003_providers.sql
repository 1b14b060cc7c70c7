-- SMS: providers, routes to them, what they ask for, and what may be spent.
--
-- What must stay true: the day's spending of a lane never passes its cap, since
-- a message is paid for in the statement that takes it on; a provider is handed
-- no more in a second than it takes, and codes have a part of that for
-- themselves; what a provider may have taken is not handed over again, unless
-- it says that it has not.

CREATE TABLE sms.providers (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id   uuid NOT NULL,
    name        text NOT NULL,
    kind        text NOT NULL,
    base_url    text,
    config_ct   text,
    currency    text NOT NULL,
    per_second  int NOT NULL,
    enabled     boolean NOT NULL DEFAULT true,
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    removed_at  timestamptz,        -- its routes and messages still name it

    CONSTRAINT providers_pkey PRIMARY KEY (id),
    CONSTRAINT providers_kind_check CHECK (kind IN ('captured', 'http',
        'twilio', 'smsru', 'kannel')),
    CONSTRAINT providers_per_second_check CHECK (per_second BETWEEN 1 AND 10000)
);

CREATE INDEX providers_by_tenant ON sms.providers (tenant_id, id)
 WHERE removed_at IS NULL;
CREATE UNIQUE INDEX providers_name_key ON sms.providers (tenant_id, name)
 WHERE removed_at IS NULL;

-- How it goes with a provider: its window, as GCRA counts it, where those that
-- had to wait are lined up, and until when it is left alone.
CREATE TABLE sms.windows (
    provider_id  uuid NOT NULL,
    tenant_id    uuid NOT NULL,
    tat          timestamptz NOT NULL DEFAULT '2000-01-01',
    line_1_at    timestamptz NOT NULL DEFAULT '2000-01-01', -- transactional
    line_2_at    timestamptz NOT NULL DEFAULT '2000-01-01', -- marketing
    down_until   timestamptz,
    failures     int NOT NULL DEFAULT 0,        -- in a row

    CONSTRAINT windows_pkey PRIMARY KEY (provider_id),
    CONSTRAINT windows_provider_fkey FOREIGN KEY (provider_id)
        REFERENCES sms.providers ON DELETE CASCADE
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

CREATE TABLE sms.routes (
    id           uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id    uuid NOT NULL,
    prefix       text NOT NULL,                 -- digits; '': everywhere
    lane         text NOT NULL,
    provider_id  uuid NOT NULL,
    priority     int NOT NULL,
    enabled      boolean NOT NULL DEFAULT true,
    floor_bp     int NOT NULL,
    version      bigint NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT routes_pkey PRIMARY KEY (id),
    CONSTRAINT routes_way_key UNIQUE (tenant_id, prefix, lane, provider_id),
    CONSTRAINT routes_provider_fkey FOREIGN KEY (provider_id)
        REFERENCES sms.providers,
    CONSTRAINT routes_prefix_check CHECK (prefix ~ '^\d{0,15}$'),
    CONSTRAINT routes_lane_check
        CHECK (lane IN ('otp', 'transactional', 'marketing')),
    CONSTRAINT routes_floor_check CHECK (floor_bp BETWEEN 0 AND 10000)
);

CREATE INDEX routes_by_tenant ON sms.routes (tenant_id, id);
CREATE INDEX routes_by_provider ON sms.routes (provider_id);

-- Of a part, in minor units of the provider's currency.
CREATE TABLE sms.prices (
    provider_id  uuid NOT NULL,
    tenant_id    uuid NOT NULL,
    prefix       text NOT NULL,
    valid_from   timestamptz NOT NULL,
    per_segment  numeric(14,4) NOT NULL,

    CONSTRAINT prices_pkey PRIMARY KEY (provider_id, prefix, valid_from),
    CONSTRAINT prices_provider_fkey FOREIGN KEY (provider_id)
        REFERENCES sms.providers ON DELETE CASCADE,
    CONSTRAINT prices_prefix_check CHECK (prefix ~ '^\d{0,15}$'),
    CONSTRAINT prices_per_segment_check CHECK (per_segment >= 0)
);

-- By the hour; counted anew from the messages while they change.  late: how
-- many came within 1, 2, 4, 8, 15, 30, 60, 120, 300 seconds, and later.
CREATE TABLE sms.route_stats (
    route_id   uuid NOT NULL,
    tenant_id  uuid NOT NULL,
    hour       timestamptz NOT NULL,
    sent       bigint NOT NULL,
    delivered  bigint NOT NULL,
    failed     bigint NOT NULL,
    late       bigint[] NOT NULL,

    CONSTRAINT route_stats_pkey PRIMARY KEY (route_id, hour),
    CONSTRAINT route_stats_route_fkey FOREIGN KEY (route_id)
        REFERENCES sms.routes ON DELETE CASCADE
);

CREATE INDEX route_stats_by_age ON sms.route_stats (hour);

-- What a provider calls a message; kept for 14 days.
CREATE TABLE sms.provider_refs (
    provider_id  uuid NOT NULL,
    tenant_id    uuid NOT NULL,
    ref          text NOT NULL,
    message_id   uuid NOT NULL,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT provider_refs_pkey PRIMARY KEY (provider_id, ref)
);

CREATE INDEX provider_refs_by_age ON sms.provider_refs (at);

CREATE TABLE sms.spend (
    tenant_id  uuid NOT NULL,
    day        date NOT NULL,
    lane       text NOT NULL,
    minor      bigint NOT NULL,
    cap        bigint,                          -- null: none
    told       int NOT NULL DEFAULT 0,          -- of how many percent of it

    CONSTRAINT spend_pkey PRIMARY KEY (tenant_id, day, lane),
    CONSTRAINT spend_cap_check CHECK (minor <= cap),
    CONSTRAINT spend_minor_check CHECK (minor >= 0)
) WITH (fillfactor = 50);

-- Who does not want messages.  The number is not here: what is looked up is
-- made of it, and stays when everything else of a person is gone.
CREATE TABLE sms.opt_outs (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id   uuid NOT NULL,
    number_mac  bytea NOT NULL,
    masked      text NOT NULL,
    sender      text NOT NULL,          -- '': of every one
    source      text NOT NULL,
    version     bigint NOT NULL DEFAULT 1,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT opt_outs_pkey PRIMARY KEY (tenant_id, number_mac, sender),
    CONSTRAINT opt_outs_source_check
        CHECK (source IN ('keyword', 'manual', 'carrier', 'import'))
);

CREATE UNIQUE INDEX opt_outs_by_tenant ON sms.opt_outs (tenant_id, id);

ALTER TABLE sms.messages
    ADD COLUMN provider_id uuid,
    ADD COLUMN route_id uuid,
    ADD COLUMN tried uuid[] NOT NULL DEFAULT '{}',
    ADD COLUMN asked boolean NOT NULL DEFAULT false,
    ADD COLUMN price_minor bigint,
    ADD COLUMN currency text,
    ADD COLUMN price_estimated boolean NOT NULL DEFAULT true,
    ADD COLUMN accepted_at timestamptz,
    ADD COLUMN thread_id uuid,
    ADD COLUMN exempt boolean NOT NULL DEFAULT false;   -- an answer to STOP

CREATE INDEX messages_in_hand ON sms.messages (provider_id)
 WHERE state IN ('submitting', 'accepted');
CREATE INDEX messages_by_route ON sms.messages (route_id, created_at)
 WHERE route_id IS NOT NULL;


-- Documents

CREATE OR REPLACE FUNCTION sms.doc(m sms.messages) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', m.id, 'lane', m.lane, 'to', m.to_e164,
        'country', m.country, 'sender', m.sender, 'template', m.template,
        'template_version', m.template_version, 'encoding', m.encoding,
        'segments', m.segments, 'state', m.state, 'reason', m.reason,
        'attempts', m.attempts, 'unsure', m.unsure,
        'provider_id', m.provider_id, 'route_id', m.route_id,
        'price', CASE WHEN m.price_minor IS NOT NULL THEN
            jsonb_build_object('amount', m.price_minor,
                               'currency', m.currency) END,
        'price_estimated', m.price_estimated,
        'send_at', CASE WHEN m.state = 'scheduled'
                   THEN pando.rfc3339(m.next_at) END,
        'ttl_at', pando.rfc3339(m.ttl_at), 'version', m.version,
        'created_at', pando.rfc3339(m.created_at))
$$;

CREATE OR REPLACE FUNCTION sms.taken(m sms.messages) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', m.id, 'state', m.state,
        'segments', m.segments, 'encoding', m.encoding,
        'price', CASE WHEN m.price_minor IS NOT NULL THEN
            jsonb_build_object('amount', m.price_minor,
                               'currency', m.currency) END)
$$;

CREATE FUNCTION sms.provider_doc(p sms.providers) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', p.id, 'name', p.name, 'kind', p.kind,
        'base_url', p.base_url, 'currency', p.currency,
        'per_second', p.per_second, 'enabled', p.enabled,
        'down_until', (SELECT pando.rfc3339(w.down_until)
            FROM sms.windows AS w WHERE w.provider_id = p.id
             AND w.down_until > clock_timestamp()),
        'version', p.version, 'created_at', pando.rfc3339(p.created_at),
        'updated_at', pando.rfc3339(p.updated_at))
$$;

CREATE FUNCTION sms.route_doc(r sms.routes) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', r.id, 'prefix', r.prefix, 'lane', r.lane,
        'provider_id', r.provider_id, 'priority', r.priority,
        'enabled', r.enabled, 'floor_bp', r.floor_bp, 'version', r.version,
        'created_at', pando.rfc3339(r.created_at),
        'updated_at', pando.rfc3339(r.updated_at))
$$;


-- Routes for a number: of those whose provider is up, those of the longest
-- prefix, each with its price and how it went in the last day.  One row of
-- nulls where the tenant has no routes at all: then messages are captured.
CREATE FUNCTION sms.ways(tenant uuid, digits text, lane text)
RETURNS TABLE (route_id uuid, provider_id uuid, kind text, priority int,
    floor_bp int, per_segment float8, currency text, sent bigint,
    delivered bigint, failed bigint, late text)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    prefixes text[];
BEGIN
    IF NOT EXISTS (SELECT FROM sms.routes AS r WHERE r.tenant_id = tenant) THEN
        RETURN QUERY SELECT NULL::uuid, NULL::uuid, 'captured', 0, 0,
            NULL::float8, NULL::text, 0::bigint, 0::bigint, 0::bigint, '[]';
        RETURN;
    END IF;

    SELECT array_agg(left(digits, n)) INTO prefixes
      FROM generate_series(0, length(digits)) AS n;

    RETURN QUERY
    WITH up AS (
        SELECT r.*, p.kind, p.currency
          FROM sms.routes AS r
          JOIN sms.providers AS p ON p.id = r.provider_id AND p.enabled
          LEFT JOIN sms.windows AS w ON w.provider_id = p.id
         WHERE r.tenant_id = tenant AND r.prefix = ANY (prefixes)
           AND r.lane = ways.lane AND r.enabled
           AND coalesce(w.down_until < clock_timestamp(), true)
    )
    SELECT u.id, u.provider_id, u.kind, u.priority, u.floor_bp,
           (SELECT c.per_segment::float8 FROM sms.prices AS c
             WHERE c.provider_id = u.provider_id
               AND c.prefix = ANY (prefixes) AND c.valid_from <= now()
             ORDER BY length(c.prefix) DESC, c.valid_from DESC LIMIT 1),
           u.currency, s.sent, s.delivered, s.failed, to_json(s.late)::text
      FROM up AS u
      LEFT JOIN LATERAL (
        SELECT coalesce(sum(o.sent), 0)::bigint AS sent,
               coalesce(sum(o.delivered), 0)::bigint AS delivered,
               coalesce(sum(o.failed), 0)::bigint AS failed,
               ARRAY(SELECT sum(b.n)::bigint FROM sms.route_stats AS q,
                     unnest(q.late) WITH ORDINALITY AS b (n, i)
                      WHERE q.route_id = u.id
                        AND q.hour > now() - interval '24 hours'
                      GROUP BY b.i ORDER BY b.i) AS late
          FROM sms.route_stats AS o
         WHERE o.route_id = u.id AND o.hour > now() - interval '24 hours')
        AS s ON true
     WHERE length(u.prefix) = (SELECT max(length(l.prefix)) FROM up AS l)
     ORDER BY u.priority, u.id;
END $$;


-- Paying: true where there is room below the cap.
CREATE FUNCTION sms.pay(tenant uuid, lane text, amount bigint, most bigint)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    s sms.spend;
    paid boolean;
    percent int := 0;
BEGIN
    INSERT INTO sms.spend (tenant_id, day, lane, minor, cap)
    VALUES (tenant, current_date, pay.lane, 0, most)
    ON CONFLICT ON CONSTRAINT spend_pkey DO NOTHING;

    UPDATE sms.spend AS o SET minor = o.minor + amount, cap = most
     WHERE o.tenant_id = tenant AND o.day = current_date AND o.lane = pay.lane
       AND (most IS NULL OR o.minor + amount <= most)
    RETURNING * INTO s;
    paid := FOUND;

    IF NOT paid THEN
        SELECT * INTO s FROM sms.spend AS o
         WHERE o.tenant_id = tenant AND o.day = current_date
           AND o.lane = pay.lane;
    END IF;

    IF NOT paid OR s.minor >= most THEN
        percent := 100;
    ELSIF s.minor * 100 >= most * 80 THEN
        percent := 80;
    END IF;

    IF percent > s.told THEN
        UPDATE sms.spend AS o SET told = percent
         WHERE o.tenant_id = tenant AND o.day = s.day AND o.lane = s.lane;
        PERFORM pando.emit(tenant, 'sms.spend_reached', 1, NULL,
            jsonb_build_object('lane', pay.lane, 'percent', percent,
                'minor', s.minor, 'cap', most));
    END IF;

    RETURN paid;
END $$;


-- Opt-outs

CREATE FUNCTION sms.number_mac(tenant uuid, number text) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(convert_to(tenant::text || number, 'UTF8'))
$$;

-- Whether who has the number may not be sent that: codes always pass, since
-- the person asked for them.  Who was not there three times in a month is not
-- there for marketing.
CREATE FUNCTION sms.suppressed(tenant uuid, number text, lane text,
    sender text)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    IF lane = 'otp' THEN
        RETURN false;
    END IF;

    RETURN EXISTS (SELECT FROM sms.opt_outs AS o
            WHERE o.tenant_id = tenant
              AND o.number_mac = sms.number_mac(tenant, number)
              AND o.sender IN ('', coalesce(suppressed.sender, '')))
        OR lane = 'marketing' AND (SELECT count(*) >= 3
             FROM (SELECT FROM sms.messages AS m
                    WHERE m.tenant_id = tenant AND m.to_e164 = number
                      AND m.reason = 'unknown_subscriber'
                      AND m.created_at > now() - interval '30 days'
                    LIMIT 3) AS gone);
END $$;

CREATE FUNCTION sms.opt_out(tenant uuid, number text, hidden text, sender text,
    source text)
RETURNS SETOF sms.opt_outs LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    o sms.opt_outs;
BEGIN
    INSERT INTO sms.opt_outs AS n (tenant_id, number_mac, masked, sender,
           source)
    VALUES (tenant, sms.number_mac(tenant, number), hidden,
            coalesce(opt_out.sender, ''), opt_out.source)
    ON CONFLICT ON CONSTRAINT opt_outs_pkey DO UPDATE
       SET source = CASE WHEN n.source = 'keyword' THEN n.source
                    ELSE excluded.source END, version = n.version + 1
    RETURNING * INTO o;

    PERFORM pando.emit(tenant, 'sms.opted_out', 1, o.id,
        jsonb_build_object('number', hidden, 'sender', nullif(o.sender, ''),
                           'source', o.source));
    RETURN NEXT o;
END $$;

CREATE FUNCTION sms.opt_out_doc(o sms.opt_outs) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', o.id, 'number', o.masked,
        'sender', nullif(o.sender, ''), 'source', o.source,
        'version', o.version, 'at', pando.rfc3339(o.at))
$$;


-- An end, or a step on the way: see the first migration.
CREATE OR REPLACE FUNCTION sms.move(m sms.messages, kind text, code text,
    reason text)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    ok boolean;
    price jsonb;
BEGIN
    INSERT INTO sms.log (tenant_id, message_id, kind, code, reason)
    VALUES (m.tenant_id, m.id, move.kind, move.code, move.reason);

    ok := CASE
        WHEN move.kind NOT IN ('accepted', 'delivered', 'undelivered', 'failed',
                               'expired', 'canceled', 'suppressed') THEN false
        WHEN m.state IN ('scheduled', 'queued', 'retry') THEN
            move.kind IN ('failed', 'expired', 'canceled', 'suppressed')
        WHEN m.state = 'submitting' THEN true
        WHEN m.state = 'accepted' THEN
            move.kind IN ('delivered', 'undelivered', 'failed', 'expired')
        WHEN m.state = 'undelivered' THEN move.kind = 'delivered'
            AND m.ended_at > clock_timestamp() - interval '72 hours'
        ELSE false END;

    IF NOT ok THEN
        RETURN false;
    END IF;

    UPDATE sms.messages AS o
       SET state = move.kind, reason = move.reason, lease_until = NULL,
           unsure = unsure AND move.kind = 'expired',
           accepted_at = CASE WHEN move.kind IN ('accepted', 'delivered')
                         THEN coalesce(accepted_at, clock_timestamp())
                         ELSE accepted_at END,
           ended_at = CASE WHEN move.kind <> 'accepted'
                      THEN clock_timestamp() END,
           version = version + 1
     WHERE o.id = m.id;

    price := CASE WHEN m.price_minor IS NOT NULL THEN jsonb_build_object(
        'amount', m.price_minor, 'currency', m.currency) END;

    IF move.kind IN ('delivered', 'failed', 'undelivered', 'expired') THEN
        PERFORM pando.emit(m.tenant_id,
            CASE move.kind WHEN 'delivered' THEN 'sms.delivered'
                           ELSE 'sms.failed' END, 1, m.id,
            jsonb_build_object('message_id', m.id, 'lane', m.lane,
                'country', m.country, 'provider_id', m.provider_id,
                'state', move.kind, 'reason', move.reason));

    ELSIF move.kind = 'accepted' THEN
        PERFORM pando.emit(m.tenant_id, 'sms.sent', 1, m.id,
            jsonb_build_object('message_id', m.id, 'lane', m.lane,
                'country', m.country, 'provider_id', m.provider_id,
                'segments', m.segments, 'price', price));
    END IF;

    RETURN true;
END $$;


-- Taking on: each item was looked at, and has its price; what may not be sent,
-- or cannot be paid for, is refused and leaves nothing behind.
CREATE OR REPLACE FUNCTION sms.accept(tenant uuid, items jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    i jsonb;
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

        no := CASE WHEN NOT i ? 'exempt' AND sms.suppressed(tenant, i->>'to',
                       i->>'lane', i->>'sender')
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
               i->>'sender', i->>'body_ct', i->>'encoding',
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


-- Sending

-- It is put off: nothing was tried.
CREATE FUNCTION sms.put_off(m sms.messages, at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE sms.messages AS o SET next_at = at WHERE o.id = m.id;
    PERFORM sms.wake(m.tenant_id, m.lane, m.id, at);
END $$;

-- Room in a provider's window, or when to come again.  Who waits in a lane
-- waits for a fuller window than who is in one behind it may fill, so that
-- nobody is passed; what cannot go stands in line, each at a time of its own.
CREATE FUNCTION sms.window(provider uuid, lane text) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    w sms.windows;
    now timestamptz := clock_timestamp();
    each interval;
    room interval;
    again timestamptz;
BEGIN
    SELECT * INTO w FROM sms.windows AS o
     WHERE o.provider_id = provider FOR UPDATE;
    SELECT interval '1 s' / p.per_second INTO each
      FROM sms.providers AS p WHERE p.id = provider;

    room := each + greatest(interval '1 s' - each, interval '0')
        * CASE lane WHEN 'otp' THEN 1 WHEN 'transactional' THEN 0.8
                    ELSE 0.7 END;

    IF greatest(w.tat, now) + each <= now + room THEN
        UPDATE sms.windows AS o SET tat = greatest(w.tat, now) + each
         WHERE o.provider_id = provider;
        RETURN NULL;
    END IF;

    again := w.tat + each - room;

    IF lane = 'transactional' THEN
        again := greatest(again, w.line_1_at + each);
        UPDATE sms.windows AS o SET line_1_at = again
         WHERE o.provider_id = provider;
    ELSIF lane = 'marketing' THEN
        again := greatest(again, w.line_2_at + each);
        UPDATE sms.windows AS o SET line_2_at = again
         WHERE o.provider_id = provider;
    END IF;

    RETURN again;
END $$;

DROP FUNCTION sms.claim(uuid, uuid, int);

-- An attempt begins, by that route: before anything is handed over.  Says go,
-- or why not: later, gone, expired, suppressed.
CREATE FUNCTION sms.claim(tenant uuid, message uuid, try int, route uuid,
    provider uuid, lease_s int)
RETURNS text LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    m sms.messages;
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

    IF provider IS NOT NULL THEN
        at := sms.window(provider, m.lane);

        IF at IS NOT NULL THEN
            PERFORM sms.put_off(m, at);
            RETURN 'later';
        END IF;
    END IF;

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

-- What is due, as it is to be sent.
CREATE FUNCTION sms.due(tenant uuid, message uuid)
RETURNS SETOF sms.messages LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    m sms.messages;
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

    RETURN NEXT m;
END $$;

-- There is no way for it at the moment: a code is told of at once, all else
-- waits for one.
CREATE FUNCTION sms.no_way(tenant uuid, message uuid, try int) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    m sms.messages;
BEGIN
    SELECT * INTO m FROM sms.messages AS o
     WHERE o.id = message AND o.tenant_id = tenant AND o.attempts = no_way.try
       AND o.state IN ('scheduled', 'queued', 'retry') FOR UPDATE;

    IF NOT FOUND THEN
        RETURN;
    ELSIF m.lane = 'otp' THEN
        PERFORM sms.move(m, 'failed', NULL, 'provider_error');
    ELSIF m.ttl_at <= clock_timestamp() THEN
        PERFORM sms.move(m, 'expired', NULL, 'expired');
    ELSE
        PERFORM sms.put_off(m, clock_timestamp()
            + (4 + 2 * random()) * interval '1 s');
    END IF;
END $$;

-- Nobody knows whether it was taken: codes and what was asked for are asked
-- after, once, all else waits for what is heard of it.
CREATE FUNCTION sms.doubt(m sms.messages) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO sms.log (tenant_id, message_id, kind)
    VALUES (m.tenant_id, m.id, 'unsure');

    UPDATE sms.messages AS o
       SET unsure = true, lease_until = NULL, version = version + 1
     WHERE o.id = m.id;

    IF m.lane <> 'marketing' AND NOT m.asked THEN
        PERFORM pando.enqueue('sms.ask', jsonb_build_object('id', m.id),
            m.tenant_id, clock_timestamp() + interval '5 s');
    END IF;
END $$;

-- How an attempt went.  accepted; failed: for good; down: by the provider's own
-- fault, so that it is left alone for a while; unsure; busy: it was not tried.
CREATE FUNCTION sms.record(tenant uuid, message uuid, try int, how text,
    ref text, code text, reason text, others boolean, pause_ms bigint)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    m sms.messages;
    n int;
BEGIN
    SELECT * INTO m FROM sms.messages AS o
     WHERE o.id = message AND o.tenant_id = tenant FOR UPDATE;

    IF record.ref IS NOT NULL AND m.provider_id IS NOT NULL THEN
        INSERT INTO sms.provider_refs (provider_id, tenant_id, ref, message_id)
        VALUES (m.provider_id, tenant, record.ref, message)
        ON CONFLICT ON CONSTRAINT provider_refs_pkey DO NOTHING;
    END IF;

    IF how = 'accepted' THEN
        UPDATE sms.windows AS w SET failures = 0, down_until = NULL
         WHERE w.provider_id = m.provider_id AND w.failures > 0;
    ELSIF how = 'down' THEN
        UPDATE sms.windows AS w
           SET failures = failures + 1,
               down_until = clock_timestamp() + greatest(pause_ms,
                   CASE failures WHEN 0 THEN 5000 WHEN 1 THEN 15000
                   ELSE 60000 END) * interval '1 ms'
         WHERE w.provider_id = m.provider_id;
    END IF;

    IF m.id IS NULL OR m.state <> 'submitting' OR m.attempts <> record.try THEN
        RETURN;
    END IF;

    IF how = 'accepted' OR how = 'failed' THEN
        PERFORM sms.move(m, how, record.code, record.reason);
    ELSIF how = 'unsure' THEN
        PERFORM sms.doubt(m);
    ELSIF how = 'down' AND m.attempts >= 3 THEN
        PERFORM sms.move(m, 'failed', record.code,
                         coalesce(record.reason, 'provider_error'));
    ELSE
        IF how = 'down' THEN
            INSERT INTO sms.log (tenant_id, message_id, kind, code, reason)
            VALUES (tenant, message, 'failed', record.code,
                    coalesce(record.reason, 'provider_error'));
        END IF;

        n := CASE WHEN how = 'busy' THEN 1000
                  WHEN others AND m.lane <> 'marketing' THEN 0
                  ELSE (CASE m.attempts WHEN 1 THEN 5000 WHEN 2 THEN 30000
                        ELSE 120000 END) * (0.9 + 0.2 * random()) END;

        UPDATE sms.messages AS o
           SET state = 'retry', lease_until = NULL, version = version + 1,
               tried = CASE WHEN how = 'down'
                       THEN array_append(tried, route_id) ELSE tried END,
               attempts = attempts - CASE how WHEN 'busy' THEN 1 ELSE 0 END,
               next_at = clock_timestamp() + n * interval '1 ms'
         WHERE o.id = message
        RETURNING * INTO m;
        PERFORM sms.wake(tenant, m.lane, message, m.next_at);
    END IF;
END $$;

-- The provider was asked, and does not know it: it is sent once more.
CREATE FUNCTION sms.resend(tenant uuid, message uuid) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    m sms.messages;
BEGIN
    UPDATE sms.messages AS o
       SET state = 'retry', unsure = false, asked = true,
           next_at = clock_timestamp(), version = version + 1
     WHERE o.id = message AND o.tenant_id = tenant AND o.state = 'submitting'
       AND o.unsure AND NOT o.asked
    RETURNING * INTO m;

    IF FOUND THEN
        PERFORM sms.wake(tenant, m.lane, message, m.next_at);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION sms.sweep(most int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    m sms.messages;
    n int := 0;
BEGIN
    FOR m IN
        SELECT * FROM sms.messages AS o
         WHERE o.state = 'submitting' AND o.lease_until < clock_timestamp()
         ORDER BY o.lease_until LIMIT most FOR UPDATE SKIP LOCKED
    LOOP
        n := n + 1;

        IF m.provider_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM sms.providers AS p
             WHERE p.id = m.provider_id AND p.kind = 'captured')
        THEN
            PERFORM sms.doubt(m);
            CONTINUE;
        END IF;

        UPDATE sms.messages AS o
           SET state = 'retry', lease_until = NULL,
               next_at = clock_timestamp(), version = version + 1
         WHERE o.id = m.id;
        PERFORM sms.wake(m.tenant_id, m.lane, m.id, clock_timestamp());
    END LOOP;

    FOR m IN
        SELECT * FROM sms.messages AS o
         WHERE o.state IN ('scheduled', 'queued', 'retry')
           AND o.next_at < clock_timestamp() - interval '60 s'
         ORDER BY o.next_at LIMIT most
    LOOP
        PERFORM pando.enqueue('sms.' || m.lane,
            jsonb_build_object('id', m.id), m.tenant_id,
            unique_key => 'sweep ' || m.id);
        n := n + 1;
    END LOOP;

    RETURN n;
END $$;


-- What a provider says of a message, by its own name for it or by ours; false:
-- there is none.  A price that it names takes the estimate's place.
CREATE FUNCTION sms.report(provider uuid, ref text, message uuid, kind text,
    code text, reason text, price bigint)
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
           SET price_minor = price, price_estimated = false
         WHERE o.id = m.id
        RETURNING * INTO m;
    END IF;

    PERFORM sms.move(m, report.kind, report.code, report.reason);

    RETURN true;
END $$;

-- The last hours of each route, counted anew.
CREATE FUNCTION sms.count_routes() RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    n int;
BEGIN
    INSERT INTO sms.route_stats AS s (route_id, tenant_id, hour, sent,
           delivered, failed, late)
    SELECT c.route_id, c.tenant_id, c.hour, count(*),
           count(*) FILTER (WHERE c.state = 'delivered'),
           count(*) FILTER (WHERE c.state IN ('undelivered', 'failed')),
           ARRAY[count(*) FILTER (WHERE c.s <= 1),
                 count(*) FILTER (WHERE c.s > 1 AND c.s <= 2),
                 count(*) FILTER (WHERE c.s > 2 AND c.s <= 4),
                 count(*) FILTER (WHERE c.s > 4 AND c.s <= 8),
                 count(*) FILTER (WHERE c.s > 8 AND c.s <= 15),
                 count(*) FILTER (WHERE c.s > 15 AND c.s <= 30),
                 count(*) FILTER (WHERE c.s > 30 AND c.s <= 60),
                 count(*) FILTER (WHERE c.s > 60 AND c.s <= 120),
                 count(*) FILTER (WHERE c.s > 120 AND c.s <= 300),
                 count(*) FILTER (WHERE c.s > 300)]
      FROM (SELECT m.route_id, m.tenant_id, m.state,
                   date_trunc('hour', m.created_at) AS hour,
                   CASE WHEN m.state = 'delivered' THEN
                       extract(epoch FROM m.ended_at - m.accepted_at) END AS s
              FROM sms.messages AS m
             WHERE m.route_id IN (SELECT r.id FROM sms.routes AS r)
               AND m.created_at
                   >= date_trunc('hour', now() - interval '3 hours')) AS c
     GROUP BY c.route_id, c.tenant_id, c.hour
    ON CONFLICT ON CONSTRAINT route_stats_pkey DO UPDATE
       SET sent = excluded.sent, delivered = excluded.delivered,
           failed = excluded.failed, late = excluded.late;
    GET DIAGNOSTICS n = ROW_COUNT;

    DELETE FROM sms.route_stats AS s WHERE s.hour < now() - interval '30 days';
    DELETE FROM sms.provider_refs AS r
     WHERE (r.provider_id, r.ref) IN
           (SELECT o.provider_id, o.ref FROM sms.provider_refs AS o
             WHERE o.at < now() - interval '14 days' ORDER BY o.at LIMIT 5000);

    RETURN n;
END $$;
