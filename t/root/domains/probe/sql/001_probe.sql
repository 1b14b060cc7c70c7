-- Probes: rows for the tests of the root.

CREATE SCHEMA probe;

CREATE TABLE probe.probes (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id   uuid NOT NULL,
    name        text NOT NULL,
    note        text,
    amount      bigint NOT NULL DEFAULT 0,
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT probes_pkey PRIMARY KEY (id),
    CONSTRAINT probes_name_key UNIQUE (tenant_id, name),
    CONSTRAINT probes_amount_check CHECK (amount >= 0)
);

CREATE INDEX probes_by_age ON probe.probes (tenant_id, created_at, id);

CREATE FUNCTION probe.doc(p probe.probes) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', p.id, 'name', p.name, 'note', p.note,
        'amount', p.amount, 'version', p.version,
        'created_at', pando.rfc3339(p.created_at))
$$;
