-- Scheduler: calendars, days on which schedules are left out or only are.
--
-- What must stay true: a day stands here as the instants it lasts in its
-- calendar's zone; whoever changes the days of a calendar finds the next times
-- of the schedules that look at it anew.

CREATE TABLE scheduler.calendars (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id   uuid NOT NULL,
    name        text NOT NULL,
    source      text NOT NULL,
    url         text,
    time_zone   text NOT NULL,
    etag        text,
    fetched_at  timestamptz,
    error       text,                           -- of the last refresh
    entries     int NOT NULL DEFAULT 0,
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT calendars_pkey PRIMARY KEY (id),
    CONSTRAINT calendars_name_key UNIQUE (tenant_id, name),
    CONSTRAINT calendars_source_check CHECK
        (source IN ('manual', 'ics_file', 'ics_url')),
    CONSTRAINT calendars_url_check CHECK ((source = 'ics_url') = (url IS NOT NULL))
);

CREATE INDEX calendars_by_age ON scheduler.calendars (fetched_at)
 WHERE source = 'ics_url';

CREATE TABLE scheduler.calendar_days (
    calendar_id  uuid NOT NULL,
    tenant_id    uuid NOT NULL,
    from_at      timestamptz NOT NULL,
    to_at        timestamptz NOT NULL,
    title        text,

    CONSTRAINT calendar_days_calendar_fkey FOREIGN KEY (calendar_id)
        REFERENCES scheduler.calendars ON DELETE CASCADE,
    CONSTRAINT calendar_days_check CHECK (from_at < to_at)
);

CREATE INDEX calendar_days_by_time ON scheduler.calendar_days
    (calendar_id, to_at);

ALTER TABLE scheduler.schedules
    ADD COLUMN exclude_calendars uuid[] NOT NULL DEFAULT '{}',
    ADD COLUMN include_calendars uuid[] NOT NULL DEFAULT '{}';


CREATE OR REPLACE FUNCTION scheduler.doc(s scheduler.schedules) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', s.id, 'name', s.name, 'specs', s.specs,
        'time_zone', s.time_zone, 'starts_at', pando.rfc3339(s.starts_at),
        'ends_at', pando.rfc3339(s.ends_at), 'jitter_s', s.jitter_s,
        'exclude_calendars', s.exclude_calendars,
        'include_calendars', s.include_calendars,
        'action', s.action, 'overlap', s.overlap, 'catchup_s', s.catchup_s,
        'max_catchup', s.max_catchup,
        'pause_on_failure', s.pause_on_failure, 'retries', s.retries,
        'timeout_s', s.timeout_s, 'remaining', s.remaining,
        'priority', s.priority, 'state', s.state, 'note', s.note,
        'next_at', pando.rfc3339(s.next_at),
        'last_at', pando.rfc3339(s.last_at), 'current_run', s.current_run,
        'version', s.version, 'created_at', pando.rfc3339(s.created_at),
        'updated_at', pando.rfc3339(s.updated_at))
$$;

CREATE FUNCTION scheduler.uuids(list jsonb) RETURNS uuid[]
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(array_agg(e::uuid ORDER BY n), '{}')
      FROM jsonb_array_elements_text(list) WITH ORDINALITY AS t (e, n)
$$;

CREATE FUNCTION scheduler.set_calendars(schedule uuid, body jsonb)
RETURNS scheduler.schedules LANGUAGE sql VOLATILE AS $$
    UPDATE scheduler.schedules AS o
       SET exclude_calendars = CASE WHEN body ? 'exclude_calendars'
               THEN scheduler.uuids(body -> 'exclude_calendars')
               ELSE o.exclude_calendars END,
           include_calendars = CASE WHEN body ? 'include_calendars'
               THEN scheduler.uuids(body -> 'include_calendars')
               ELSE o.include_calendars END
     WHERE o.id = schedule
    RETURNING o.*
$$;

CREATE OR REPLACE FUNCTION scheduler.add(tenant uuid, owner uuid, id uuid, body jsonb,
    next timestamptz, secret text)
RETURNS scheduler.schedules LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    s scheduler.schedules;
BEGIN
    INSERT INTO scheduler.schedules (id, tenant_id, owner, name, specs,
           time_zone, starts_at, ends_at, jitter_s, action, secret_ct,
           overlap, catchup_s, max_catchup, pause_on_failure, retries,
           timeout_s, remaining, priority, next_at)
    SELECT add.id, tenant, add.owner, n.name, n.specs,
           coalesce(n.time_zone, 'UTC'), n.starts_at, n.ends_at,
           coalesce(n.jitter_s, 0), n.action, secret,
           coalesce(n.overlap, 'skip'), coalesce(n.catchup_s, 60),
           coalesce(n.max_catchup, 1), coalesce(n.pause_on_failure, false),
           coalesce(n.retries, 3), coalesce(n.timeout_s, 30), n.remaining,
           coalesce(n.priority, 0), next
      FROM jsonb_populate_record(NULL::scheduler.schedules,
           body - 'exclude_calendars' - 'include_calendars') AS n
    RETURNING * INTO s;

    PERFORM scheduler.wake(next);
    RETURN scheduler.set_calendars(s.id, body);
