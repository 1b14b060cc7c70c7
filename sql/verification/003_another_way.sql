-- Verification: another way to the same person, where a code does not come.
--
-- What must stay true: the same code goes by it, once; what was sent by more
-- than one way proves none of them, only who answered.

ALTER TABLE verification.codes
    ADD COLUMN also text,
    ADD COLUMN also_channel text,
    ADD COLUMN also_masked text,
    ADD COLUMN switched_by uuid;            -- the message that did not come

CREATE INDEX codes_also ON verification.codes (created_at)
 WHERE also IS NOT NULL;
CREATE INDEX codes_by_account ON verification.codes (tenant_id, account_id)
 WHERE account_id IS NOT NULL;
CREATE INDEX codes_by_destination
    ON verification.codes (tenant_id, destination_hash);

-- False: it does not go by another way.  The same message asks for the same:
-- who was interrupted can ask again.
CREATE FUNCTION verification.switch(tenant uuid, code uuid, message uuid)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    c verification.codes;
BEGIN
    SELECT * INTO c FROM verification.codes AS o
     WHERE o.id = code AND o.tenant_id = tenant FOR UPDATE;

    IF NOT FOUND OR c.consumed_at IS NOT NULL OR c.canceled_at IS NOT NULL
        OR c.expires_at <= clock_timestamp() OR c.attempts >= c.max_attempts
    THEN
        RETURN false;
    END IF;

    IF c.switched_by IS NOT NULL OR c.also IS NULL
        OR c.sends >= c.max_sends
    THEN
        UPDATE verification.codes AS o
           SET next_send_at = least(next_send_at, clock_timestamp())
         WHERE o.id = code;
        RETURN coalesce(c.switched_by = message, false);
    END IF;

    UPDATE verification.codes AS o
       SET channel = also_channel, destination = also, masked = also_masked,
           also = NULL, switched_by = message, sends = sends + 1,
           next_send_at = clock_timestamp() + verification.pause(sends + 1),
           version = version + 1
     WHERE o.id = code;

    RETURN true;
END $$;

CREATE OR REPLACE FUNCTION verification.redeem(tenant uuid, token bytea,
    purpose text, bound bytea)
RETURNS TABLE (code_id uuid, destination text, account_id uuid)
LANGUAGE sql VOLATILE AS $$
    UPDATE verification.proofs AS p SET redeemed_at = clock_timestamp()
      FROM verification.codes AS c
     WHERE p.token_hash = token AND p.tenant_id = tenant
       AND p.redeemed_at IS NULL AND p.expires_at > clock_timestamp()
       AND c.id = p.code_id AND c.purpose = redeem.purpose
       AND c.binding_hash = bound
    RETURNING c.id, CASE WHEN c.switched_by IS NULL THEN c.destination END,
              c.account_id
$$;

-- Who leaves: their codes go, and what was counted for their destinations.
CREATE FUNCTION verification.erase(tenant uuid, who uuid, hash bytea)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    DELETE FROM verification.codes AS c
     WHERE c.tenant_id = tenant
       AND (c.account_id = who OR c.destination_hash = hash);
    DELETE FROM verification.destination_limits AS l
     WHERE l.tenant_id = tenant AND l.destination_hash = hash
       AND coalesce(l.locked_until <= clock_timestamp(), true);
END $$;

-- What is known of an account.
CREATE FUNCTION verification.subject(tenant uuid, who uuid) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('codes', coalesce(jsonb_agg(
               verification.doc(c) ORDER BY c.id), '[]'))
      FROM verification.codes AS c
     WHERE c.tenant_id = tenant AND c.account_id = who
$$;

CREATE OR REPLACE FUNCTION verification.purge_guard() RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    n int;
BEGIN
    DELETE FROM verification.prefix_stats AS s
     WHERE s.hour < now() - interval '8 days';
    GET DIAGNOSTICS n = ROW_COUNT;
    DELETE FROM verification.blocked_prefixes AS b
     WHERE b.until < now() - interval '30 days';
    UPDATE verification.codes AS c SET also = NULL, also_masked = NULL
     WHERE c.id IN (SELECT o.id FROM verification.codes AS o
                     WHERE o.also IS NOT NULL
                       AND o.created_at < now() - interval '1 day'
                     ORDER BY o.created_at LIMIT 5000);
    RETURN n;
END $$;
