-- Verification: prefixes to which codes are sent and from which none comes back.
--
-- Who earns by messages to numbers of their own asks for codes and answers none.
-- What must stay true: before a code is made for a number, its prefix is looked
-- at; one that is blocked costs nothing.

CREATE TABLE verification.prefix_stats (
    tenant_id  uuid NOT NULL,
    prefix7    text NOT NULL,
    hour       timestamptz NOT NULL,
    country    text NOT NULL,
    sent       int NOT NULL,
    converted  int NOT NULL,

    CONSTRAINT prefix_stats_pkey PRIMARY KEY (tenant_id, prefix7, hour)
) WITH (fillfactor = 70);

CREATE INDEX prefix_stats_by_age ON verification.prefix_stats (hour);

CREATE TABLE verification.blocked_prefixes (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id   uuid NOT NULL,
    prefix      text NOT NULL,
    until       timestamptz NOT NULL,
    set_by      text NOT NULL,
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT blocked_prefixes_pkey PRIMARY KEY (id),
    CONSTRAINT blocked_prefixes_prefix_key UNIQUE (tenant_id, prefix),
    CONSTRAINT blocked_prefixes_prefix_check CHECK (prefix ~ '^\d{1,15}$'),
    CONSTRAINT blocked_prefixes_by_check CHECK (set_by IN ('rule', 'staff'))
);

CREATE INDEX blocked_prefixes_by_tenant
    ON verification.blocked_prefixes (tenant_id, id);
CREATE INDEX blocked_prefixes_over ON verification.blocked_prefixes (until);

ALTER TABLE verification.codes ADD COLUMN prefix7 text;

CREATE INDEX codes_by_prefix
    ON verification.codes (tenant_id, prefix7, created_at)
 WHERE prefix7 IS NOT NULL;

CREATE FUNCTION verification.block_doc(b verification.blocked_prefixes)
RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', b.id, 'prefix', b.prefix,
        'until', pando.rfc3339(b.until), 'by', b.set_by,
        'version', b.version, 'created_at', pando.rfc3339(b.created_at))
$$;

-- The upper bound of the 95 % Wilson interval.
CREATE FUNCTION verification.at_most(k bigint, n bigint) RETURNS float8
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN n <= 0 THEN 1 ELSE
        (k::float8 / n + 3.841458820694124 / (2 * n) + 1.959963984540054
         * sqrt(k::float8 / n * (1 - k::float8 / n) / n
                + 3.841458820694124 / (4.0 * n * n)))
        / (1 + 3.841458820694124 / n) END
$$;

-- Whether nothing is sent there: staff said so, or less than a tenth of what
-- was sent in an hour or a day was answered.  What is younger than five minutes
-- may still be.
CREATE FUNCTION verification.blocked(tenant uuid, place text, digits text)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    w record;
    recent bigint;
BEGIN
    IF EXISTS (SELECT FROM verification.blocked_prefixes AS b
                WHERE b.tenant_id = tenant AND b.until > clock_timestamp()
                  AND b.prefix IN (SELECT left(digits, n)
                          FROM generate_series(1, length(digits)) AS n))
    THEN
        RETURN true;
    END IF;

    SELECT count(*) INTO recent
      FROM (SELECT FROM verification.codes AS c
             WHERE c.tenant_id = tenant AND c.prefix7 = digits
               AND c.created_at > clock_timestamp() - interval '5 min'
               AND c.consumed_at IS NULL LIMIT 10000) AS young;

    FOR w IN
        SELECT sum(s.sent)::bigint AS sent,
               sum(s.converted)::bigint AS converted
          FROM verification.prefix_stats AS s,
               (VALUES (interval '1 hour'), (interval '24 hours')) AS o (span)
         WHERE s.tenant_id = tenant AND s.prefix7 = digits
           AND s.hour >= date_trunc('hour', clock_timestamp() - o.span)
         GROUP BY o.span
    LOOP
        CONTINUE WHEN verification.at_most(w.converted, w.sent - recent)
                      >= 0.10;

        INSERT INTO verification.blocked_prefixes AS b (tenant_id, prefix,
               until, set_by)
        VALUES (tenant, digits, clock_timestamp() + interval '6 hours',
                'rule')
        ON CONFLICT ON CONSTRAINT blocked_prefixes_prefix_key
        DO UPDATE SET until = excluded.until, set_by = 'rule',
                      version = b.version + 1;
        PERFORM pando.emit(tenant, 'verification.prefix_blocked', 1, NULL,
            jsonb_build_object('prefix', digits, 'country', place,
                'sent', w.sent - recent, 'converted', w.converted));
        RETURN true;
    END LOOP;

    RETURN false;
