-- Calendars and their days.

-- name: calendars() -> page
-- sort: name = name text, id uuid
SELECT scheduler.calendar_doc(c) :keys
  FROM scheduler.calendars AS c
 WHERE c.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: calendar(id uuid) -> json?
SELECT scheduler.calendar_doc(c), c.version
  FROM scheduler.calendars AS c
 WHERE c.tenant_id = :tenant AND c.id = :id;

-- name: calendar_add(id uuid, name text, source text, url text?,
--       time_zone text) -> none
INSERT INTO scheduler.calendars (id, tenant_id, name, source, url, time_zone)
VALUES (:id, :tenant, :name, :source, :url, :time_zone);

-- name: calendar_lock(id uuid) -> row? scheduler_calendar_row
-- row: version bigint, source text, url text?, time_zone text, etag text?
SELECT c.version, c.source, c.url, c.time_zone, c.etag
  FROM scheduler.calendars AS c
 WHERE c.tenant_id = :tenant AND c.id = :id FOR UPDATE;

-- name: calendar_at(id uuid) -> row? scheduler_calendar_row
SELECT c.version, c.source, c.url, c.time_zone, c.etag
  FROM scheduler.calendars AS c
 WHERE c.tenant_id = :tenant AND c.id = :id;

-- name: calendar_rename(id uuid, name text) -> none
UPDATE scheduler.calendars AS c
   SET name = :name, version = version + 1, updated_at = now()
 WHERE c.tenant_id = :tenant AND c.id = :id;

-- name: calendar_days(id uuid, froms bigint[], tos bigint[], titles text[],
--       etag text?, fetched bool) -> none
-- lane: writes
SELECT scheduler.set_days(:tenant, :id, :froms, :tos, :titles, :etag,
                          :fetched);

-- name: calendar_looked(id uuid, error text?) -> none
UPDATE scheduler.calendars AS c
   SET error = :error, fetched_at = clock_timestamp()
 WHERE c.tenant_id = :tenant AND c.id = :id;

-- name: calendar_remove(id uuid) -> affected
DELETE FROM scheduler.calendars AS c
 WHERE c.tenant_id = :tenant AND c.id = :id;

-- name: calendar_users(id uuid) -> rows scheduler_waiting
SELECT s.id, s.specs::text, s.time_zone, s.starts_at, s.ends_at,
       scheduler.spans_of(s)::text AS calendars,
       to_json(s.exclude_calendars)::text AS without,
       to_json(s.include_calendars)::text AS within,
       clock_timestamp() AS at
  FROM scheduler.schedules AS s
 WHERE s.tenant_id = :tenant AND s.name IS NOT NULL AND s.state = 'active'
   AND :id = ANY (scheduler.calendars_of(s))
   FOR UPDATE;

-- name: calendar_used(id uuid) -> bool
SELECT EXISTS (SELECT FROM scheduler.schedules AS s
 WHERE s.tenant_id = :tenant AND s.name IS NOT NULL
   AND :id = ANY (scheduler.calendars_of(s)));

-- name: spans(ids uuid[], since timestamptz) -> text
SELECT scheduler.spans(:tenant, :ids, :since)::text;

-- name: calendars_due(most int) -> rows
-- row: id uuid, tenant_id uuid
-- across tenants: each is refreshed by a job of its tenant
SELECT c.id, c.tenant_id FROM scheduler.calendars AS c
 WHERE c.source = 'ics_url' AND c.fetched_at < now() - interval '6 h'
 ORDER BY c.fetched_at LIMIT :most;
