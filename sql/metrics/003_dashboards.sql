-- Metrics: dashboards over the history, and annotations drawn over them.
--
-- What must stay true: every edition of a dashboard is kept as it was, the
-- last hundred of them; a panel is stored whole, with what was not said of it.

-- Panels with all that is to be known of each, in their order.
CREATE FUNCTION metrics.panels(given jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('title', p ->> 'title',
               'kind', coalesce(p ->> 'kind', 'line'),
               'measure', p ->> 'measure', 'service', p ->> 'service',
               'method', p ->> 'method', 'route', p ->> 'route',
               'per', coalesce(p ->> 'per', 'all'),
               'top', coalesce((p ->> 'top')::int, 8),
               'width', coalesce((p ->> 'width')::int, 6)) ORDER BY n), '[]')
      FROM jsonb_array_elements(given) WITH ORDINALITY AS e (p, n)
     WHERE given IS NOT NULL
$$;

CREATE TABLE metrics.dashboards (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id   uuid NOT NULL,
    slug        text NOT NULL,
    title       text NOT NULL,
    folder      text,
    range_s     int NOT NULL,
    panels      jsonb NOT NULL,
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    updated_by  uuid NOT NULL,

    CONSTRAINT dashboards_pkey PRIMARY KEY (id),
    CONSTRAINT dashboards_slug_key UNIQUE (tenant_id, slug)
);

CREATE TABLE metrics.dashboard_versions (
    dashboard_id  uuid NOT NULL,
    version       bigint NOT NULL,
    tenant_id     uuid NOT NULL,
    doc           json NOT NULL,

    CONSTRAINT dashboard_versions_pkey PRIMARY KEY (dashboard_id, version),
    CONSTRAINT dashboard_versions_fkey FOREIGN KEY (dashboard_id)
        REFERENCES metrics.dashboards (id) ON DELETE CASCADE
);

CREATE FUNCTION metrics.dashboard_doc(d metrics.dashboards) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', d.id, 'slug', d.slug, 'title', d.title,
        'folder', d.folder, 'range_s', d.range_s, 'panels', d.panels,
        'version', d.version, 'created_at', pando.rfc3339(d.created_at),
        'updated_at', pando.rfc3339(d.updated_at), 'updated_by', d.updated_by)
$$;

CREATE FUNCTION metrics.keep_version() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO metrics.dashboard_versions
           (dashboard_id, version, tenant_id, doc)
    VALUES (new.id, new.version, new.tenant_id, metrics.dashboard_doc(new));

    DELETE FROM metrics.dashboard_versions
     WHERE dashboard_id = new.id AND version <= new.version - 100;

    RETURN NULL;
END $$;

CREATE TRIGGER dashboards_keep_version
AFTER INSERT OR UPDATE ON metrics.dashboards
FOR EACH ROW EXECUTE FUNCTION metrics.keep_version();


CREATE TABLE metrics.annotations (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id   uuid NOT NULL,
    at          timestamptz NOT NULL,
    until       timestamptz,
    text        text NOT NULL,
    tags        text[] NOT NULL,
    author      uuid NOT NULL,

    CONSTRAINT annotations_pkey PRIMARY KEY (id),
    CONSTRAINT annotations_until_check CHECK (until > at)
);

CREATE INDEX annotations_by_time ON metrics.annotations (tenant_id, at, id);
CREATE INDEX annotations_by_age ON metrics.annotations (at);

CREATE FUNCTION metrics.annotation_doc(a metrics.annotations) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', a.id, 'at', pando.rfc3339(a.at),
        'until', pando.rfc3339(a.until), 'text', a.text, 'tags', a.tags,
        'author', a.author)
$$;
