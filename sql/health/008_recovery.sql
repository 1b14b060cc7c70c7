-- Health: recovery actions, what is done by itself when a component fails.
--
-- What must stay true: of a tenant one action runs at a time, whichever node
-- does it, and a run that was given up cannot end; none runs on what a
-- dependency explains or a maintenance covers; one that did not help as often
-- as it may try stands still until somebody says otherwise.

CREATE TABLE health.recovery_rules (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id   uuid NOT NULL,
    name        text NOT NULL,
    component   text NOT NULL,
    trigger     text NOT NULL,
    action      text NOT NULL,
    module      text NOT NULL,
    held_s      int NOT NULL,
    cooldown_s  int NOT NULL,
    per_hour    int NOT NULL,
    attempts    int NOT NULL,
    verify_s    int NOT NULL,
    enabled     boolean NOT NULL,
    state       text NOT NULL DEFAULT 'armed',
    failures    int NOT NULL DEFAULT 0,
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT recovery_rules_pkey PRIMARY KEY (id),
    CONSTRAINT recovery_rules_name_key UNIQUE (tenant_id, name),
    CONSTRAINT recovery_rules_trigger_check
        CHECK (trigger IN ('degraded', 'partial_outage', 'major_outage')),
    CONSTRAINT recovery_rules_action_check CHECK (action = 'call'),
    CONSTRAINT recovery_rules_state_check CHECK (state IN ('armed', 'stopped'))
);

CREATE INDEX recovery_rules_by_component
    ON health.recovery_rules (tenant_id, component);

-- Kept for 400 days.
CREATE TABLE health.recovery_runs (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    rule_id     uuid NOT NULL,
    tenant_id   uuid NOT NULL,
    node        uuid NOT NULL,
    by_hand     boolean NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    acted_at    timestamptz,
    ended_at    timestamptz,
    outcome     text NOT NULL DEFAULT 'running',
    before      text NOT NULL,
    after       text,
    says        text,

    CONSTRAINT recovery_runs_pkey PRIMARY KEY (id),
    CONSTRAINT recovery_runs_rule_fkey FOREIGN KEY (rule_id)
        REFERENCES health.recovery_rules (id) ON DELETE CASCADE,
    CONSTRAINT recovery_runs_outcome_check CHECK (outcome IN ('running',
        'helped', 'no_help', 'failed', 'lost'))
);

CREATE INDEX recovery_runs_by_rule
    ON health.recovery_runs (rule_id, started_at DESC, id DESC);
CREATE INDEX recovery_runs_by_time ON health.recovery_runs (started_at);
CREATE UNIQUE INDEX recovery_runs_one ON health.recovery_runs (tenant_id)
 WHERE outcome = 'running';

CREATE FUNCTION health.recovery_doc(r health.recovery_rules) RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT json_build_object('id', r.id, 'name', r.name,
        'component', r.component, 'trigger', r.trigger, 'action', r.action,
        'module', r.module, 'guard', json_build_object('held_s', r.held_s,
            'cooldown_s', r.cooldown_s, 'per_hour', r.per_hour,
            'attempts', r.attempts, 'verify_s', r.verify_s),
        'enabled', r.enabled, 'state', r.state, 'failures', r.failures,
        'version', r.version, 'created_at', pando.rfc3339(r.created_at),
        'updated_at', pando.rfc3339(r.updated_at))
$$;

CREATE FUNCTION health.run_doc(r health.recovery_runs) RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT json_build_object('id', r.id, 'node', r.node,
        'by_hand', r.by_hand, 'started_at', pando.rfc3339(r.started_at),
        'acted_at', pando.rfc3339(r.acted_at),
        'ended_at', pando.rfc3339(r.ended_at), 'outcome', r.outcome,
        'before', r.before, 'after', r.after, 'says', r.says)
$$;

CREATE FUNCTION health.status_of(tenant uuid, name text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT k.status FROM health.components AS k
                      WHERE k.tenant_id = tenant AND k.component = name),
                    'unknown')
$$;

-- Why a rule may not run now: 'already_running', 'budget_spent', 'cooldown'.
CREATE FUNCTION health.recovery_bar(r health.recovery_rules) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN EXISTS (SELECT FROM health.recovery_runs AS x
                              WHERE x.tenant_id = r.tenant_id
                                AND x.outcome = 'running')
                THEN 'already_running'
                WHEN count(*) FILTER (WHERE x.started_at > now()
                                            - interval '1 hour') >= r.per_hour
                THEN 'budget_spent'
                WHEN max(x.started_at) > now()
                     - make_interval(secs => r.cooldown_s) THEN 'cooldown' END
      FROM health.recovery_runs AS x
     WHERE x.rule_id = r.id
       AND x.started_at > now()
           - make_interval(secs => greatest(r.cooldown_s, 3600))