END $$;

CREATE OR REPLACE FUNCTION scheduler.change(tenant uuid, schedule uuid, body jsonb,
    next timestamptz, secret text)
RETURNS scheduler.schedules LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    s scheduler.schedules;
BEGIN
    SELECT * INTO s FROM scheduler.schedules AS o
     WHERE o.tenant_id = tenant AND o.id = schedule FOR UPDATE;

    UPDATE scheduler.schedules AS o
       SET name = n.name, specs = n.specs, time_zone = n.time_zone,
           starts_at = n.starts_at, ends_at = n.ends_at,
           jitter_s = n.jitter_s, action = n.action,
           secret_ct = coalesce(secret, o.secret_ct), overlap = n.overlap,
           catchup_s = n.catchup_s, max_catchup = n.max_catchup,
           pause_on_failure = n.pause_on_failure, retries = n.retries,
           timeout_s = n.timeout_s, remaining = n.remaining,
           priority = n.priority,
           state = CASE WHEN o.state = 'paused' THEN 'paused'
                        WHEN next IS NULL OR n.remaining = 0 THEN 'ended'
                        ELSE 'active' END,
           next_at = CASE WHEN o.state <> 'paused'
                           AND n.remaining IS DISTINCT FROM 0 THEN next END,
           version = o.version + 1, updated_at = now()
      FROM jsonb_populate_record(s,
           body - 'exclude_calendars' - 'include_calendars') AS n
     WHERE o.id = s.id
    RETURNING o.* INTO s;

    PERFORM scheduler.wake(s.next_at);
    RETURN scheduler.set_calendars(s.id, body);
END $$;


-- What those calendars of a tenant hold from then on, by id: seconds since
-- 1970.  One that is not there has no member.
CREATE FUNCTION scheduler.spans(tenant uuid, ids uuid[], since timestamptz)
RETURNS json LANGUAGE sql STABLE AS $$
    SELECT coalesce(json_object_agg(c.id, coalesce((
           SELECT json_agg(json_build_array(
                      extract(epoch FROM d.from_at)::bigint,
                      extract(epoch FROM d.to_at)::bigint))
             FROM (SELECT * FROM scheduler.calendar_days AS i
                    WHERE i.calendar_id = c.id AND i.to_at > since
                    ORDER BY i.to_at LIMIT 2000) AS d), '[]')), '{}')
      FROM scheduler.calendars AS c
     WHERE c.tenant_id = tenant AND c.id = ANY (ids)
$$;

-- The calendars that a schedule looks at.
CREATE FUNCTION scheduler.calendars_of(s scheduler.schedules) RETURNS uuid[]
LANGUAGE sql IMMUTABLE AS $$
    SELECT s.exclude_calendars || s.include_calendars
           || ARRAY(SELECT (e ->> 'calendar_id')::uuid
                      FROM jsonb_array_elements(s.specs) AS e
                     WHERE e ? 'calendar_id')
$$;

-- Null where it looks at none.
CREATE FUNCTION scheduler.spans_of(s scheduler.schedules) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN cardinality(scheduler.calendars_of(s)) > 0
           THEN scheduler.spans(s.tenant_id, scheduler.calendars_of(s),
                                least(s.next_at, now()) - interval '2 days')
           END
$$;

CREATE FUNCTION scheduler.calendar_doc(c scheduler.calendars) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', c.id, 'name', c.name, 'source', c.source,
        'url', c.url, 'time_zone', c.time_zone, 'entries', c.entries,
        'fetched_at', pando.rfc3339(c.fetched_at), 'error', c.error,
        'coming', (SELECT coalesce(json_agg(json_build_object('from',
                       pando.rfc3339(d.from_at), 'to', pando.rfc3339(d.to_at),
                       'title', d.title) ORDER BY d.from_at, d.to_at), '[]')
                     FROM (SELECT * FROM scheduler.calendar_days AS i
                            WHERE i.calendar_id = c.id AND i.to_at > now()
                            ORDER BY i.to_at LIMIT 20) AS d),
        'version', c.version, 'created_at', pando.rfc3339(c.created_at),
        'updated_at', pando.rfc3339(c.updated_at))
$$;

-- Its days, all of them.
CREATE FUNCTION scheduler.set_days(tenant uuid, calendar uuid, froms bigint[],
    tos bigint[], titles text[], tag text, fetched boolean)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    DELETE FROM scheduler.calendar_days AS d WHERE d.calendar_id = calendar;

    INSERT INTO scheduler.calendar_days (calendar_id, tenant_id, from_at,
           to_at, title)
    SELECT calendar, tenant, to_timestamp(f), to_timestamp(t),
           nullif(title, '')
      FROM unnest(froms, tos, titles) AS u (f, t, title);

    UPDATE scheduler.calendars AS c
       SET entries = coalesce(cardinality(froms), 0), error = NULL,
           etag = tag, version = version + 1, updated_at = now(),
           fetched_at = CASE WHEN fetched THEN clock_timestamp()
                        ELSE c.fetched_at END
     WHERE c.id = calendar AND c.tenant_id = tenant;
END $$;
