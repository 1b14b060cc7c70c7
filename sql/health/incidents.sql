-- Incidents and their updates.

-- name: incidents(state text?) -> page
-- sort: -started_at = started_at timestamptz desc, id uuid desc
SELECT health.incident_doc(i) :keys
  FROM health.incidents AS i
 WHERE i.tenant_id = :tenant
   AND (:state::text IS NULL OR i.state = :state) AND :after
 ORDER BY :order LIMIT :limit;

-- name: incident(id uuid) -> json?
SELECT health.incident_doc(i), i.version
  FROM health.incidents AS i
 WHERE i.tenant_id = :tenant AND i.id = :id;

-- name: incident_now(id uuid) -> json?
-- As it is within the transaction that changes it.
-- lane: writes
SELECT health.incident_doc(i), i.version
  FROM health.incidents AS i
 WHERE i.tenant_id = :tenant AND i.id = :id;

-- name: incident_add(id uuid, title text, impact text, components text[])
--       -> none
INSERT INTO health.incidents (id, tenant_id, title, impact, components)
VALUES (:id, :tenant, :title, :impact, :components);

-- name: incident_lock(id uuid) -> row?
-- row: state int, resolved_at timestamptz?, version bigint
SELECT array_position(ARRAY['investigating', 'identified', 'monitoring',
                            'resolved', 'postmortem'], i.state) - 1,
       i.resolved_at, i.version
  FROM health.incidents AS i
 WHERE i.tenant_id = :tenant AND i.id = :id
   FOR UPDATE OF i;

-- name: incident_move(id uuid, state text, closed bool) -> none
UPDATE health.incidents
   SET state = :state, version = version + 1, updated_at = now(),
       resolved_at = CASE WHEN :closed THEN coalesce(resolved_at, now()) END
 WHERE tenant_id = :tenant AND id = :id;

-- name: incident_say(id uuid, state text, message text) -> none
INSERT INTO health.incident_updates
       (incident_id, tenant_id, state, message, actor)
VALUES (:id, :tenant, :state, :message, :user);

-- name: incident_change(id uuid, title text?, impact text?,
--       components text[], new_components bool) -> none
UPDATE health.incidents
   SET title = coalesce(:title, title), impact = coalesce(:impact, impact),
       components = CASE WHEN :new_components THEN :components
                    ELSE components END,
       version = version + 1, updated_at = now()
 WHERE tenant_id = :tenant AND id = :id;
