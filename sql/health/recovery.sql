-- Recovery actions and their runs.

-- name: recoveries(component text?) -> page
-- sort: name = name text
SELECT health.recovery_doc(r) :keys
  FROM health.recovery_rules AS r
 WHERE r.tenant_id = :tenant
   AND (:component::text IS NULL OR r.component = :component) AND :after
 ORDER BY :order LIMIT :limit;

-- name: recovery(id uuid) -> json?
SELECT health.recovery_doc(r), r.version
  FROM health.recovery_rules AS r
 WHERE r.tenant_id = :tenant AND r.id = :id;

-- name: recovery_add(name text, component text, trigger text, action text,
--       module text?, target text?, held_s int, cooldown_s int,
--       per_hour int, attempts int, verify_s int, enabled bool) -> json
INSERT INTO health.recovery_rules AS r
       (tenant_id, name, component, trigger, action, module, target, held_s,
        cooldown_s, per_hour, attempts, verify_s, enabled)
VALUES (:tenant, :name, :component, :trigger, :action, :module, :target,
        :held_s, :cooldown_s, :per_hour, :attempts, :verify_s, :enabled)
RETURNING health.recovery_doc(r), r.version;

-- name: recovery_change(id uuid, if_version bigint?, name text?,
--       component text?, trigger text?, module text?, target text?,
--       held_s int?, cooldown_s int?, per_hour int?, attempts int?,
--       verify_s int?, enabled bool?) -> json?
UPDATE health.recovery_rules AS r
   SET name = coalesce(:name, name),
       component = coalesce(:component, component),
       trigger = coalesce(:trigger, trigger),
       module = coalesce(:module, module),
       target = coalesce(:target, target),
       held_s = coalesce(:held_s, held_s),
       cooldown_s = coalesce(:cooldown_s, cooldown_s),
       per_hour = coalesce(:per_hour, per_hour),
       attempts = coalesce(:attempts, attempts),
       verify_s = coalesce(:verify_s, verify_s),
       enabled = coalesce(:enabled, enabled),
       version = version + 1, updated_at = now()
 WHERE r.tenant_id = :tenant AND r.id = :id
   AND (:if_version::bigint IS NULL OR r.version = :if_version)
RETURNING health.recovery_doc(r), r.version;

-- name: recovery_remove(id uuid, if_version bigint?) -> affected
DELETE FROM health.recovery_rules
 WHERE tenant_id = :tenant AND id = :id
   AND (:if_version::bigint IS NULL OR version = :if_version);

-- name: recovery_reset(id uuid) -> json?
UPDATE health.recovery_rules AS r
   SET state = 'armed', failures = 0, version = version + 1,
       updated_at = now()
 WHERE r.tenant_id = :tenant AND r.id = :id
RETURNING health.recovery_doc(r), r.version;

-- name: recovery_runs(id uuid) -> page
-- sort: -started_at = started_at timestamptz desc, id uuid desc
SELECT health.run_doc(x) :keys
  FROM health.recovery_runs AS x
 WHERE x.rule_id = :id AND x.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: recovery_run(id uuid) -> json
SELECT health.run_doc(x) FROM health.recovery_runs AS x
 WHERE x.tenant_id = :tenant AND x.id = :id;

-- name: recovery_start(id uuid, node uuid) -> row?
-- row: bar text?, run uuid?, component text, action text, module text?,
-- row: target text?
-- lane: writes
-- By hand: whatever the component's state, but within its bounds.
WITH r AS MATERIALIZED (
    SELECT x.* FROM health.recovery_rules AS x
     WHERE x.tenant_id = :tenant AND x.id = :id
), b AS MATERIALIZED (
    SELECT health.recovery_bar(r::health.recovery_rules) AS bar FROM r
)
SELECT b.bar, CASE WHEN b.bar IS NULL THEN
              health.recovery_begin(r::health.recovery_rules, :node, true) END,
       r.component, r.action, r.module, r.target
  FROM r, b;

-- name: recovery_claim(node uuid) -> row?
-- row: run uuid, tenant uuid, component text, action text, module text?,
-- row: target text?
-- lane: writes
-- across tenants: a node repairs for whoever asked
SELECT c.run, c.tenant, r.component, r.action, r.module, r.target
  FROM health.recovery_claim(:node) AS c
  JOIN health.recovery_rules AS r ON r.id = c.rule;

-- name: recovery_acted(run uuid, done bool, says text) -> bool
-- lane: writes
SELECT health.recovery_acted(:run, :done, :says);

-- name: worker_ended(operators uuid, what text) -> none
SELECT pando.emit(:operators, 'recovery.attempted', 1, NULL,
                  jsonb_build_object('rule_id', NULL, 'run_id', NULL,
                      'name', 'replace a worker', 'component', 'workers',
                      'action', 'replace_worker', 'module', NULL,
                      'before', :what::text));
