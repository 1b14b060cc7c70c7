-- Alert rules, as their owners see them.

-- name: alert_rules(in_group text?, kind text?, enabled bool?) -> page
-- sort: name = name text, id uuid
SELECT metrics.rule_doc(r) :keys
  FROM metrics.rules AS r
 WHERE r.tenant_id = :tenant
   AND (:in_group::text IS NULL OR r."group" = :in_group)
   AND (:kind::text IS NULL OR r.kind = :kind)
   AND (:enabled::boolean IS NULL OR r.enabled = :enabled) AND :after
 ORDER BY :order LIMIT :limit;

-- name: alert_rule(id uuid) -> json?
SELECT metrics.rule_doc(r), r.version
  FROM metrics.rules AS r
 WHERE r.tenant_id = :tenant AND r.id = :id;

-- name: alert_rule_add(body jsonb, most int) -> json?
-- No row: the tenant has as many as it may have.
INSERT INTO metrics.rules AS r
       (tenant_id, "group", name, kind, measure, comparison, threshold,
        objective_bp, factor, window_s, short_window_s, service, method, route,
        per, min_requests, interval_s, for_s, keep_firing_s, labels,
        annotations, enabled)
SELECT :tenant, p."group", p.name, p.kind, p.measure, p.comparison,
       p.threshold, p.objective_bp, p.factor, p.window_s, p.short_window_s,
       p.service, p.method, p.route, p.per, p.min_requests, p.interval_s,
       p.for_s, p.keep_firing_s, p.labels, p.annotations, p.enabled
  FROM jsonb_populate_record(metrics.plain_rule(), :body) AS p
 WHERE (SELECT count(*) FROM metrics.rules AS all_of
         WHERE all_of.tenant_id = :tenant) < :most
RETURNING metrics.rule_doc(r), r.version;

-- name: alert_rule_change(id uuid, if_version bigint?, body jsonb) -> json?
-- What the body does not name stays; a rule that is changed is due with its
-- next interval.
UPDATE metrics.rules AS r
   SET ("group", name, measure, comparison, threshold, objective_bp, factor,
        window_s, short_window_s, service, method, route, per, min_requests,
        interval_s, for_s, keep_firing_s, labels, annotations, enabled, due_at)
       = (SELECT p."group", p.name, p.measure, p.comparison, p.threshold,
                 p.objective_bp, p.factor, p.window_s, p.short_window_s,
                 p.service, p.method, p.route, p.per, p.min_requests,
                 p.interval_s, p.for_s, p.keep_firing_s,
                 jsonb_strip_nulls(r.labels
                     || coalesce(:body::jsonb -> 'labels', '{}')),
                 jsonb_strip_nulls(r.annotations
                     || coalesce(:body::jsonb -> 'annotations', '{}')),
                 p.enabled, metrics.slot(p.interval_s)
                            + make_interval(secs => p.interval_s)
            FROM jsonb_populate_record(r, :body) AS p),
       version = version + 1, updated_at = now()
 WHERE r.tenant_id = :tenant AND r.id = :id
   AND (:if_version::bigint IS NULL OR r.version = :if_version)
RETURNING metrics.rule_doc(r), r.version;

-- name: alert_rule_dismiss(id uuid, gone bool) -> none
-- lane: writes
-- The alerts of a rule that is gone or disabled are over.
SELECT metrics.dismissed(r.id) FROM metrics.rules AS r
 WHERE r.tenant_id = :tenant AND r.id = :id AND (:gone OR NOT r.enabled);

-- name: alert_rule_lock(id uuid) -> bigint?
SELECT r.version FROM metrics.rules AS r
 WHERE r.tenant_id = :tenant AND r.id = :id FOR UPDATE;

-- name: alert_rule_remove(id uuid) -> none
DELETE FROM metrics.rules WHERE tenant_id = :tenant AND id = :id;

-- name: condition_ok(body jsonb) -> bool
-- Of a rule that is only tried.
SELECT metrics.condition_ok(p.kind, p.measure, p.comparison, p.threshold,
                            p.objective_bp, p.factor, p.window_s,
                            p.short_window_s)
  FROM jsonb_populate_record(metrics.plain_rule(), :body) AS p;