$$;

-- A run begins; null where another one was faster.
CREATE FUNCTION health.recovery_begin(r health.recovery_rules, node uuid,
    by_hand boolean)
RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    run  health.recovery_runs;
BEGIN
    INSERT INTO health.recovery_runs AS x
           (rule_id, tenant_id, node, by_hand, before)
    VALUES (r.id, r.tenant_id, node, by_hand,
            health.status_of(r.tenant_id, r.component))
    ON CONFLICT (tenant_id) WHERE outcome = 'running' DO NOTHING
    RETURNING * INTO run;

    IF FOUND THEN
        PERFORM pando.emit(r.tenant_id, 'recovery.attempted', 1, r.id,
            jsonb_build_object('rule_id', r.id, 'run_id', run.id,
                'name', r.name, 'component', r.component,
                'action', r.action, 'module', r.module,
                'before', run.before));
    END IF;

    RETURN run.id;
END $$;

-- The next run that is due, for the node that asks.
CREATE FUNCTION health.recovery_claim(node uuid)
RETURNS TABLE (run uuid, tenant uuid, module text) LANGUAGE plpgsql AS $$
DECLARE
    r  health.recovery_rules;
BEGIN
    FOR r IN SELECT x.* FROM health.components AS k
               JOIN health.recovery_rules AS x
                 ON x.tenant_id = k.tenant_id AND x.component = k.component
              WHERE k.status IN ('degraded', 'partial_outage', 'major_outage')
                AND health.rank(k.status) >= health.rank(x.trigger)
                AND k.cause <> 'dependency' AND k.quiet_until IS NULL
                AND x.enabled AND x.state = 'armed'
                AND k.since <= now() - make_interval(secs => x.held_s)
                AND NOT health.in_maintenance(k.tenant_id, k.component)
              ORDER BY x.id FOR UPDATE OF x SKIP LOCKED
    LOOP
        CONTINUE WHEN health.recovery_bar(r) IS NOT NULL;
        run := health.recovery_begin(r, node, false);

        IF run IS NOT NULL THEN
            tenant := r.tenant_id;
            module := r.module;
            RETURN NEXT;
            RETURN;
        END IF;
    END LOOP;
END $$;

-- What came of it; how well it worked is seen later, by those that had no
-- answer too.
CREATE FUNCTION health.recovery_acted(which uuid, done boolean, words text)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    UPDATE health.recovery_runs
       SET acted_at = now(), says = words
     WHERE id = which AND outcome = 'running' AND acted_at IS NULL;

    IF FOUND AND NOT done THEN
        PERFORM health.recovery_end(which, 'failed');
    END IF;

    RETURN FOUND;
END $$;

CREATE FUNCTION health.recovery_end(which uuid, came_of_it text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    r    health.recovery_rules;
    run  health.recovery_runs;
BEGIN
    UPDATE health.recovery_runs AS x
       SET outcome = came_of_it, ended_at = now(),
           after = health.status_of(x.tenant_id, y.component)
      FROM health.recovery_rules AS y
     WHERE x.id = which AND x.outcome = 'running' AND y.id = x.rule_id
    RETURNING x.* INTO run;

    IF NOT FOUND THEN
        RETURN;
    END IF;

    UPDATE health.recovery_rules AS x
       SET failures = CASE came_of_it WHEN 'helped' THEN 0
                      ELSE x.failures + 1 END,
           state = CASE WHEN came_of_it <> 'helped'
                         AND x.failures + 1 >= x.attempts THEN 'stopped'
                   ELSE x.state END
     WHERE x.id = run.rule_id
    RETURNING * INTO r;

    IF r.state = 'stopped' AND r.failures = r.attempts THEN
        PERFORM pando.emit(r.tenant_id, 'recovery.failed', 1, r.id,
            jsonb_build_object('rule_id', r.id, 'run_id', run.id,
                'name', r.name, 'component', r.component,
                'action', r.action, 'module', r.module,
                'attempts', r.failures, 'before', run.before,
                'after', run.after));
    END IF;
END $$;
