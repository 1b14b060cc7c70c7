-- Health: what a recovery action can do besides asking a module.
--
-- What must stay true: what is done to a node is done by the node that sees the
-- failure, where one does; none runs while more than a third of the nodes are
-- not ready, and the last one that is ready is never drained.

ALTER TABLE health.recovery_rules ALTER COLUMN module DROP NOT NULL;
ALTER TABLE health.recovery_rules ADD COLUMN target text;
ALTER TABLE health.recovery_rules DROP CONSTRAINT recovery_rules_action_check;

-- A step that takes its list of actions from here.
CREATE FUNCTION health.action_ok(action text, module text, target text)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE action
           WHEN 'call' THEN module IS NOT NULL AND target IS NULL
           WHEN 'reset_breaker' THEN module IS NULL AND target IS NOT NULL
           WHEN 'recycle_pool' THEN module IS NULL
           WHEN 'reload_snapshot' THEN module IS NULL AND target IS NULL
           WHEN 'drain_node' THEN module IS NULL AND target IS NULL
           WHEN 'replace_worker' THEN module IS NULL AND target IS NULL
           WHEN 'retry_dead_jobs' THEN module IS NULL AND target IS NOT NULL
           WHEN 'run_schedule' THEN module IS NULL AND target IS NOT NULL
           WHEN 'webhook' THEN module IS NULL AND target IS NOT NULL
           ELSE false END
$$;

ALTER TABLE health.recovery_rules ADD CONSTRAINT recovery_rules_target_check
    CHECK (health.action_ok(action, module, target));

CREATE OR REPLACE FUNCTION health.recovery_doc(r health.recovery_rules)
RETURNS json LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT json_build_object('id', r.id, 'name', r.name,
        'component', r.component, 'trigger', r.trigger, 'action', r.action,
        'module', r.module, 'target', r.target,
        'guard', json_build_object('held_s', r.held_s,
            'cooldown_s', r.cooldown_s, 'per_hour', r.per_hour,
            'attempts', r.attempts, 'verify_s', r.verify_s),
        'enabled', r.enabled, 'state', r.state, 'failures', r.failures,
        'version', r.version, 'created_at', pando.rfc3339(r.created_at),
        'updated_at', pando.rfc3339(r.updated_at))
$$;

-- One node alone has nobody to compare itself with.
CREATE FUNCTION health.most_are_ready() RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT count(*) <= 1
           OR count(*) FILTER (WHERE NOT n.ready) * 3 <= count(*)
      FROM health.nodes AS n WHERE health.is_there(n)
$$;

-- Whether a node sees a component fail by what it has looked at itself.
CREATE FUNCTION health.sees_failing(which uuid, tenant uuid, what text)
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM health.checks AS c
                     JOIN health.views AS v ON v.check_id = c.id
                    WHERE c.tenant_id = tenant AND c.component = what
                      AND c.enabled AND v.node = which AND v.state = 'fail')
$$;

CREATE FUNCTION health.may_repair(r health.recovery_rules, node uuid)
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT health.most_are_ready() AND CASE
           WHEN r.action = 'drain_node'
           THEN health.sees_failing(node, r.tenant_id, r.component)
                AND EXISTS (SELECT FROM health.nodes AS n
                             WHERE n.id <> node AND n.ready
                               AND health.is_there(n))
           WHEN r.action IN ('recycle_pool', 'reload_snapshot',
                             'reset_breaker', 'replace_worker')
           THEN health.sees_failing(node, r.tenant_id, r.component)
                OR NOT EXISTS (SELECT FROM health.nodes AS n
                                WHERE health.is_there(n)
                                  AND health.sees_failing(n.id, r.tenant_id,
                                                          r.component))
           ELSE true END
$$;

DROP FUNCTION health.recovery_claim(uuid);

-- The next run that is due, for the node that asks.
CREATE FUNCTION health.recovery_claim(node uuid)
RETURNS TABLE (run uuid, tenant uuid, module text, rule uuid)
LANGUAGE plpgsql AS $$
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
        CONTINUE WHEN health.recovery_bar(r) IS NOT NULL
            OR NOT health.may_repair(r, node);
        run := health.recovery_begin(r, node, false);

        IF run IS NOT NULL THEN
            tenant := r.tenant_id;
            module := r.module;
            rule := r.id;
            RETURN NEXT;
            RETURN;
        END IF;
    END LOOP;
END $$;

-- Nodes, views and what else is old goes with the rest.
CREATE FUNCTION health.forget_nodes() RETURNS int
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM health.nodes WHERE seen_at < now() - interval '1 day';
    DELETE FROM health.views AS v
     WHERE v.at < now() - interval '4 days'
       AND NOT EXISTS (SELECT FROM health.nodes AS n WHERE n.id = v.node);
    RETURN 1;
END $$;
