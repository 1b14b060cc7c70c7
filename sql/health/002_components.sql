-- Health: components and what they depend on.
--
-- What must stay true: what is settled of a tenant is settled by one
-- transaction at a time, which holds the tenant; dependencies have no cycle;
-- the newest change of a component says what its row does.

CREATE FUNCTION health.hold(tenant uuid) RETURNS void
LANGUAGE sql VOLATILE AS $$
    SELECT pg_advisory_xact_lock(hashtext('health'), hashtext(tenant::text))
$$;

CREATE FUNCTION health.rank(status text) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_position(ARRAY['unknown', 'operational', 'degraded',
                                'partial_outage', 'major_outage'], status) - 1
$$;


-- Status is what was found, whatever is announced; told what the last event
-- said of it.  What a dependency no longer explains has until quiet_until to
-- recover, too, before anything is told of it.
CREATE TABLE health.components (
    tenant_id    uuid NOT NULL,
    component    text NOT NULL,
    status       text NOT NULL,
    cause        text,
    roots        text[] NOT NULL DEFAULT '{}',
    flapping     boolean NOT NULL DEFAULT false,
    since        timestamptz NOT NULL DEFAULT now(),
    told         text NOT NULL,
    quiet_until  timestamptz,

    CONSTRAINT components_pkey PRIMARY KEY (tenant_id, component),
    CONSTRAINT components_status_check CHECK (health.rank(status) IS NOT NULL),
    CONSTRAINT components_cause_check
        CHECK (cause IN ('check', 'incident', 'dependency'))
);

-- What is not well, of all tenants.
CREATE INDEX components_ill ON health.components (since)
 WHERE status IN ('degraded', 'partial_outage', 'major_outage');
CREATE INDEX components_quiet ON health.components (quiet_until)
 WHERE quiet_until IS NOT NULL;

-- Kept for 400 days.
CREATE TABLE health.component_changes (
    tenant_id  uuid NOT NULL,
    component  text NOT NULL,
    at         timestamptz NOT NULL,
    status     text NOT NULL,
    cause      text,
    roots      text[] NOT NULL,

    CONSTRAINT component_changes_pkey PRIMARY KEY (tenant_id, component, at)
);

CREATE INDEX component_changes_by_time ON health.component_changes (at);


-- From depends on to.
CREATE TABLE health.edges (
    tenant_id       uuid NOT NULL,
    from_component  text NOT NULL,
    to_component    text NOT NULL,
    strength        text NOT NULL,

    CONSTRAINT edges_pkey PRIMARY KEY (tenant_id, from_component, to_component),
    CONSTRAINT edges_strength_check CHECK (strength IN ('hard', 'soft')),
    CONSTRAINT edges_names_check
        CHECK (from_component ~ '^[a-z0-9]+(-[a-z0-9]+)*$'
               AND to_component ~ '^[a-z0-9]+(-[a-z0-9]+)*$'
               AND length(from_component) <= 80 AND length(to_component) <= 80)
);

CREATE INDEX edges_by_target ON health.edges (tenant_id, to_component);

-- The tenant is held: of two edges at once that would close a circle the
-- second one sees the first.
CREATE FUNCTION health.no_cycle() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM health.hold(NEW.tenant_id);

    IF EXISTS (WITH RECURSIVE below (component) AS (
                   SELECT NEW.to_component
                    UNION
                   SELECT e.to_component
                     FROM below AS b
                     JOIN health.edges AS e ON e.from_component = b.component
                      AND e.tenant_id = NEW.tenant_id)
               SELECT FROM below WHERE component = NEW.from_component)
    THEN
        RAISE EXCEPTION USING errcode = '23514', constraint = 'edges_cycle',
            message = 'a component would depend on itself';
    END IF;

    RETURN NEW;
END $$;

CREATE TRIGGER edges_no_cycle BEFORE INSERT OR UPDATE ON health.edges
FOR EACH ROW EXECUTE FUNCTION health.no_cycle();
