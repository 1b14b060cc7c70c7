-- Checks, as their owners see them.

-- name: checks(component text?, kind text?) -> page
-- sort: name = name text
SELECT health.check_doc(c) :keys
  FROM health.checks AS c
 WHERE c.tenant_id = :tenant
   AND (:component::text IS NULL OR c.component = :component)
   AND (:kind::text IS NULL OR c.kind = :kind) AND :after
 ORDER BY :order LIMIT :limit;

-- name: a_check(id uuid) -> json?
SELECT health.check_doc(c), c.version
  FROM health.checks AS c
 WHERE c.tenant_id = :tenant AND c.id = :id;

-- name: check_add(body jsonb, name text, component text, kind text,
--       interval_s int, timeout_ms int, rise int, fall int,
--       criticality text, runbook_url text?, locations int, enabled bool)
--       -> json
INSERT INTO health.checks AS c
       (tenant_id, name, component, kind, target, interval_s, timeout_ms,
        rise, fall, criticality, runbook_url, locations, enabled)
VALUES (:tenant, :name, :component, :kind,
        jsonb_strip_nulls(coalesce(:body::jsonb -> 'target', '{}')), :interval_s, :timeout_ms,
        :rise, :fall, :criticality, :runbook_url, :locations, :enabled)
RETURNING health.check_doc(c), c.version;

-- name: check_change(id uuid, if_version bigint?, body jsonb, name text?,
--       component text?, interval_s int?, timeout_ms int?, rise int?,
--       fall int?, criticality text?, runbook_url text?, new_runbook bool,
--       locations int?, enabled bool?) -> json?
UPDATE health.checks AS c
   SET name = coalesce(:name, name),
       component = coalesce(:component, component),
       target = jsonb_strip_nulls(target
                || coalesce(:body::jsonb -> 'target', '{}')),
       interval_s = coalesce(:interval_s, interval_s),
       timeout_ms = coalesce(:timeout_ms, timeout_ms),
       rise = coalesce(:rise, rise), fall = coalesce(:fall, fall),
       criticality = coalesce(:criticality, criticality),
       runbook_url = CASE WHEN :new_runbook THEN :runbook_url
                     ELSE runbook_url END,
       locations = coalesce(:locations, locations),
       enabled = coalesce(:enabled, enabled),
       version = version + 1, updated_at = now()
 WHERE c.tenant_id = :tenant AND c.id = :id
   AND (:if_version::bigint IS NULL OR c.version = :if_version)
RETURNING health.check_doc(c), c.version;

-- name: check_remove(id uuid, if_version bigint?) -> affected
DELETE FROM health.checks
 WHERE tenant_id = :tenant AND id = :id
   AND (:if_version::bigint IS NULL OR version = :if_version);

-- name: results(id uuid, from_at timestamptz, to_at timestamptz) -> page
-- sort: -at = at timestamptz desc, node uuid desc
SELECT json_build_object('at', pando.rfc3339(r.at), 'node', r.node,
                         'outcome', r.outcome, 'latency_ms', r.latency_ms,
                         'detail', r.detail) :keys
  FROM health.results AS r
 WHERE r.check_id = :id AND r.tenant_id = :tenant
   AND r.at >= :from_at AND r.at < :to_at AND :after
 ORDER BY :order LIMIT :limit;

-- name: hours(id uuid, from_at timestamptz, to_at timestamptz) -> page
-- sort: -at = at timestamptz desc
SELECT json_build_object('at', pando.rfc3339(h.at), 'passed', h.passed,
                         'warned', h.warned, 'failed', h.failed,
                         'unknown', h.unknown, 'p50_ms', h.p50_ms,
                         'p95_ms', h.p95_ms, 'p99_ms', h.p99_ms) :keys
  FROM health.results_hourly AS h
 WHERE h.check_id = :id AND h.tenant_id = :tenant
   AND h.at >= :from_at AND h.at < :to_at AND :after
 ORDER BY :order LIMIT :limit;

-- name: to_run(id uuid) -> row? health_check_row
-- row: id uuid, tenant_id uuid, name text, component text, kind int,
-- row: weight int, interval_s int, timeout_ms int, rise int, fall int,
-- row: subject text, slow_ms int, warn_percent int, fail_percent int,
-- row: target text, places int, track bigint, since timestamptz
SELECT t.id, t.tenant_id, t.name, t.component, t.kind, t.weight,
       t.interval_s, t.timeout_ms, t.rise, t.fall, t.subject, t.slow_ms,
       t.warn_percent, t.fail_percent, t.target, t.places, t.track, t.since
  FROM health.to_run AS t WHERE t.tenant_id = :tenant AND t.id = :id;

-- name: result_add(id uuid, node uuid, outcome text, latency_ms int,
--       detail text) -> none
INSERT INTO health.results
       (check_id, at, node, tenant_id, outcome, latency_ms, detail)
VALUES (:id, clock_timestamp(), :node, :tenant, :outcome, :latency_ms,
        :detail)
ON CONFLICT ON CONSTRAINT results_pkey DO NOTHING;
