-- Verification: one-time codes.
--
-- What must stay true: of a purpose and a destination there is one live code;
-- no more guesses count than a code allows, however many come at once, and one
-- right answer is approved once; wrong answers are counted for a destination
-- whatever the code; a code stands nowhere, only what it is checked against,
-- made with a key that is sealed.

CREATE SCHEMA verification;

CREATE TABLE verification.codes (
    id                uuid NOT NULL,
    tenant_id         uuid NOT NULL,
    purpose           text NOT NULL,
    channel           text NOT NULL,
    destination       text,                     -- for a day
    destination_hash  bytea NOT NULL,
    masked            text NOT NULL,
    country           text,
    locale            text NOT NULL,
    seed_ct           text NOT NULL,
    mac               bytea NOT NULL,
    binding_hash      bytea NOT NULL,
    account_id        uuid,
    attempts          int NOT NULL DEFAULT 0,
    max_attempts      int NOT NULL,
    sends             int NOT NULL DEFAULT 1,
    max_sends         int NOT NULL,
    next_send_at      timestamptz NOT NULL,
    expires_at        timestamptz NOT NULL,
    consumed_at       timestamptz,
    canceled_at       timestamptz,
    version           bigint NOT NULL DEFAULT 1,
    created_at        timestamptz NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT codes_pkey PRIMARY KEY (id),
    CONSTRAINT codes_channel_check CHECK (channel IN ('sms', 'email')),
    CONSTRAINT codes_attempts_check CHECK (attempts <= max_attempts),
    CONSTRAINT codes_sends_check CHECK (sends <= max_sends)
);

CREATE UNIQUE INDEX codes_live
    ON verification.codes (tenant_id, purpose, destination_hash)
 WHERE consumed_at IS NULL AND canceled_at IS NULL;
CREATE INDEX codes_by_age ON verification.codes (created_at);
CREATE INDEX codes_shown ON verification.codes (created_at)
 WHERE destination IS NOT NULL;

-- Of all codes of a destination: wrong answers in a day, and what was sent.
CREATE TABLE verification.destination_limits (
    tenant_id         uuid NOT NULL,
    destination_hash  bytea NOT NULL,
    failed            int NOT NULL DEFAULT 0,
    sent              int NOT NULL DEFAULT 0,
    window_start      timestamptz NOT NULL DEFAULT clock_timestamp(),
    locks             int NOT NULL DEFAULT 0,
    locked_until      timestamptz,

    CONSTRAINT destination_limits_pkey
        PRIMARY KEY (tenant_id, destination_hash)
) WITH (fillfactor = 50);

CREATE INDEX destination_limits_by_age
    ON verification.destination_limits (window_start);

-- What a right answer gives: used once, within five minutes.
CREATE TABLE verification.proofs (
    token_hash        bytea NOT NULL,
    tenant_id         uuid NOT NULL,
    code_id           uuid NOT NULL,
    expires_at        timestamptz NOT NULL,
    redeemed_at       timestamptz,

    CONSTRAINT proofs_pkey PRIMARY KEY (token_hash),
    CONSTRAINT proofs_code_fkey FOREIGN KEY (code_id)
        REFERENCES verification.codes ON DELETE CASCADE
);

CREATE INDEX proofs_by_code ON verification.proofs (code_id);


CREATE FUNCTION verification.doc(c verification.codes) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', c.id, 'purpose', c.purpose,
        'channel', c.channel, 'masked_to', c.masked,
        'status', CASE WHEN c.consumed_at IS NOT NULL THEN 'approved'
            WHEN c.canceled_at IS NOT NULL THEN 'canceled'
            WHEN c.expires_at <= clock_timestamp() THEN 'expired'
            WHEN c.attempts >= c.max_attempts THEN 'exhausted'
            ELSE 'pending' END,
        'expires_at', pando.rfc3339(c.expires_at),
        'resend_after', pando.rfc3339(c.next_send_at),
        'attempts_left', c.max_attempts - c.attempts,
        'version', c.version, 'created_at', pando.rfc3339(c.created_at))