END $$;

CREATE OR REPLACE FUNCTION verification.begin(tenant uuid, i jsonb, code_mac bytea,
    hash bytea, bound bytea)
RETURNS TABLE (id uuid, how text, wait_s int)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    c verification.codes;
    l verification.destination_limits := verification.limits(tenant, hash);
    answer text;
    secs int;
    digits text := left(ltrim(i->>'destination', '+'), 7);
BEGIN
    UPDATE verification.codes AS o SET canceled_at = clock_timestamp()
     WHERE o.tenant_id = tenant AND o.purpose = i->>'purpose'
       AND o.destination_hash = hash AND o.consumed_at IS NULL
       AND o.canceled_at IS NULL
       AND (o.expires_at <= clock_timestamp() OR o.attempts >= o.max_attempts);

    SELECT * INTO c FROM verification.codes AS o
     WHERE o.tenant_id = tenant AND o.purpose = i->>'purpose'
       AND o.destination_hash = hash AND o.consumed_at IS NULL
       AND o.canceled_at IS NULL;

    IF FOUND AND c.binding_hash = bound
        AND c.account_id IS NOT DISTINCT FROM (i->>'account')::uuid
    THEN
        answer := verification.send_again(c, l);
        secs := ceil(extract(epoch FROM c.next_send_at - clock_timestamp()));

        RETURN QUERY SELECT c.id, answer, greatest(1, secs);
        RETURN;
    END IF;

    secs := CASE WHEN l.locked_until > clock_timestamp()
        THEN ceil(extract(epoch FROM l.locked_until - clock_timestamp()))
        WHEN l.sent >= 10 THEN ceil(extract(epoch FROM l.window_start
                 + interval '24 hours' - clock_timestamp()))
        WHEN c.next_send_at > clock_timestamp()
        THEN ceil(extract(epoch FROM c.next_send_at - clock_timestamp())) END;

    IF secs IS NOT NULL THEN
        RETURN QUERY SELECT NULL::uuid,
            CASE WHEN l.locked_until > clock_timestamp() THEN 'locked'
                 WHEN l.sent >= 10 THEN 'spent' ELSE 'wait' END,
            greatest(1, secs);
        RETURN;
    END IF;

    IF i->>'channel' = 'sms' AND verification.blocked(tenant, i->>'country',
                                                      digits) THEN
        RETURN QUERY SELECT NULL::uuid, 'blocked', 0;
        RETURN;
    END IF;

    UPDATE verification.codes AS o SET canceled_at = clock_timestamp()
     WHERE o.id = c.id;

    INSERT INTO verification.codes AS o (id, tenant_id, purpose, channel,
           destination, destination_hash, masked, country, locale, seed_ct,
           mac, binding_hash, account_id, max_attempts, max_sends,
           next_send_at, expires_at, prefix7)
    VALUES ((i->>'id')::uuid, tenant, i->>'purpose', i->>'channel',
           i->>'destination', hash, i->>'masked', i->>'country', i->>'locale',
           i->>'seed_ct', code_mac, bound, (i->>'account')::uuid, 5, 5,
           clock_timestamp() + verification.pause(1),
           clock_timestamp() + (i->>'ttl_s')::int * interval '1 s',
           CASE i->>'channel' WHEN 'sms' THEN digits END);
    UPDATE verification.destination_limits AS o SET sent = o.sent + 1
     WHERE o.tenant_id = tenant AND o.destination_hash = hash;

    IF i->>'channel' = 'sms' THEN
        INSERT INTO verification.prefix_stats AS s (tenant_id, prefix7, hour,
               country, sent, converted)
        VALUES (tenant, digits, date_trunc('hour', clock_timestamp()),
               i->>'country', 1, 0)
        ON CONFLICT ON CONSTRAINT prefix_stats_pkey
        DO UPDATE SET sent = s.sent + 1;
    END IF;

    PERFORM pando.emit(tenant, 'verification.started', 1, (i->>'id')::uuid,
        jsonb_build_object('id', i->>'id', 'purpose', i->>'purpose',
            'channel', i->>'channel', 'country', i->>'country'));

    RETURN QUERY SELECT (i->>'id')::uuid, 'made', 0;
