-- Metrics: alert rules, the alerts that they raise, and silences.
--
-- What must stay true: a rule is looked at by whoever holds its row, once for
-- each of its intervals in the whole deployment; what was found, the notices of
-- it and when the rule is due again are one transaction.  An alert is told of
-- once from when it began until it is over: notified_at says that it was, and
-- an alert that nobody was told of is not told to be over.

-- A condition is a threshold for a measure, or a budget that burns too fast in
-- a long and a short window at once.
CREATE FUNCTION metrics.condition_ok(kind text, measure text, comparison text,
    threshold float8, objective_bp int, factor float8, window_s int,
    short_window_s int)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE kind
        WHEN 'threshold' THEN comparison IS NOT NULL
            AND threshold IS NOT NULL AND objective_bp IS NULL
            AND factor IS NULL AND short_window_s IS NULL
        WHEN 'burn' THEN measure IN ('error_ratio', 'slow_ratio')
            AND objective_bp IS NOT NULL AND factor IS NOT NULL
            AND coalesce(short_window_s < window_s, false)
            AND comparison IS NULL AND threshold IS NULL
        ELSE false END
$$;

CREATE FUNCTION metrics.members(object jsonb) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT count(*) FROM jsonb_object_keys(object)
$$;

CREATE TABLE metrics.rules (
    id              uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id       uuid NOT NULL,
    "group"         text NOT NULL,
    name            text NOT NULL,
    kind            text NOT NULL,
    measure         text NOT NULL,
    comparison      text,
    threshold       float8,
    objective_bp    int,
    factor          float8,
    window_s        int NOT NULL,
    short_window_s  int,
    service         text,
    method          text,
    route           text,
    per             text NOT NULL,
    min_requests    bigint NOT NULL,
    interval_s      int NOT NULL,
    for_s           int NOT NULL,
    keep_firing_s   int NOT NULL,
    labels          jsonb NOT NULL,
    annotations     jsonb NOT NULL,
    enabled         boolean NOT NULL,
    due_at          timestamptz NOT NULL DEFAULT now(),
    evaluated_at    timestamptz,
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT rules_pkey PRIMARY KEY (id),
    CONSTRAINT rules_name_key UNIQUE (tenant_id, "group", name),
    CONSTRAINT rules_condition_check CHECK (metrics.condition_ok(kind, measure,
        comparison, threshold, objective_bp, factor, window_s,
        short_window_s)),
    CONSTRAINT rules_objective_check CHECK (objective_bp < 10000),
    CONSTRAINT rules_per_check CHECK (per IN ('all', 'service', 'route')),
    CONSTRAINT rules_interval_check CHECK (interval_s > 0),
    CONSTRAINT rules_labels_check CHECK (metrics.members(labels) <= 16
        AND metrics.members(annotations) <= 16)
) WITH (fillfactor = 70);

CREATE INDEX rules_by_due ON metrics.rules (due_at) WHERE enabled;
CREATE INDEX rules_by_tenant ON metrics.rules (tenant_id, name, id);

-- What a rule is that says no more than it has to.
CREATE FUNCTION metrics.plain_rule() RETURNS metrics.rules
LANGUAGE sql STABLE AS $$
    SELECT r FROM jsonb_populate_record(NULL::metrics.rules, '{
        "group": "default", "kind": "threshold", "window_s": 300,
        "per": "all", "min_requests": 0, "interval_s": 30, "for_s": 0,
        "keep_firing_s": 0, "labels": {}, "annotations": {},
        "enabled": true}') AS r
$$;

-- The start of the interval that it is now, of all that begin with the epoch.
CREATE FUNCTION metrics.slot(seconds int) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT date_bin(make_interval(secs => seconds), now(),
                    '1970-01-01T00:00:00Z'::timestamptz)
$$;

