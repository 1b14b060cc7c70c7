-- Dashboards and annotations.

-- name: dashboards(folder text?) -> page
-- sort: slug = slug text
SELECT metrics.dashboard_doc(d) :keys
  FROM metrics.dashboards AS d
 WHERE d.tenant_id = :tenant
   AND (:folder::text IS NULL OR d.folder = :folder) AND :after
 ORDER BY :order LIMIT :limit;

-- name: dashboard(id uuid) -> json?
SELECT metrics.dashboard_doc(d), d.version
  FROM metrics.dashboards AS d
 WHERE d.tenant_id = :tenant AND d.id = :id;

-- name: dashboard_add(slug text, title text, folder text?, range_s int,
--       panels jsonb) -> json
INSERT INTO metrics.dashboards AS d
       (tenant_id, slug, title, folder, range_s, panels, updated_by)
VALUES (:tenant, :slug, :title, :folder, :range_s, metrics.panels(:panels),
        :user)
RETURNING metrics.dashboard_doc(d), d.version;

-- name: dashboard_change(id uuid, if_version bigint?, slug text?, title text?,
--       folder text?, new_folder bool, range_s int?, panels jsonb?) -> json?
UPDATE metrics.dashboards AS d
   SET slug = coalesce(:slug, slug), title = coalesce(:title, title),
       folder = CASE WHEN :new_folder THEN :folder ELSE folder END,
       range_s = coalesce(:range_s, range_s),
       panels = CASE WHEN :panels::jsonb IS NULL THEN panels
                ELSE metrics.panels(:panels) END,
       version = version + 1, updated_at = now(), updated_by = :user
 WHERE d.tenant_id = :tenant AND d.id = :id
   AND (:if_version::bigint IS NULL OR d.version = :if_version)
RETURNING metrics.dashboard_doc(d), d.version;

-- name: dashboard_remove(id uuid, if_version bigint?) -> affected
DELETE FROM metrics.dashboards
 WHERE tenant_id = :tenant AND id = :id
   AND (:if_version::bigint IS NULL OR version = :if_version);

-- name: dashboard_versions(id uuid) -> page
-- sort: -version = version bigint desc
SELECT v.doc :keys
  FROM metrics.dashboard_versions AS v
 WHERE v.tenant_id = :tenant AND v.dashboard_id = :id AND :after
 ORDER BY :order LIMIT :limit;

-- name: dashboard_panels(id uuid) -> rows metrics_panel
-- row: range_s int, title text?, kind text?, measure text?, service text?,
-- row: method text?, route text?, per text?, top int?
-- A dashboard without panels is one row of nulls.
SELECT d.range_s, p.panel ->> 'title', p.panel ->> 'kind',
       p.panel ->> 'measure', p.panel ->> 'service', p.panel ->> 'method',
       p.panel ->> 'route', p.panel ->> 'per', (p.panel ->> 'top')::int
  FROM metrics.dashboards AS d
  LEFT JOIN LATERAL jsonb_array_elements(d.panels) WITH ORDINALITY
       AS p (panel, n) ON true
 WHERE d.tenant_id = :tenant AND d.id = :id
 ORDER BY p.n;

-- name: annotations(from_at timestamptz?, to_at timestamptz?, tag text?)
--       -> page
-- sort: -at = at timestamptz desc, id uuid desc
SELECT metrics.annotation_doc(a) :keys
  FROM metrics.annotations AS a
 WHERE a.tenant_id = :tenant
   AND (:from_at::timestamptz IS NULL
        OR coalesce(a.until, a.at) >= :from_at)
   AND (:to_at::timestamptz IS NULL OR a.at < :to_at)
   AND (:tag::text IS NULL OR :tag = ANY (a.tags)) AND :after
 ORDER BY :order LIMIT :limit;

-- name: annotations_over(from_at timestamptz, to_at timestamptz) -> json
-- The latest of those that a range shows.
SELECT coalesce(json_agg(metrics.annotation_doc(a) ORDER BY a.at, a.id), '[]')
  FROM metrics.annotations AS a
 WHERE a.tenant_id = :tenant
   AND a.id = ANY (ARRAY(
       SELECT l.id FROM metrics.annotations AS l
        WHERE l.tenant_id = :tenant AND l.at < :to_at
          AND coalesce(l.until, l.at) >= :from_at
        ORDER BY l.at DESC, l.id DESC LIMIT 200));

-- name: annotation_add(at timestamptz, until timestamptz?, text text,
--       tags text[]) -> json
INSERT INTO metrics.annotations AS a (tenant_id, at, until, text, tags, author)
VALUES (:tenant, :at, :until, :text, :tags, :user)
RETURNING metrics.annotation_doc(a);

-- name: purge_annotations(batch int) -> affected
-- across tenants: annotations of all tenants age alike
DELETE FROM metrics.annotations
 WHERE ctid = ANY (ARRAY(
       SELECT a.ctid FROM metrics.annotations AS a
        WHERE a.at < now() - interval '400 days'
        ORDER BY a.at LIMIT :batch FOR UPDATE SKIP LOCKED));
