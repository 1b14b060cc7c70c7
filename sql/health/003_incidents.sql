-- Health: incidents and what is said of them.
--
-- What must stay true: updates are only ever added; an incident is resolved
-- exactly while it has the time of it; a component has one open incident that
-- was opened by itself.

CREATE TABLE health.incidents (
    id           uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id    uuid NOT NULL,
    title        text NOT NULL,
    impact       text NOT NULL,
    state        text NOT NULL DEFAULT 'investigating',
    components   text[] NOT NULL,
    auto         boolean NOT NULL DEFAULT false,
    started_at   timestamptz NOT NULL DEFAULT now(),
    resolved_at  timestamptz,
    version      bigint NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT incidents_pkey PRIMARY KEY (id),
    CONSTRAINT incidents_impact_check
        CHECK (impact IN ('none', 'minor', 'major', 'critical')),
    CONSTRAINT incidents_state_check CHECK (state IN ('investigating',
        'identified', 'monitoring', 'resolved', 'postmortem')),
    CONSTRAINT incidents_resolved_check
        CHECK ((state IN ('resolved', 'postmortem')) = (resolved_at IS NOT NULL))
);

CREATE INDEX incidents_by_start
    ON health.incidents (tenant_id, started_at DESC, id DESC);
CREATE INDEX incidents_by_end ON health.incidents (resolved_at)
 WHERE resolved_at IS NOT NULL;
CREATE INDEX incidents_open ON health.incidents (tenant_id)
 WHERE resolved_at IS NULL;
CREATE UNIQUE INDEX incidents_one_auto
    ON health.incidents (tenant_id, (components[1]))
 WHERE auto AND resolved_at IS NULL;

CREATE TABLE health.incident_updates (
    id           uuid NOT NULL DEFAULT pando.uuid7(),
    incident_id  uuid NOT NULL,
    tenant_id    uuid NOT NULL,
    state        text NOT NULL,
    message      text NOT NULL,
    actor        uuid,
    at           timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT incident_updates_pkey PRIMARY KEY (incident_id, id),
    CONSTRAINT incident_updates_incident_fkey FOREIGN KEY (incident_id)
        REFERENCES health.incidents (id) ON DELETE CASCADE
);

CREATE FUNCTION health.incident_doc(i health.incidents) RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT json_build_object('id', i.id, 'title', i.title,
        'impact', i.impact, 'state', i.state, 'components', i.components,
        'auto', i.auto, 'started_at', pando.rfc3339(i.started_at),
        'resolved_at', pando.rfc3339(i.resolved_at),
        'updates', (SELECT coalesce(json_agg(json_build_object(
                        'state', u.state, 'message', u.message,
                        'at', pando.rfc3339(u.at)) ORDER BY u.id DESC), '[]')
                      FROM health.incident_updates AS u
                     WHERE u.incident_id = i.id),
        'version', i.version, 'created_at', pando.rfc3339(i.created_at),
        'updated_at', pando.rfc3339(i.updated_at))
$$;

-- An update of an incident, and the event of the same.
CREATE FUNCTION health.say(tenant uuid, incident uuid, news text, words text,
    event text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO health.incident_updates (incident_id, tenant_id, state,
                                         message)
    VALUES (incident, tenant, news, words);

    PERFORM pando.emit(tenant, event, 1, incident,
        (SELECT health.incident_doc(i)::jsonb FROM health.incidents AS i
          WHERE i.id = incident));
END $$;
