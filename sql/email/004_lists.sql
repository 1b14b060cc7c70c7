-- Email: lists, who is on them, and who wants no more.
--
-- What must stay true: who is on a list has said so, and there is a proof of
-- it; who leaves is left alone at once, however often it is said.

CREATE TABLE email.lists (
    id           uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id    uuid NOT NULL,
    name         text NOT NULL,
    description  text,
    version      bigint NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT lists_pkey PRIMARY KEY (id),
    CONSTRAINT lists_name_key UNIQUE (tenant_id, name)
);

CREATE INDEX lists_by_tenant ON email.lists (tenant_id, id);

-- proof: how we know; asked_at: when we last asked who is pending.
CREATE TABLE email.list_members (
    list_id     uuid NOT NULL,
    to_norm     text NOT NULL,
    tenant_id   uuid NOT NULL,
    to_address  text NOT NULL,
    name        text,
    locale      text,
    data        jsonb NOT NULL DEFAULT '{}',
    state       text NOT NULL,
    proof       jsonb NOT NULL,
    asked_at    timestamptz,
    changed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT list_members_pkey PRIMARY KEY (list_id, to_norm),
    CONSTRAINT list_members_list_fkey FOREIGN KEY (list_id)
        REFERENCES email.lists ON DELETE CASCADE,
    CONSTRAINT list_members_state_check
        CHECK (state IN ('pending', 'confirmed', 'unsubscribed'))
);

CREATE FUNCTION email.list_doc(l email.lists) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', l.id, 'name', l.name,
        'description', l.description, 'version', l.version,
        'created_at', pando.rfc3339(l.created_at),
        'updated_at', pando.rfc3339(l.updated_at))
$$;

CREATE FUNCTION email.member_doc(m email.list_members) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('address', m.to_address, 'name', m.name,
        'locale', m.locale, 'data', m.data, 'state', m.state,
        'proof', m.proof, 'changed_at', pando.rfc3339(m.changed_at))
$$;

-- Many at once, with one proof; who left before stays away.
CREATE FUNCTION email.import(tenant uuid, list uuid, members jsonb,
    proof jsonb)
RETURNS int LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    n int;
BEGIN
    INSERT INTO email.list_members AS m (list_id, to_norm, tenant_id,
           to_address, name, locale, data, state, proof)
    SELECT DISTINCT ON (i.norm) list, i.norm, tenant, i.address, i.name,
           i.locale, coalesce(i.data, '{}'), 'confirmed', import.proof
      FROM jsonb_to_recordset(members) AS i (norm text, address text,
           name text, locale text, data jsonb)
     ORDER BY i.norm
    ON CONFLICT ON CONSTRAINT list_members_pkey DO UPDATE
       SET to_address = excluded.to_address, name = excluded.name,
           locale = excluded.locale, data = excluded.data,
           state = 'confirmed', proof = excluded.proof,
           changed_at = clock_timestamp()
     WHERE m.state <> 'unsubscribed';
    GET DIAGNOSTICS n = ROW_COUNT;

    RETURN n;
END $$;

-- Someone says that this address wants the list.  True: it is to be asked,
-- which happens once an hour at most, and never who is on it.
CREATE FUNCTION email.subscribe(tenant uuid, list uuid, norm text,
    address text, name text, locale text, proof jsonb)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO email.list_members AS m (list_id, to_norm, tenant_id,
           to_address, name, locale, state, proof, asked_at)
    VALUES (list, norm, tenant, address, subscribe.name, subscribe.locale,
            'pending', subscribe.proof, clock_timestamp())
    ON CONFLICT ON CONSTRAINT list_members_pkey DO UPDATE
       SET state = 'pending', proof = excluded.proof,
           asked_at = excluded.asked_at, changed_at = clock_timestamp()
     WHERE m.state <> 'confirmed'
       AND (m.asked_at IS NULL
            OR m.asked_at < clock_timestamp() - interval '1 hour');

    RETURN FOUND;
END $$;

-- The answer to that: what kept it away from this list is over.
CREATE FUNCTION email.confirm(tenant uuid, list uuid, norm text, proof jsonb)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    was text;
BEGIN
    SELECT m.state INTO was FROM email.list_members AS m
     WHERE m.tenant_id = tenant AND m.list_id = list AND m.to_norm = norm
       FOR UPDATE;

    IF was IS DISTINCT FROM 'pending' THEN
        RETURN was = 'confirmed';
    END IF;

    UPDATE email.list_members AS m
       SET state = 'confirmed', proof = m.proof || confirm.proof,
           changed_at = clock_timestamp()
     WHERE m.list_id = list AND m.to_norm = norm;
    DELETE FROM email.suppressions AS s
     WHERE s.tenant_id = tenant AND s.to_norm = norm
       AND s.scope IN ('list:' || list, 'marketing')
       AND s.reason = 'unsubscribe';

    RETURN true;
END $$;

-- Of one list, or of all marketing where the message was of none.
CREATE FUNCTION email.unsubscribe(tenant uuid, message uuid, list uuid,
    norm text)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    m email.messages;
    n int;
BEGIN
    INSERT INTO email.suppressions AS s (tenant_id, to_norm, scope, reason,
           source_message)
    VALUES (tenant, norm, coalesce('list:' || list, 'marketing'),
            'unsubscribe', message)
    ON CONFLICT ON CONSTRAINT suppressions_pkey DO UPDATE
       SET reason = excluded.reason, expires_at = NULL
     WHERE s.expires_at IS NOT NULL;
    GET DIAGNOSTICS n = ROW_COUNT;

    UPDATE email.list_members AS o
       SET state = 'unsubscribed', changed_at = clock_timestamp()
     WHERE o.list_id = list AND o.to_norm = norm AND o.tenant_id = tenant
       AND o.state <> 'unsubscribed';

    IF n = 0 THEN
        RETURN false;
    END IF;

    SELECT * INTO m FROM email.messages AS o
     WHERE o.id = message AND o.tenant_id = tenant;

    IF m.id IS NOT NULL THEN
        PERFORM email.note(tenant, message, 'unsubscribed');
        PERFORM email.tell(m, 'email.unsubscribed', NULL);
    END IF;

    RETURN true;
END $$;