END $$;

CREATE OR REPLACE FUNCTION verification.check(tenant uuid, code uuid, guess bytea,
    token bytea)
RETURNS TABLE (how text, attempts_left int, wait_s int)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    c verification.codes;
    l verification.destination_limits;
BEGIN
    SELECT * INTO c FROM verification.codes AS o
     WHERE o.id = code AND o.tenant_id = tenant;

    IF NOT FOUND THEN
        RETURN;
    END IF;

    l := verification.limits(tenant, c.destination_hash);

    IF l.locked_until > clock_timestamp() THEN
        RETURN QUERY SELECT 'locked', 0, greatest(1,
            ceil(extract(epoch FROM l.locked_until - clock_timestamp()))::int);
        RETURN;
    END IF;

    UPDATE verification.codes AS o
       SET attempts = attempts + 1, version = version + 1,
           consumed_at = CASE WHEN mac = guess THEN clock_timestamp() END
     WHERE o.id = code AND o.consumed_at IS NULL AND o.canceled_at IS NULL
       AND o.attempts < o.max_attempts AND o.expires_at > clock_timestamp()
    RETURNING * INTO c;

    IF NOT FOUND THEN
        SELECT * INTO c FROM verification.codes AS o WHERE o.id = code;
        RETURN QUERY SELECT CASE
            WHEN c.consumed_at IS NOT NULL THEN 'used'
            WHEN c.canceled_at IS NOT NULL
                 OR c.expires_at <= clock_timestamp() THEN 'expired'
            ELSE 'exhausted' END, 0, 60;
        RETURN;
    END IF;

    IF c.consumed_at IS NOT NULL THEN
        UPDATE verification.prefix_stats AS s SET converted = s.converted + 1
         WHERE s.tenant_id = tenant AND s.prefix7 = c.prefix7
           AND s.hour = date_trunc('hour', c.created_at);

        INSERT INTO verification.proofs (token_hash, tenant_id, code_id,
               expires_at)
        VALUES (token, tenant, code, clock_timestamp() + interval '5 min');
        PERFORM pando.emit(tenant, 'verification.approved', 1, code,
            jsonb_build_object('id', code, 'purpose', c.purpose,
                'channel', c.channel, 'country', c.country,
                'account_id', c.account_id));
        RETURN QUERY SELECT 'approved', c.max_attempts - c.attempts, 0;
        RETURN;
    END IF;

    UPDATE verification.destination_limits AS o
       SET failed = CASE WHEN failed >= 9 THEN 0 ELSE failed + 1 END,
           locks = locks + CASE WHEN failed >= 9 THEN 1 ELSE 0 END,
           locked_until = CASE WHEN failed >= 9 THEN clock_timestamp()
               + least(24, 2 ^ locks) * interval '1 hour'
               ELSE locked_until END
     WHERE o.tenant_id = tenant AND o.destination_hash = c.destination_hash;

    IF c.attempts >= c.max_attempts THEN
        PERFORM pando.emit(tenant, 'verification.attempts_exhausted', 1, code,
            jsonb_build_object('id', code, 'purpose', c.purpose,
                'channel', c.channel, 'country', c.country));
    END IF;

    RETURN QUERY SELECT 'wrong', c.max_attempts - c.attempts, 0;
END $$;

CREATE FUNCTION verification.purge_guard() RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    n int;
BEGIN
    DELETE FROM verification.prefix_stats AS s
     WHERE s.hour < now() - interval '8 days';
    GET DIAGNOSTICS n = ROW_COUNT;
    DELETE FROM verification.blocked_prefixes AS b
     WHERE b.until < now() - interval '30 days';
    RETURN n;
END $$;
