-- Alerts and silences, as those see them who are called.

-- name: alerts(state text?, rule_id uuid?) -> page
-- sort: -active_at = active_at timestamptz desc, fingerprint text desc
SELECT metrics.alert_doc(a) :keys
  FROM metrics.alerts AS a
 WHERE a.tenant_id = :tenant
   AND (:state::text IS NULL OR a.state = :state)
   AND (:rule_id::uuid IS NULL OR a.rule_id = :rule_id) AND :after
 ORDER BY :order LIMIT :limit;

-- name: alert(fingerprint text) -> json?
SELECT metrics.alert_doc(a) FROM metrics.alerts AS a
 WHERE a.tenant_id = :tenant AND a.fingerprint = :fingerprint;

-- name: alert_changes(fingerprint text) -> page
-- sort: -at = id bigint desc
SELECT json_build_object('at', pando.rfc3339(c.at), 'state', c.state,
                         'value', c.value) :keys
  FROM metrics.alert_changes AS c
 WHERE c.tenant_id = :tenant AND c.fingerprint = :fingerprint AND :after
 ORDER BY :order LIMIT :limit;

-- name: alert_acknowledge(fingerprint text) -> row?
-- row: rule_id uuid?, fresh bool, doc json
-- One that is over is not acknowledged.
UPDATE metrics.alerts AS a
   SET acknowledged_at = coalesce(a.acknowledged_at, now()),
       acknowledged_by = coalesce(a.acknowledged_by, :user)
  FROM (SELECT w.fingerprint, w.acknowledged_at IS NULL AS fresh
          FROM metrics.alerts AS w
         WHERE w.tenant_id = :tenant AND w.fingerprint = :fingerprint
           AND w.state <> 'resolved' FOR UPDATE) AS was
 WHERE a.tenant_id = :tenant AND a.fingerprint = was.fingerprint
RETURNING a.rule_id, was.fresh, metrics.alert_doc(a);

-- name: silences(active bool?) -> page
-- sort: ends_at = ends_at timestamptz, id uuid
SELECT metrics.silence_doc(s) :keys
  FROM metrics.silences AS s
 WHERE s.tenant_id = :tenant
   AND (:active::boolean IS NULL
        OR :active = (s.starts_at <= now() AND s.ends_at > now())) AND :after
 ORDER BY :order LIMIT :limit;

-- name: silence(id uuid) -> json?
SELECT metrics.silence_doc(s) FROM metrics.silences AS s
 WHERE s.tenant_id = :tenant AND s.id = :id;

-- name: silence_add(matchers jsonb, starts_at timestamptz,
--       ends_at timestamptz, comment text) -> json
INSERT INTO metrics.silences AS s
       (tenant_id, matchers, starts_at, ends_at, author, comment)
SELECT :tenant, :matchers, :starts_at, :ends_at, :user, :comment
RETURNING metrics.silence_doc(s);

-- name: silence_remove(id uuid) -> affected
DELETE FROM metrics.silences WHERE tenant_id = :tenant AND id = :id;
