-- What evaluating rules reads and writes, in the background.

-- name: watch(operator uuid?) -> none
-- lane: writes
SELECT metrics.watch(:operator);

-- name: due(operator uuid?, batch int) -> rows metrics_due
-- row: id uuid, second bigint, kind text, measure text, comparison text?,
-- row: threshold float8?, objective_bp int?, factor float8?, window_s int,
-- row: short_window_s int?, service text?, method text?, route text?,
-- row: per text, min_requests bigint, for_s int, keep_firing_s int
-- across tenants: rules of all tenants are due alike
-- Who gets a rule holds it until what it finds is written.
SELECT r.id, extract(epoch FROM metrics.slot(r.interval_s))::bigint, r.kind,
       r.measure, r.comparison, r.threshold, r.objective_bp, r.factor,
       r.window_s, r.short_window_s, r.service, r.method, r.route, r.per,
       r.min_requests, r.for_s, r.keep_firing_s
  FROM metrics.rules AS r
 WHERE r.enabled AND r.due_at <= now()
   AND (:operator::uuid IS NULL OR r.tenant_id = :operator)
 ORDER BY r.due_at LIMIT :batch
   FOR NO KEY UPDATE SKIP LOCKED;

-- name: open_alerts(rules uuid[]) -> rows metrics_open
-- row: rule_id uuid, fingerprint text, firing bool, labels json,
-- row: active bigint, fired bigint?, wrong bigint?
-- across tenants: those of the rules that are held
SELECT a.rule_id, a.fingerprint, a.state = 'firing', a.labels,
       extract(epoch FROM a.active_at)::bigint,
       extract(epoch FROM a.fired_at)::bigint,
       extract(epoch FROM a.false_since)::bigint
  FROM metrics.alerts AS a
 WHERE a.rule_id = ANY (:rules) AND a.state <> 'resolved'
 ORDER BY a.rule_id, a.fingerprint COLLATE "C";

-- name: evaluated(rule uuid, second bigint, steps jsonb) -> none
-- lane: writes
SELECT metrics.evaluated(:rule, :second, :steps);

-- name: purge_alerts(batch int) -> affected
-- across tenants: alerts of all tenants age alike
DELETE FROM metrics.alerts
 WHERE ctid = ANY (ARRAY(
       SELECT a.ctid FROM metrics.alerts AS a
        WHERE a.state = 'resolved'
          AND a.resolved_at < now() - interval '100 days'
        ORDER BY a.resolved_at LIMIT :batch FOR UPDATE SKIP LOCKED));

-- name: purge_changes(batch int) -> affected
-- across tenants: changes of all tenants age alike
DELETE FROM metrics.alert_changes
 WHERE ctid = ANY (ARRAY(
       SELECT c.ctid FROM metrics.alert_changes AS c
        WHERE c.at < now() - interval '100 days'
        ORDER BY c.at LIMIT :batch FOR UPDATE SKIP LOCKED));

-- name: purge_silences(batch int) -> affected
-- across tenants: silences of all tenants age alike
DELETE FROM metrics.silences
 WHERE ctid = ANY (ARRAY(
       SELECT s.ctid FROM metrics.silences AS s
        WHERE s.ends_at < now() - interval '100 days'
        ORDER BY s.ends_at LIMIT :batch FOR UPDATE SKIP LOCKED));

-- name: state_of_all(operator uuid?) -> row metrics_state_of
-- row: silent_s bigint?, late bigint
-- across tenants: whether rules of any tenant are looked at
SELECT (SELECT extract(epoch FROM now() - l.seen_at)::bigint
          FROM metrics.lives AS l ORDER BY l.seen_at DESC LIMIT 1),
       (SELECT count(*) FROM metrics.rules AS r
         WHERE r.enabled AND r.due_at < now() - interval '3 s'
           AND r.due_at < now() - make_interval(secs => 3 * r.interval_s)
           AND (:operator::uuid IS NULL OR r.tenant_id = :operator));
