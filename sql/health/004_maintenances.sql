-- Health: maintenances, the hours in which a component may be away.
--
-- What must stay true: a component is in one maintenance at a time.

CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE health.maintenances (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id   uuid NOT NULL,
    title       text NOT NULL,
    components  text[] NOT NULL,
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    state       text NOT NULL DEFAULT 'scheduled',
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT maintenances_pkey PRIMARY KEY (id),
    CONSTRAINT maintenances_ends_check CHECK (ends_at > starts_at),
    CONSTRAINT maintenances_state_check
        CHECK (state IN ('scheduled', 'active', 'ended'))
);

CREATE INDEX maintenances_by_start
    ON health.maintenances (tenant_id, starts_at DESC, id DESC);
CREATE INDEX maintenances_to_start ON health.maintenances (starts_at)
 WHERE state = 'scheduled';
CREATE INDEX maintenances_to_end ON health.maintenances (ends_at)
 WHERE state <> 'ended';
CREATE INDEX maintenances_by_end ON health.maintenances (ends_at)
 WHERE state = 'ended';

CREATE TABLE health.maintenance_components (
    maintenance_id  uuid NOT NULL,
    tenant_id       uuid NOT NULL,
    component       text NOT NULL,
    during          tstzrange NOT NULL,

    CONSTRAINT maintenance_components_pkey
        PRIMARY KEY (maintenance_id, component),
    CONSTRAINT maintenance_components_fkey FOREIGN KEY (maintenance_id)
        REFERENCES health.maintenances (id) ON DELETE CASCADE,
    CONSTRAINT maintenances_overlap EXCLUDE USING gist
        (tenant_id WITH =, component WITH =, during WITH &&)
);

-- The tenant is held first: two that wait for each other's row would else be
-- a deadlock and not an overlap.
CREATE FUNCTION health.hold_tenant() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM health.hold(NEW.tenant_id);
    RETURN NEW;
END $$;

CREATE TRIGGER maintenances_hold
BEFORE INSERT OR UPDATE OF components, starts_at, ends_at
    ON health.maintenances
FOR EACH ROW EXECUTE FUNCTION health.hold_tenant();

CREATE FUNCTION health.spread_maintenance() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM health.maintenance_components WHERE maintenance_id = NEW.id;
    INSERT INTO health.maintenance_components
    SELECT NEW.id, NEW.tenant_id, c, tstzrange(NEW.starts_at, NEW.ends_at)
      FROM unnest(NEW.components) AS c;
    RETURN NULL;
END $$;

CREATE TRIGGER maintenances_spread
AFTER INSERT OR UPDATE OF components, starts_at, ends_at
    ON health.maintenances
FOR EACH ROW EXECUTE FUNCTION health.spread_maintenance();

CREATE FUNCTION health.in_maintenance(tenant uuid, name text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT EXISTS (SELECT FROM health.maintenance_components AS m
                    WHERE m.tenant_id = tenant AND m.component = name
                      AND m.during @> now())
$$;

CREATE FUNCTION health.maintenance_doc(m health.maintenances) RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT json_build_object('id', m.id, 'title', m.title,
        'components', m.components, 'starts_at', pando.rfc3339(m.starts_at),
        'ends_at', pando.rfc3339(m.ends_at), 'state', m.state,
        'version', m.version, 'created_at', pando.rfc3339(m.created_at),
        'updated_at', pando.rfc3339(m.updated_at))
$$;
