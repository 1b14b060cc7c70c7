-- Maintenances.  What has begun keeps its beginning, what is over stays as it
-- was.

-- name: maintenances(state text?) -> page
-- sort: -starts_at = starts_at timestamptz desc, id uuid desc
SELECT health.maintenance_doc(m) :keys
  FROM health.maintenances AS m
 WHERE m.tenant_id = :tenant
   AND (:state::text IS NULL OR m.state = :state) AND :after
 ORDER BY :order LIMIT :limit;

-- name: maintenance(id uuid) -> json?
SELECT health.maintenance_doc(m), m.version
  FROM health.maintenances AS m
 WHERE m.tenant_id = :tenant AND m.id = :id;

-- name: maintenance_add(title text, components text[],
--       starts_at timestamptz, ends_at timestamptz) -> json
INSERT INTO health.maintenances AS m
       (tenant_id, title, components, starts_at, ends_at)
VALUES (:tenant, :title, :components, :starts_at, :ends_at)
RETURNING health.maintenance_doc(m), m.version;

-- name: maintenance_change(id uuid, if_version bigint?, title text?,
--       components text[], new_components bool, starts_at timestamptz?,
--       ends_at timestamptz?) -> json?
UPDATE health.maintenances AS m
   SET title = coalesce(:title, title),
       components = CASE WHEN :new_components THEN :components
                    ELSE components END,
       starts_at = coalesce(:starts_at, starts_at),
       ends_at = coalesce(:ends_at, ends_at), version = version + 1,
       updated_at = now()
 WHERE m.tenant_id = :tenant AND m.id = :id
   AND (:if_version::bigint IS NULL OR m.version = :if_version)
   AND (m.state = 'scheduled'
        OR m.state = 'active' AND :starts_at::timestamptz IS NULL)
RETURNING health.maintenance_doc(m), m.version;

-- name: maintenance_version(id uuid) -> bigint?
SELECT m.version FROM health.maintenances AS m
 WHERE m.tenant_id = :tenant AND m.id = :id;

-- name: maintenance_remove(id uuid, if_version bigint?) -> affected
DELETE FROM health.maintenances
 WHERE tenant_id = :tenant AND id = :id AND state = 'scheduled'
   AND (:if_version::bigint IS NULL OR version = :if_version);