CREATE FUNCTION metrics.rule_doc(r metrics.rules) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', r.id, 'group', r."group", 'name', r.name,
        'kind', r.kind, 'measure', r.measure, 'comparison', r.comparison,
        'threshold', r.threshold, 'objective_bp', r.objective_bp,
        'factor', r.factor, 'window_s', r.window_s,
        'short_window_s', r.short_window_s, 'service', r.service,
        'method', r.method, 'route', r.route, 'per', r.per,
        'min_requests', r.min_requests, 'interval_s', r.interval_s,
        'for_s', r.for_s, 'keep_firing_s', r.keep_firing_s,
        'labels', r.labels, 'annotations', r.annotations,
        'enabled', r.enabled, 'evaluated_at', pando.rfc3339(r.evaluated_at),
        'version', r.version, 'created_at', pando.rfc3339(r.created_at),
        'updated_at', pando.rfc3339(r.updated_at))
$$;


-- A silence holds back the notices of alerts that all its matchers match.
CREATE TABLE metrics.silences (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id   uuid NOT NULL,
    matchers    jsonb NOT NULL,
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    author      uuid NOT NULL,
    comment     text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT silences_pkey PRIMARY KEY (id),
    CONSTRAINT silences_ends_check CHECK (ends_at > starts_at)
);

CREATE INDEX silences_by_end ON metrics.silences (tenant_id, ends_at, id);
CREATE INDEX silences_by_age ON metrics.silences (ends_at);

CREATE FUNCTION metrics.silence_doc(s metrics.silences) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', s.id, 'matchers', s.matchers,
        'starts_at', pando.rfc3339(s.starts_at),
        'ends_at', pando.rfc3339(s.ends_at), 'author', s.author,
        'comment', s.comment, 'state', CASE WHEN s.starts_at > now()
            THEN 'pending' WHEN s.ends_at > now() THEN 'active'
            ELSE 'expired' END, 'created_at', pando.rfc3339(s.created_at))
$$;

