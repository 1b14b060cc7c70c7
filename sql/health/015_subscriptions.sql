-- Health: who wants to be told when the status changes.
--
-- What must stay true: anybody may ask for any address, so nothing is sent to
-- one that has not confirmed but the question itself, and that at most every
-- ten minutes; who asks never learns whether the address was there already; a
-- token is kept as its hash alone, and given to whoever sends (the event).

CREATE TABLE health.subscriptions (
    id            uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id     uuid NOT NULL,
    channel       text NOT NULL,
    address       text NOT NULL,
    components    text[] NOT NULL,
    token_hash    bytea NOT NULL,
    state         text NOT NULL DEFAULT 'pending',
    asked_at      timestamptz NOT NULL DEFAULT now(),
    confirmed_at  timestamptz,

    CONSTRAINT subscriptions_pkey PRIMARY KEY (id),
    CONSTRAINT subscriptions_address_key UNIQUE (tenant_id, channel, address),
    CONSTRAINT subscriptions_token_key UNIQUE (token_hash),
    CONSTRAINT subscriptions_channel_check
        CHECK (channel IN ('email', 'sms', 'webhook')),
    CONSTRAINT subscriptions_state_check
        CHECK ((state = 'confirmed') = (confirmed_at IS NOT NULL)
               AND state IN ('pending', 'confirmed'))
);

CREATE INDEX subscriptions_pending
    ON health.subscriptions (tenant_id, asked_at) WHERE state = 'pending';
CREATE INDEX subscriptions_confirmed
    ON health.subscriptions (tenant_id, id) WHERE state = 'confirmed';

-- False where too many wait to be confirmed.
CREATE FUNCTION health.subscribe(tenant uuid, by_channel text, to_address text,
    of_components text[], hash bytea, token text)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    s  health.subscriptions;
BEGIN
    IF EXISTS (SELECT FROM health.subscriptions AS x
                WHERE x.tenant_id = tenant AND x.state = 'pending'
               OFFSET 9999)
    THEN
        RETURN false;
    END IF;

    INSERT INTO health.subscriptions AS x
           (tenant_id, channel, address, components, token_hash)
    VALUES (tenant, by_channel, to_address, of_components, hash)
    ON CONFLICT ON CONSTRAINT subscriptions_address_key DO UPDATE
       SET components = of_components, token_hash = hash, asked_at = now()
     WHERE x.state = 'pending' AND x.asked_at < now() - interval '10 minutes'
    RETURNING * INTO s;

    IF FOUND THEN
        PERFORM pando.emit(tenant, 'status_subscription.requested', 1, s.id,
            jsonb_build_object('id', s.id, 'channel', s.channel,
                'address', s.address, 'components', s.components,
                'token', token));
    END IF;

    RETURN true;
END $$;

CREATE FUNCTION health.subscription_doc(s health.subscriptions) RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT json_build_object('channel', s.channel, 'address', s.address,
        'components', s.components, 'state', s.state,
        'confirmed_at', pando.rfc3339(s.confirmed_at))
$$;

-- What was never confirmed goes after a week.
CREATE FUNCTION health.forget_subscriptions() RETURNS int
LANGUAGE sql VOLATILE AS $$
    DELETE FROM health.subscriptions
     WHERE state = 'pending' AND asked_at < now() - interval '7 days';
    SELECT 1
$$;
