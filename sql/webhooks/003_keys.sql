-- Webhooks: signatures that receivers verify without a secret (Ed25519).
--
-- What must stay true: of each kind at most two secrets are live, which who
-- changes them sees to under the endpoint's lock; seeds stand here encrypted.
-- The functions of before stay for nodes of that version.

ALTER TABLE webhooks.endpoints
    ADD COLUMN ed25519 boolean NOT NULL DEFAULT false;

-- public_key: base64, as all may know it.
ALTER TABLE webhooks.secrets
    ADD COLUMN kind        text NOT NULL DEFAULT 'hmac',
    ADD COLUMN public_key  text,
    ADD CONSTRAINT secrets_kind_check
        CHECK (kind IN ('hmac', 'ed25519')
               AND (kind = 'ed25519') = (public_key IS NOT NULL));

CREATE OR REPLACE FUNCTION webhooks.doc(e webhooks.endpoints) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', e.id, 'uid', e.uid, 'url', e.url,
        'description', e.description, 'event_types', e.event_types,
        'filters', e.filters, 'channels', e.channels,
        'ordering', e.ordering, 'when_stuck', e.when_stuck,
        'payload', e.payload, 'header_names', e.header_names,
        'ed25519', e.ed25519,
        'max_in_flight', e.max_in_flight, 'timeout_ms', e.timeout_ms,
        'state', e.state, 'disabled_reason', e.disabled_reason,
        'version', e.version, 'created_at', pando.rfc3339(e.created_at),
        'updated_at', pando.rfc3339(e.updated_at))
$$;

-- Those of a kind that sign, the newest first.
CREATE FUNCTION webhooks.live(endpoint uuid, of_kind text) RETURNS text[]
LANGUAGE sql STABLE AS $$
    SELECT array_agg(s.key_ct ORDER BY s.id DESC)
      FROM webhooks.secrets AS s
     WHERE s.endpoint_id = endpoint AND s.kind = of_kind
       AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp())
$$;

-- As before, but of one kind.
CREATE OR REPLACE FUNCTION webhooks.claim(tenant uuid, endpoint uuid,
    spare_s int)
RETURNS TABLE (message_id uuid, attempt int, type text, url text,
    timeout_ms int, body text, key_1 text, key_2 text)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    e webhooks.endpoints;
    l webhooks.lanes;
    at timestamptz;
    message uuid;
    keys text[];
    n int;
BEGIN
    SELECT * INTO l FROM webhooks.lanes AS l
     WHERE l.endpoint_id = endpoint AND l.tenant_id = tenant FOR UPDATE;
    SELECT * INTO e FROM webhooks.endpoints AS e
     WHERE e.id = endpoint AND e.tenant_id = tenant;
    at := clock_timestamp();

    IF e.id IS NULL OR e.state <> 'active' OR l.blocked_until > at THEN
        RETURN;
    END IF;

    SELECT count(*) INTO n FROM webhooks.deliveries AS d
     WHERE d.endpoint_id = endpoint AND d.state = 'sending'
       AND d.lease_until > at;

    IF n >= (CASE WHEN l.failures >= 10 THEN 1 ELSE e.max_in_flight END) THEN
        RETURN;
    END IF;

    SELECT d.message_id INTO message FROM webhooks.deliveries AS d
     WHERE d.endpoint_id = endpoint AND d.state = 'sending'
       AND d.lease_until <= at
     ORDER BY d.lease_until LIMIT 1;

    IF message IS NULL AND l.failures >= 10 THEN
        SELECT d.message_id INTO message FROM webhooks.deliveries AS d
         WHERE d.endpoint_id = endpoint AND d.state = 'pending'
           AND d.next_at <= at
         ORDER BY d.planned DESC, d.next_at LIMIT 1;

    ELSIF message IS NULL THEN
        SELECT d.message_id INTO message FROM webhooks.deliveries AS d
         WHERE d.endpoint_id = endpoint AND d.state = 'pending'
           AND d.next_at <= at
         ORDER BY d.next_at LIMIT 1;
    END IF;

    IF message IS NULL THEN
        RETURN;
    END IF;

    UPDATE webhooks.deliveries AS d
       SET state = 'sending', attempts = attempts + 1,
           planned = planned + CASE WHEN resent THEN 0 ELSE 1 END,
           lease_until = at + e.timeout_ms * interval '1 ms'
                         + spare_s * interval '1 s'
     WHERE d.endpoint_id = endpoint AND d.message_id = message
    RETURNING d.attempts INTO n;

    keys := webhooks.live(endpoint, 'hmac');

    RETURN QUERY
    SELECT m.id, n, m.type, e.url, e.timeout_ms, m.body, keys[1], keys[2]
      FROM webhooks.messages AS m
     WHERE m.id = message;
END $$;