-- A label that is not there matches as if it were empty.
CREATE FUNCTION metrics.matches(labels jsonb, matchers jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT bool_and(CASE m ->> 'op'
        WHEN '=' THEN l.value = m ->> 'value'
        WHEN '!=' THEN l.value <> m ->> 'value'
        WHEN '^=' THEN starts_with(l.value, m ->> 'value')
        ELSE false END)
      FROM jsonb_array_elements(matchers) AS m
     CROSS JOIN LATERAL (SELECT coalesce(labels ->> (m ->> 'label'), '')
                                AS value) AS l
$$;

-- The silence that holds now for these labels, the longest one.
CREATE FUNCTION metrics.silence_of(tenant uuid, labels jsonb) RETURNS uuid
LANGUAGE sql STABLE AS $$
    SELECT s.id FROM metrics.silences AS s
     WHERE s.tenant_id = tenant AND s.starts_at <= now() AND s.ends_at > now()
       AND metrics.matches(labels, s.matchers)
     ORDER BY s.ends_at DESC, s.id LIMIT 1
$$;


-- The latest episode of each alert.  Without a rule it is of the house itself.
CREATE TABLE metrics.alerts (
    tenant_id        uuid NOT NULL,
    fingerprint      text NOT NULL,
    rule_id          uuid,
    name             text NOT NULL,
    labels           jsonb NOT NULL,
    annotations      jsonb NOT NULL,
    state            text NOT NULL,
    value            float8,
    active_at        timestamptz NOT NULL,
    fired_at         timestamptz,
    resolved_at      timestamptz,
    false_since      timestamptz,
    evaluated_at     timestamptz NOT NULL,
    notified_at      timestamptz,
    acknowledged_at  timestamptz,
    acknowledged_by  uuid,

    CONSTRAINT alerts_pkey PRIMARY KEY (tenant_id, fingerprint),
    CONSTRAINT alerts_state_check CHECK (CASE state
        WHEN 'pending' THEN fired_at IS NULL AND resolved_at IS NULL
        WHEN 'firing' THEN fired_at IS NOT NULL AND resolved_at IS NULL
        WHEN 'resolved' THEN fired_at IS NOT NULL AND resolved_at IS NOT NULL
        ELSE false END)
) WITH (fillfactor = 50);

CREATE INDEX alerts_by_rule ON metrics.alerts (rule_id)
    WHERE state <> 'resolved';
CREATE INDEX alerts_by_begin
    ON metrics.alerts (tenant_id, active_at DESC, fingerprint DESC);
CREATE INDEX alerts_by_age ON metrics.alerts (resolved_at)
    WHERE state = 'resolved';

-- Each change of state; inactive is a pending one that did not last.
CREATE TABLE metrics.alert_changes (
    id           bigint GENERATED ALWAYS AS IDENTITY,
    tenant_id    uuid NOT NULL,
    fingerprint  text NOT NULL,
    at           timestamptz NOT NULL,
    state        text NOT NULL,
    value        float8,

    CONSTRAINT alert_changes_pkey PRIMARY KEY (tenant_id, fingerprint, id)
);

CREATE INDEX alert_changes_by_age ON metrics.alert_changes (at);

CREATE FUNCTION metrics.alert_doc(a metrics.alerts) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('fingerprint', a.fingerprint,
        'rule_id', a.rule_id, 'name', a.name, 'labels', a.labels,
        'annotations', a.annotations, 'state', a.state, 'value', a.value,
        'active_at', pando.rfc3339(a.active_at),
        'fired_at', pando.rfc3339(a.fired_at),
        'resolved_at', pando.rfc3339(a.resolved_at),
        'evaluated_at', pando.rfc3339(a.evaluated_at),
        'notified_at', pando.rfc3339(a.notified_at),
        'silenced_by', CASE WHEN a.state <> 'resolved'
            THEN metrics.silence_of(a.tenant_id, a.labels) END,
        'acknowledged_at', pando.rfc3339(a.acknowledged_at),
        'acknowledged_by', a.acknowledged_by)
$$;


-- Tells of an alert that fires and of which nobody was told yet, unless it is
-- silenced, and of one that is just over.
CREATE FUNCTION metrics.tell(a metrics.alerts, changed boolean) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF a.state = 'firing' AND a.notified_at IS NULL
       AND metrics.silence_of(a.tenant_id, a.labels) IS NULL
    THEN
        UPDATE metrics.alerts SET notified_at = now()
         WHERE tenant_id = a.tenant_id AND fingerprint = a.fingerprint
        RETURNING * INTO a;
        PERFORM pando.emit(a.tenant_id, 'alert.fired', 1, a.rule_id,
                           metrics.alert_doc(a)::jsonb);

    ELSIF a.state = 'resolved' AND changed AND a.notified_at IS NOT NULL THEN
        PERFORM pando.emit(a.tenant_id, 'alert.resolved', 1, a.rule_id,
                           metrics.alert_doc(a)::jsonb);
    END IF;
END $$;

-- One alert as it has come to stand.  Another beginning is another episode:
-- nobody was told of it or has acknowledged it.
CREATE FUNCTION metrics.settle(a metrics.alerts, changed boolean) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF changed THEN
        INSERT INTO metrics.alert_changes
               (tenant_id, fingerprint, at, state, value)
        VALUES (a.tenant_id, a.fingerprint, a.evaluated_at, a.state, a.value);
    END IF;

    IF a.state = 'inactive' THEN
        DELETE FROM metrics.alerts
         WHERE tenant_id = a.tenant_id AND fingerprint = a.fingerprint;
        RETURN;
    END IF;

    INSERT INTO metrics.alerts AS was
           (tenant_id, fingerprint, rule_id, name, labels, annotations, state,
            value, active_at, fired_at, resolved_at, false_since, evaluated_at)
    VALUES (a.tenant_id, a.fingerprint, a.rule_id, a.name, a.labels,
            a.annotations, a.state, a.value, a.active_at, a.fired_at,
            a.resolved_at, a.false_since, a.evaluated_at)
    ON CONFLICT ON CONSTRAINT alerts_pkey DO UPDATE
       SET name = a.name, labels = a.labels, annotations = a.annotations,
           state = a.state, value = a.value, active_at = a.active_at,
           fired_at = a.fired_at, resolved_at = a.resolved_at,
           false_since = a.false_since, evaluated_at = a.evaluated_at,
           notified_at = CASE WHEN was.active_at = a.active_at
                         THEN was.notified_at END,
           acknowledged_at = CASE WHEN was.active_at = a.active_at
                             THEN was.acknowledged_at END,
           acknowledged_by = CASE WHEN was.active_at = a.active_at
                             THEN was.acknowledged_by END
    RETURNING * INTO a;

    PERFORM metrics.tell(a, changed);
END $$;

-- What was found of a rule at that second: its alerts, and none of others.
-- Moments are seconds since 1970.
CREATE FUNCTION metrics.evaluated(rule uuid, second bigint, steps jsonb)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    of metrics.rules;
    f record;
BEGIN
    UPDATE metrics.rules
       SET evaluated_at = to_timestamp(second),
           due_at = to_timestamp(second) + make_interval(secs => interval_s)
     WHERE id = rule RETURNING * INTO of;

    FOR f IN SELECT * FROM jsonb_to_recordset(steps) AS f (fingerprint text,
        labels jsonb, state text, value float8, active bigint, fired bigint,
        resolved bigint, wrong bigint, changed boolean)
    LOOP
        PERFORM metrics.settle(ROW(of.tenant_id, f.fingerprint, of.id, of.name,
            of.labels || f.labels || jsonb_build_object('alertname', of.name),
            of.annotations, f.state, f.value,
            to_timestamp(f.active), to_timestamp(f.fired),
            to_timestamp(f.resolved), to_timestamp(f.wrong),
            to_timestamp(second), NULL, NULL, NULL)::metrics.alerts,
            f.changed);
    END LOOP;
END $$;

-- The alerts of a rule that is no more, or looks no more, are over.
CREATE FUNCTION metrics.dismissed(rule uuid) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    a metrics.alerts;
BEGIN
    FOR a IN SELECT * FROM metrics.alerts
              WHERE rule_id = rule AND state <> 'resolved' FOR UPDATE
    LOOP
        a.resolved_at := CASE WHEN a.state = 'firing' THEN now() END;
        a.state := CASE a.state WHEN 'firing' THEN 'resolved'
                   ELSE 'inactive' END;
        a.evaluated_at := now();
        PERFORM metrics.settle(a, true);
    END LOOP;
END $$;

-- Rules that missed three of their intervals raise one alert for their group,
-- which is over when they are looked at again.  One node at a time sees to it.
CREATE FUNCTION metrics.watch(operator uuid) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    late record;
    a metrics.alerts;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('metrics.watch'), 0) THEN
        RETURN;
    END IF;

    FOR a IN
        SELECT r.tenant_id, left(md5('RuleNotEvaluated ' || r."group"), 16),
               NULL::uuid, 'RuleNotEvaluated', jsonb_build_object('alertname',
               'RuleNotEvaluated', 'group', r."group"), '{}'::jsonb, 'firing',
               count(*)::float8, min(r.due_at), now(), NULL::timestamptz,
               NULL::timestamptz, now(), NULL::timestamptz, NULL::timestamptz,
               NULL::uuid
          FROM metrics.rules AS r
         WHERE r.enabled AND r.due_at < now() - interval '3 s'
           AND r.due_at < now() - make_interval(secs => 3 * r.interval_s)
           AND (operator IS NULL OR r.tenant_id = operator)
         GROUP BY r.tenant_id, r."group"
    LOOP
        CONTINUE WHEN EXISTS (SELECT FROM metrics.alerts AS was
            WHERE was.tenant_id = a.tenant_id
              AND was.fingerprint = a.fingerprint AND was.state = 'firing'
              AND was.notified_at IS NOT NULL);

        SELECT was.active_at, was.fired_at INTO late FROM metrics.alerts AS was
         WHERE was.tenant_id = a.tenant_id
           AND was.fingerprint = a.fingerprint AND was.state = 'firing';
        a.active_at := coalesce(late.active_at, a.active_at);
        a.fired_at := coalesce(late.fired_at, a.fired_at);
        PERFORM metrics.settle(a, late.active_at IS NULL);
    END LOOP;

    FOR a IN
        SELECT * FROM metrics.alerts AS was
         WHERE was.rule_id IS NULL AND was.state = 'firing'
           AND NOT EXISTS (SELECT FROM metrics.rules AS r
                WHERE r.tenant_id = was.tenant_id
                  AND r."group" = was.labels ->> 'group' AND r.enabled
                  AND r.due_at < now() - make_interval(secs => r.interval_s))
    LOOP
        a.state := 'resolved';
        a.resolved_at := now();
        a.evaluated_at := now();
        PERFORM metrics.settle(a, true);
    END LOOP;
END $$;
