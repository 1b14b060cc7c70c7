-- The vault: keys, of which only wrapped ones stand here, and who may use
-- which.
--
-- What must stay true: of a key's versions the numbers have no gap, and no
-- version is made twice; a nonce of 96 random bits is never asked of a version
-- more than 2^32 times, since workers lease how often they may; a version that
-- was destroyed is nowhere; what wraps is active, one at a time, and what it
-- replaces opens until nothing is wrapped by it any more.

CREATE SCHEMA vault;

-- What wraps keys: its material is outside, the print says which one it is.
CREATE TABLE vault.keks (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    kind        text NOT NULL,
    print       text NOT NULL,
    state       text NOT NULL DEFAULT 'active',
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT keks_pkey PRIMARY KEY (id),
    CONSTRAINT keks_print_key UNIQUE (print),
    CONSTRAINT keks_kind_check CHECK (kind IN ('secret', 'file')),
    CONSTRAINT keks_state_check
        CHECK (state IN ('active', 'retiring', 'retired'))
);

CREATE INDEX keks_by_age ON vault.keks (created_at);
CREATE UNIQUE INDEX keks_active ON vault.keks ((true))
 WHERE state = 'active';

CREATE TABLE vault.keys (
    id           uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id    uuid NOT NULL,
    name         text NOT NULL,
    type         text NOT NULL,
    state        text NOT NULL DEFAULT 'active',
    latest       int NOT NULL DEFAULT 1,
    min_encrypt  int NOT NULL DEFAULT 1,
    min_decrypt  int NOT NULL DEFAULT 1,
    rotate_days  int,
    destroy_at   timestamptz,
    rotated_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    version      bigint NOT NULL DEFAULT 1,

    CONSTRAINT keys_pkey PRIMARY KEY (id),
    CONSTRAINT keys_name_key UNIQUE (tenant_id, name),
    CONSTRAINT keys_type_check CHECK (type IN ('aes256-gcm',
        'chacha20-poly1305', 'aes256-siv', 'hmac-sha256', 'ed25519',
        'ecdsa-p256')),
    CONSTRAINT keys_state_check CHECK (state IN ('active', 'disabled',
        'pending_destroy', 'destroyed')),
    CONSTRAINT keys_versions_check
        CHECK (1 <= min_decrypt AND min_decrypt <= min_encrypt
               AND min_encrypt <= latest),
    CONSTRAINT keys_destroy_check
        CHECK ((destroy_at IS NOT NULL) = (state = 'pending_destroy'))
);

CREATE INDEX keys_page ON vault.keys (tenant_id, name);
CREATE INDEX keys_due ON vault.keys (destroy_at)
 WHERE state = 'pending_destroy';
CREATE INDEX keys_rotate ON vault.keys (rotated_at)
 WHERE rotate_days IS NOT NULL AND state = 'active';

CREATE TABLE vault.key_versions (
    key_id      uuid NOT NULL,
    tenant_id   uuid NOT NULL,
    version     int NOT NULL,
    kek_id      uuid NOT NULL,
    wrapped     text,
    public      text,
    leased      bigint NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT key_versions_pkey PRIMARY KEY (key_id, version),
    CONSTRAINT key_versions_key_fkey FOREIGN KEY (key_id)
        REFERENCES vault.keys,
    CONSTRAINT key_versions_kek_fkey FOREIGN KEY (kek_id)
        REFERENCES vault.keks,
    CONSTRAINT key_versions_leased_check CHECK (leased <= 4294967296)
);

CREATE INDEX key_versions_by_kek ON vault.key_versions (kek_id)
 WHERE wrapped IS NOT NULL;

-- Which caller over HTTP may do what with which keys; modules in process may
-- use those that bear their own name.
CREATE TABLE vault.grants (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id   uuid NOT NULL,
    principal   text NOT NULL,
    keys        text NOT NULL,
    operations  text[] NOT NULL,
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT grants_pkey PRIMARY KEY (id),
    CONSTRAINT grants_way_key UNIQUE (tenant_id, principal, keys)
);


CREATE FUNCTION vault.key_doc(k vault.keys) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', k.id, 'name', k.name, 'type', k.type,
        'state', k.state, 'latest_version', k.latest,
        'min_encrypt_version', k.min_encrypt,
        'min_decrypt_version', k.min_decrypt, 'rotate_days', k.rotate_days,
        'destroy_at', pando.rfc3339(k.destroy_at),
        'rotated_at', pando.rfc3339(k.rotated_at), 'version', k.version,
        'created_at', pando.rfc3339(k.created_at))
$$;

CREATE FUNCTION vault.grant_doc(g vault.grants) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', g.id, 'principal', g.principal,
        'keys', g.keys, 'operations', g.operations, 'version', g.version,
        'created_at', pando.rfc3339(g.created_at))
$$;