$$;

-- Pauses between sends: 30 s, 60 s, 120 s, 300 s.
CREATE FUNCTION verification.pause(sends int) RETURNS interval
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE sends WHEN 1 THEN 30 WHEN 2 THEN 60 WHEN 3 THEN 120
           ELSE 300 END * interval '1 s'
$$;

-- The row of a destination, held; its day begins anew when it is over.
CREATE FUNCTION verification.limits(tenant uuid, hash bytea)
RETURNS verification.destination_limits LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    l verification.destination_limits;
BEGIN
    INSERT INTO verification.destination_limits (tenant_id, destination_hash)
    VALUES (tenant, hash)
    ON CONFLICT ON CONSTRAINT destination_limits_pkey DO NOTHING;

    SELECT * INTO l FROM verification.destination_limits AS o
     WHERE o.tenant_id = tenant AND o.destination_hash = hash FOR UPDATE;

    IF l.window_start < clock_timestamp() - interval '24 hours' THEN
        UPDATE verification.destination_limits AS o
           SET failed = 0, sent = 0, window_start = clock_timestamp(),
               locks = CASE WHEN locked_until > clock_timestamp()
                   - interval '24 hours' THEN locks ELSE 0 END
         WHERE o.tenant_id = tenant AND o.destination_hash = hash
        RETURNING * INTO l;
    END IF;

    RETURN l;
END $$;

-- One more send of a code, where it may be sent: how says sent, wait (until
-- its next_send_at), locked or spent.
CREATE FUNCTION verification.send_again(c verification.codes,
    l verification.destination_limits, OUT how text)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    how := CASE WHEN l.locked_until > clock_timestamp() THEN 'locked'
                WHEN c.sends >= c.max_sends OR l.sent >= 10 THEN 'spent'
                WHEN c.next_send_at > clock_timestamp() THEN 'wait'
                ELSE 'sent' END;

    IF how = 'sent' THEN
        UPDATE verification.codes AS o
           SET sends = o.sends + 1, version = o.version + 1,
               next_send_at = clock_timestamp()
                              + verification.pause(o.sends + 1)
         WHERE o.id = c.id;
        UPDATE verification.destination_limits AS o SET sent = o.sent + 1
         WHERE o.tenant_id = c.tenant_id
           AND o.destination_hash = c.destination_hash;
    END IF;
END $$;

-- A code, or the live one there is: how says made, sent (the same once more),
-- wait, locked or spent.  One for something else that it is bound to takes the
-- live one's place, once that might be sent again.
CREATE FUNCTION verification.begin(tenant uuid, i jsonb, code_mac bytea,
    hash bytea, bound bytea)
RETURNS TABLE (id uuid, how text, wait_s int)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    c verification.codes;
    l verification.destination_limits := verification.limits(tenant, hash);
    answer text;
    secs int;
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

    UPDATE verification.codes AS o SET canceled_at = clock_timestamp()
     WHERE o.id = c.id;

    INSERT INTO verification.codes AS o (id, tenant_id, purpose, channel,
           destination, destination_hash, masked, country, locale, seed_ct,
           mac, binding_hash, account_id, max_attempts, max_sends,
           next_send_at, expires_at)
    VALUES ((i->>'id')::uuid, tenant, i->>'purpose', i->>'channel',
           i->>'destination', hash, i->>'masked', i->>'country', i->>'locale',
           i->>'seed_ct', code_mac, bound, (i->>'account')::uuid, 5, 5,
           clock_timestamp() + verification.pause(1),
           clock_timestamp() + (i->>'ttl_s')::int * interval '1 s');
    UPDATE verification.destination_limits AS o SET sent = o.sent + 1
     WHERE o.tenant_id = tenant AND o.destination_hash = hash;

    PERFORM pando.emit(tenant, 'verification.started', 1, (i->>'id')::uuid,
        jsonb_build_object('id', i->>'id', 'purpose', i->>'purpose',
            'channel', i->>'channel', 'country', i->>'country'));

    RETURN QUERY SELECT (i->>'id')::uuid, 'made', 0;
