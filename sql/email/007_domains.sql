-- Email: domains that mail is sent from, and the keys that sign it.
--
-- What must stay true: a domain is verified for one tenant alone; what signs
-- is what its owner has published; a key that was replaced stays published
-- for 30 days, for mails that are still on their way.

CREATE TABLE email.domains (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id   uuid NOT NULL,
    domain      text NOT NULL,
    state       text NOT NULL DEFAULT 'pending',
    checks      jsonb NOT NULL DEFAULT '{}',
    checked_at  timestamptz,
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT domains_pkey PRIMARY KEY (id),
    CONSTRAINT domains_domain_key UNIQUE (tenant_id, domain),
    CONSTRAINT domains_state_check
        CHECK (state IN ('pending', 'verified', 'failing'))
);

CREATE UNIQUE INDEX domains_verified ON email.domains (domain)
 WHERE state = 'verified';
CREATE INDEX domains_by_check ON email.domains (checked_at);

CREATE TABLE email.domain_keys (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    domain_id   uuid NOT NULL,
    tenant_id   uuid NOT NULL,
    selector    text NOT NULL,
    alg         text NOT NULL,
    private_ct  text NOT NULL,
    public      text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    retires_at  timestamptz,

    CONSTRAINT domain_keys_pkey PRIMARY KEY (id),
    CONSTRAINT domain_keys_domain_fkey FOREIGN KEY (domain_id)
        REFERENCES email.domains ON DELETE CASCADE,
    CONSTRAINT domain_keys_alg_check CHECK (alg IN ('rsa2048', 'ed25519'))
);

CREATE INDEX domain_keys_by_domain ON email.domain_keys (domain_id, id);
CREATE INDEX domain_keys_over ON email.domain_keys (retires_at)
 WHERE retires_at IS NOT NULL;

CREATE FUNCTION email.domain_doc(d email.domains) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', d.id, 'domain', d.domain,
        'state', d.state, 'checks', d.checks,
        'checked_at', pando.rfc3339(d.checked_at),
        'records', (SELECT coalesce(json_agg(json_build_object('type', 'TXT',
            'name', k.selector || '._domainkey.' || d.domain,
            'value', 'v=DKIM1; k=' || CASE k.alg WHEN 'ed25519'
                THEN 'ed25519' ELSE 'rsa' END || '; p=' || k.public,
            'retires_at', pando.rfc3339(k.retires_at)) ORDER BY k.id), '[]')
            FROM email.domain_keys AS k
           WHERE k.domain_id = d.id AND (k.retires_at IS NULL
                                         OR k.retires_at > now())),
        'version', d.version, 'created_at', pando.rfc3339(d.created_at),
        'updated_at', pando.rfc3339(d.updated_at))
$$;

-- What a check found; who fails now and did not before is told of.
CREATE FUNCTION email.domain_checked(tenant uuid, of uuid, good boolean,
    seen jsonb)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    was text;
    d email.domains;
BEGIN
    SELECT o.state INTO was FROM email.domains AS o
     WHERE o.id = of AND o.tenant_id = tenant FOR UPDATE;

    UPDATE email.domains AS o
       SET state = CASE WHEN good THEN 'verified'
                   WHEN was = 'pending' THEN 'pending' ELSE 'failing' END,
           checks = seen, checked_at = clock_timestamp(),
           version = version + 1, updated_at = now()
     WHERE o.id = of AND o.tenant_id = tenant
    RETURNING * INTO d;

    IF was = 'verified' AND NOT good THEN
        PERFORM pando.emit(tenant, 'email_domain.failing', 1, of,
            jsonb_build_object('domain_id', of, 'domain', d.domain));
    END IF;
END $$;