-- The key that wraps, known by its print.  The first one there is becomes
-- active by itself; another one only where the one before is at hand, too,
-- and that one then opens until all is wrapped anew.
CREATE FUNCTION vault.kek_use(what text, its_print text, before text)
RETURNS vault.keks LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    k       vault.keks;
    active  vault.keks;
BEGIN
    SELECT * INTO k FROM vault.keks AS o WHERE o.print = its_print;

    IF k.state = 'active' THEN
        RETURN k;
    END IF;

    PERFORM pg_advisory_xact_lock(hashtext('vault.keks'));

    SELECT * INTO k FROM vault.keks AS o WHERE o.print = its_print;
    SELECT * INTO active FROM vault.keks AS o WHERE o.state = 'active';

    IF k.state = 'active' OR (active.id IS NOT NULL
                              AND active.print IS DISTINCT FROM before) THEN
        RETURN k;
    END IF;

    UPDATE vault.keks AS o SET state = 'retiring' WHERE o.id = active.id;

    INSERT INTO vault.keks AS o (kind, print) VALUES (what, its_print)
    ON CONFLICT ON CONSTRAINT keks_print_key DO UPDATE SET state = 'active'
    RETURNING * INTO k;

    RETURN k;
END $$;

-- A key with its first version; null where there is one of that name.
CREATE FUNCTION vault.key_add(tenant uuid, key_name text, its_type text,
    days int, kek uuid, its_wrapped text, its_public text)
RETURNS vault.keys LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    k  vault.keys;
BEGIN
    INSERT INTO vault.keys (tenant_id, name, type, rotate_days)
    VALUES (tenant, key_name, its_type, days)
    ON CONFLICT ON CONSTRAINT keys_name_key DO NOTHING
    RETURNING * INTO k;

    IF k.id IS NOT NULL THEN
        INSERT INTO vault.key_versions (key_id, tenant_id, version, kek_id,
                                        wrapped, public)
        VALUES (k.id, tenant, 1, kek, its_wrapped, its_public);

        PERFORM pando.emit(tenant, 'vault.key_created', 1, k.id,
                           vault.key_doc(k));
    END IF;

    RETURN k;
END $$;

-- The next version; null where the key does not rotate, or is not the version
-- that was seen (0: whichever).
CREATE FUNCTION vault.key_rotate(tenant uuid, key uuid, seen int, kek uuid,
    its_wrapped text, its_public text)
RETURNS vault.keys LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    k  vault.keys;
BEGIN
    UPDATE vault.keys AS o
       SET latest = o.latest + 1, min_encrypt = o.latest + 1,
           rotated_at = clock_timestamp(), version = o.version + 1
     WHERE o.tenant_id = tenant AND o.id = key AND o.state = 'active'
       AND seen IN (0, o.latest)
    RETURNING * INTO k;

    IF k.id IS NOT NULL THEN
        INSERT INTO vault.key_versions (key_id, tenant_id, version, kek_id,
                                        wrapped, public)
        VALUES (k.id, tenant, k.latest, kek, its_wrapped, its_public);

        PERFORM pando.emit(tenant, 'vault.key_rotated', 1, k.id,
                           vault.key_doc(k));
    END IF;

    RETURN k;
END $$;

-- To another state, from one of those from which it may be; null elsewhere.
CREATE FUNCTION vault.key_state(tenant uuid, key_name text, from_states text[],
    to_state text, days int, event text)
RETURNS vault.keys LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    k  vault.keys;
BEGIN
    UPDATE vault.keys AS o
       SET state = to_state, version = o.version + 1,
           destroy_at = clock_timestamp() + make_interval(days => days)
     WHERE o.tenant_id = tenant AND o.name = key_name
       AND o.state = ANY (from_states)
    RETURNING * INTO k;

    IF k.id IS NOT NULL AND event IS NOT NULL THEN
        PERFORM pando.emit(tenant, event, 1, k.id, vault.key_doc(k));
    END IF;

    RETURN k;
END $$;

-- Those whose day has come: their material is gone, their names stay taken.
CREATE FUNCTION vault.destroy_due(most int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    k  vault.keys;
    n  int := 0;
BEGIN
    FOR k IN
        UPDATE vault.keys AS o
           SET state = 'destroyed', destroy_at = NULL, version = version + 1
         WHERE o.id IN (SELECT d.id FROM vault.keys AS d
                         WHERE d.state = 'pending_destroy'
                           AND d.destroy_at <= clock_timestamp()
                         ORDER BY d.destroy_at LIMIT most
                           FOR UPDATE SKIP LOCKED)
        RETURNING *
    LOOP
        UPDATE vault.key_versions AS v SET wrapped = NULL
         WHERE v.key_id = k.id;

        PERFORM pando.emit(k.tenant_id, 'vault.key_destroyed', 1, k.id,
                           vault.key_doc(k));
        n := n + 1;
    END LOOP;

    RETURN n;
END $$;