END $$;

-- It could not be sent: that counts for nothing.
CREATE FUNCTION verification.unsend(tenant uuid, code uuid) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    c verification.codes;
BEGIN
    UPDATE verification.codes AS o
       SET sends = greatest(0, sends - 1), next_send_at = clock_timestamp(),
           canceled_at = CASE WHEN sends <= 1 THEN clock_timestamp() END
     WHERE o.id = code AND o.tenant_id = tenant
    RETURNING * INTO c;

    UPDATE verification.destination_limits AS o
       SET sent = greatest(0, sent - 1)
     WHERE o.tenant_id = tenant AND o.destination_hash = c.destination_hash;
END $$;

CREATE FUNCTION verification.again(tenant uuid, code uuid)
RETURNS TABLE (how text, wait_s int) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    c verification.codes;
    l verification.destination_limits;
    answer text;
BEGIN
    SELECT * INTO c FROM verification.codes AS o
     WHERE o.id = code AND o.tenant_id = tenant;
    l := verification.limits(tenant, c.destination_hash);
    SELECT * INTO c FROM verification.codes AS o
     WHERE o.id = code AND o.tenant_id = tenant FOR UPDATE;

    answer := CASE WHEN c.consumed_at IS NOT NULL THEN 'used'
        WHEN c.canceled_at IS NOT NULL
             OR c.expires_at <= clock_timestamp() THEN 'expired'
        WHEN c.attempts >= c.max_attempts THEN 'exhausted'
        ELSE verification.send_again(c, l) END;

    RETURN QUERY SELECT answer, greatest(1, ceil(extract(epoch FROM
        coalesce(l.locked_until, c.next_send_at) - clock_timestamp()))::int);
END $$;

-- An answer.  The destination's row is held first, so that those that come at
-- once come one after another: each takes an attempt, or learns why not.
CREATE FUNCTION verification.check(tenant uuid, code uuid, guess bytea,
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

-- A proof, once, for just what it was given for.
CREATE FUNCTION verification.redeem(tenant uuid, token bytea, purpose text,
    bound bytea)
RETURNS TABLE (code_id uuid, destination text, account_id uuid)
LANGUAGE sql VOLATILE AS $$
    UPDATE verification.proofs AS p SET redeemed_at = clock_timestamp()
      FROM verification.codes AS c
     WHERE p.token_hash = token AND p.tenant_id = tenant
       AND p.redeemed_at IS NULL AND p.expires_at > clock_timestamp()
       AND c.id = p.code_id AND c.purpose = redeem.purpose
       AND c.binding_hash = bound
    RETURNING c.id, c.destination, c.account_id
$$;

-- Destinations are hidden after a day, codes gone after 30.
CREATE FUNCTION verification.purge(most int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    n int;
    all_of_them int;
BEGIN
    UPDATE verification.codes AS c SET destination = NULL
     WHERE c.id IN (SELECT o.id FROM verification.codes AS o
                     WHERE o.destination IS NOT NULL
                       AND o.created_at < now() - interval '1 day'
                     ORDER BY o.created_at LIMIT most);
    GET DIAGNOSTICS all_of_them = ROW_COUNT;

    DELETE FROM verification.codes AS c
     WHERE c.id IN (SELECT o.id FROM verification.codes AS o
                     WHERE o.created_at < now() - interval '30 days'
                     ORDER BY o.created_at LIMIT most);
    GET DIAGNOSTICS n = ROW_COUNT;
    all_of_them := all_of_them + n;

    DELETE FROM verification.destination_limits AS l
     WHERE (l.tenant_id, l.destination_hash) IN (
        SELECT o.tenant_id, o.destination_hash
          FROM verification.destination_limits AS o
         WHERE o.window_start < now() - interval '3 days'
           AND coalesce(o.locked_until < now() - interval '1 day', true)
         ORDER BY o.window_start LIMIT most);
    GET DIAGNOSTICS n = ROW_COUNT;

    RETURN all_of_them + n;
END $$;
