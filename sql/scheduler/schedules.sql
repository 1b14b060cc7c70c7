-- Schedules as documents.

-- name: schedules() -> page
-- sort: name = name text, id uuid
SELECT scheduler.doc(s) :keys
  FROM scheduler.schedules AS s
 WHERE s.tenant_id = :tenant AND s.name IS NOT NULL AND :after
 ORDER BY :order LIMIT :limit;

-- name: schedule(id uuid) -> json?
SELECT scheduler.doc(s), s.version
  FROM scheduler.schedules AS s
 WHERE s.tenant_id = :tenant AND s.id = :id AND s.name IS NOT NULL;

-- name: schedule_count(most int) -> row scheduler_now
-- row: n bigint, at timestamptz
SELECT count(*) AS n, clock_timestamp() AS at
  FROM (SELECT FROM scheduler.schedules AS s
         WHERE s.tenant_id = :tenant AND s.name IS NOT NULL
         LIMIT :most) AS c;

-- name: schedule_add(id uuid, owner uuid?, body jsonb, next_at timestamptz,
--       secret_ct text?) -> json
-- lane: writes
SELECT scheduler.doc(s), s.version
  FROM scheduler.add(:tenant, :owner, :id, :body, :next_at, :secret_ct) AS s;

-- name: schedule_lock(id uuid) -> row? scheduler_row
-- row: version bigint, state text, specs text, time_zone text,
-- row: starts_at timestamptz?, ends_at timestamptz?, next_at timestamptz?,
-- row: since timestamptz, has_secret bool, beside bool, calendars text?,
-- row: without text, within text, at timestamptz
SELECT s.version, s.state, s.specs::text, s.time_zone, s.starts_at, s.ends_at,
       s.next_at, s.updated_at AS since, s.secret_ct IS NOT NULL AS has_secret,
       s.overlap = 'allow_all' AS beside,
       scheduler.spans_of(s)::text AS calendars,
       to_json(s.exclude_calendars)::text AS without,
       to_json(s.include_calendars)::text AS within,
       clock_timestamp() AS at
  FROM scheduler.schedules AS s
 WHERE s.tenant_id = :tenant AND s.id = :id AND s.name IS NOT NULL
   FOR UPDATE;

-- name: schedule_change(id uuid, body jsonb, next_at timestamptz?,
--       secret_ct text?) -> json
-- lane: writes
SELECT scheduler.doc(s), s.version
  FROM scheduler.change(:tenant, :id, :body, :next_at, :secret_ct) AS s;

-- name: schedule_state(id uuid, next_at timestamptz?, note text?) -> json
-- lane: writes
SELECT scheduler.doc(s), s.version
  FROM scheduler.set_state(:tenant, :id, :next_at, :note) AS s;

-- name: schedule_remove(id uuid) -> rows
-- row: job_id uuid?
-- lane: writes
SELECT job_id FROM scheduler.remove(:tenant, :id) AS job_id;

-- name: schedule_named(tenant_id uuid, name text) -> uuid?
-- across tenants: a caller without a tenant names it
SELECT s.id FROM scheduler.schedules AS s
 WHERE s.tenant_id = :tenant_id AND s.name = :name;

-- name: upsert(owner uuid?, id uuid, name text, specs jsonb, time_zone text,
--       action jsonb, next_at timestamptz, secret_ct text) -> uuid
-- lane: writes
SELECT scheduler.upsert(:tenant, :owner, :id, :name, :specs, :time_zone,
    :action, :next_at, :secret_ct);
