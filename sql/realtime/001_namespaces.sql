-- Realtime: what is agreed for all channels whose names begin alike, "room" for
-- room:1 and room:lobby.
--
-- What must stay true: a tenant has few of them, so that workers keep them all;
-- each change is told in an event, by which the workers know of it.

CREATE SCHEMA realtime;

CREATE TABLE realtime.namespaces (
    id               uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id        uuid NOT NULL,
    prefix           text NOT NULL,
    who_subscribes   text NOT NULL,
    who_publishes    text NOT NULL,
    mode             text NOT NULL,
    presence         boolean NOT NULL,
    join_leave       boolean NOT NULL,
    history_size     int NOT NULL,
    history_seconds  int NOT NULL,
    rate             int NOT NULL,          -- a second and user; 0: any
    max_size         int NOT NULL,          -- bytes of a message
    version          bigint NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT namespaces_pkey PRIMARY KEY (id),
    CONSTRAINT namespaces_prefix_key UNIQUE (tenant_id, prefix),
    CONSTRAINT namespaces_prefix_check
        CHECK (prefix ~ '^[a-zA-Z0-9_.-]{1,40}$'),
    CONSTRAINT namespaces_who_subscribes_check
        CHECK (who_subscribes IN ('scope', 'member', 'token')),
    CONSTRAINT namespaces_who_publishes_check
        CHECK (who_publishes IN ('scope', 'member', 'nobody')),
    CONSTRAINT namespaces_mode_check
        CHECK (mode IN ('stream', 'cache', 'ephemeral')),
    CONSTRAINT namespaces_history_check
        CHECK (history_size BETWEEN 0 AND 10000
               AND history_seconds BETWEEN 0 AND 604800),
    CONSTRAINT namespaces_limits_check
        CHECK (rate BETWEEN 0 AND 10000 AND max_size BETWEEN 16 AND 65536)
);

CREATE FUNCTION realtime.namespace_doc(n realtime.namespaces) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', n.id, 'prefix', n.prefix,
        'who_subscribes', n.who_subscribes, 'who_publishes', n.who_publishes,
        'mode', n.mode, 'presence', n.presence, 'join_leave', n.join_leave,
        'history_size', n.history_size, 'history_seconds', n.history_seconds,
        'rate', n.rate, 'max_size', n.max_size, 'version', n.version,
        'created_at', pando.rfc3339(n.created_at),
        'updated_at', pando.rfc3339(n.updated_at))
$$;
