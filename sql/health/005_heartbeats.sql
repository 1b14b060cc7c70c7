-- Health: heartbeats, checks that are not asked but have to call.
--
-- What must stay true: a secret is kept as its hash alone; late_at is when
-- the silence counts, of a heartbeat that has called and of a run that has
-- begun; a silence is told once.

CREATE TABLE health.heartbeats (
    id            uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id     uuid NOT NULL,
    name          text NOT NULL,
    component     text NOT NULL,
    criticality   text NOT NULL,
    period_s      int NOT NULL,
    grace_s       int NOT NULL,
    max_run_s     int,
    secret_hash   bytea NOT NULL,
    state         text NOT NULL DEFAULT 'new',
    state_since   timestamptz NOT NULL DEFAULT now(),
    last_ping_at  timestamptz,
    started_at    timestamptz,
    last_run_ms   bigint,
    late_at       timestamptz,
    version       bigint NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT heartbeats_pkey PRIMARY KEY (id),
    CONSTRAINT heartbeats_name_key UNIQUE (tenant_id, name),
    CONSTRAINT heartbeats_criticality_check
        CHECK (criticality IN ('required', 'important', 'optional')),
    CONSTRAINT heartbeats_state_check
        CHECK (state IN ('new', 'up', 'failed', 'missed')),
    CONSTRAINT heartbeats_times_check
        CHECK (period_s BETWEEN 5 AND 31622400 AND grace_s BETWEEN 0 AND 2678400
               AND max_run_s BETWEEN 1 AND 2678400)
) WITH (fillfactor = 70);

CREATE INDEX heartbeats_by_component
    ON health.heartbeats (tenant_id, component);
CREATE INDEX heartbeats_to_miss ON health.heartbeats (late_at)
 WHERE state IN ('new', 'up');

CREATE FUNCTION health.heartbeat_doc(b health.heartbeats) RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT json_build_object('id', b.id, 'name', b.name,
        'component', b.component, 'criticality', b.criticality,
        'period_s', b.period_s, 'grace_s', b.grace_s,
        'max_run_s', b.max_run_s, 'state', b.state,
        'state_since', pando.rfc3339(b.state_since),
        'last_ping_at', pando.rfc3339(b.last_ping_at),
        'started_at', pando.rfc3339(b.started_at),
        'last_run_ms', b.last_run_ms, 'late_at', pando.rfc3339(b.late_at),
        'version', b.version, 'created_at', pando.rfc3339(b.created_at),
        'updated_at', pando.rfc3339(b.updated_at))
$$;

-- Told of one that failed, or was silent for too long.
CREATE FUNCTION health.tell_missed(b health.heartbeats) RETURNS void
LANGUAGE sql VOLATILE AS $$
    SELECT pando.emit(b.tenant_id, 'heartbeat.missed', 1, b.id,
        jsonb_build_object('id', b.id, 'name', b.name,
            'component', b.component, 'state', b.state,
            'last_ping_at', pando.rfc3339(b.last_ping_at)))
$$;

-- What came: 'ping', 'start' or 'fail'.  A run that has begun is no sign of
-- life yet, but its limit counts from now.
CREATE FUNCTION health.beat(heartbeat uuid, what text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    b    health.heartbeats;
    was  text;
BEGIN
    SELECT state INTO was FROM health.heartbeats
     WHERE id = heartbeat FOR UPDATE;

    UPDATE health.heartbeats AS h
       SET state = CASE what WHEN 'ping' THEN 'up' WHEN 'fail' THEN 'failed'
                   ELSE h.state END,
           last_ping_at = CASE what WHEN 'ping' THEN now()
                          ELSE h.last_ping_at END,
           started_at = CASE what WHEN 'start' THEN now() END,
           last_run_ms = CASE WHEN what = 'start' THEN h.last_run_ms
                         ELSE extract(epoch FROM now() - h.started_at) * 1000
                         END,
           late_at = CASE WHEN what = 'start' AND h.max_run_s IS NULL
                     THEN h.late_at
                     ELSE now() + make_interval(secs => CASE what
                          WHEN 'start' THEN h.max_run_s
                          ELSE h.period_s + h.grace_s END) END,
           state_since = CASE WHEN what = 'ping' AND h.state <> 'up'
                           OR what = 'fail' AND h.state <> 'failed' THEN now()
                         ELSE h.state_since END
     WHERE h.id = heartbeat
    RETURNING * INTO b;

    IF FOUND AND b.state <> was THEN
        PERFORM health.settle(b.tenant_id);

        IF b.state = 'failed' THEN
            PERFORM health.tell_missed(b);
        END IF;
    END IF;

    RETURN b.id IS NOT NULL;
END $$;
