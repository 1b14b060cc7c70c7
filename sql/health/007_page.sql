-- Health: the status page, as a document, as HTML and as a feed.
--
-- What must stay true: it names components and what was announced, never a
-- host, a version or an error.

-- Seconds operational or degraded of all that are known and of no
-- maintenance, in percent with two digits, rounded down; null of none.
CREATE FUNCTION health.seconds(r tstzmultirange) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(sum(extract(epoch FROM upper(u) - lower(u))), 0)
      FROM unnest(r) AS u
$$;

CREATE FUNCTION health.uptime(up tstzmultirange, known tstzmultirange)
RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT trunc(health.seconds(up) * 100
                 / nullif(health.seconds(known), 0), 2)
$$;

-- When a component was up and when anything was known of it; or when it was
-- there at all, where the unknown counts as down.
CREATE FUNCTION health.spans(tenant uuid, name text, from_at timestamptz,
    all_known boolean, OUT up tstzmultirange, OUT known tstzmultirange)
LANGUAGE sql STABLE AS $$
    WITH spans AS (
        SELECT c.status, tstzrange(greatest(c.at, from_at),
                   lead(c.at, 1, now()) OVER (ORDER BY c.at)) AS during
          FROM health.component_changes AS c
         WHERE c.tenant_id = tenant AND c.component = name
           AND c.at >= coalesce((SELECT max(b.at)
                                   FROM health.component_changes AS b
                                  WHERE b.tenant_id = tenant
                                    AND b.component = name
                                    AND b.at <= from_at), from_at)
    ), out AS (
        SELECT coalesce(range_agg(m.during), '{}') AS of
          FROM health.maintenance_components AS m
         WHERE m.tenant_id = tenant AND m.component = name
           AND m.during && tstzrange(from_at, now())
    )
    SELECT coalesce(range_agg(s.during) FILTER (WHERE s.status IN
                    ('operational', 'degraded')), '{}') - out.of,
           coalesce(range_agg(s.during) FILTER (WHERE s.status <> 'unknown'
                                                   OR all_known), '{}')
           - out.of
      FROM out LEFT JOIN spans AS s ON true
     GROUP BY out.of
$$;

CREATE FUNCTION health.page_component(k health.components, days int,
    all_known boolean)
RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object('component', k.component,
        'status', CASE WHEN health.in_maintenance(k.tenant_id, k.component)
                  THEN 'maintenance' ELSE k.status END,
        'since', pando.rfc3339(k.since), 'uptime', health.uptime(s.up, s.known),
        'days', (SELECT json_agg(json_build_object('date', d.day::date,
                     'uptime', health.uptime(s.up * d.span, s.known * d.span))
                     ORDER BY d.day)
                   FROM (SELECT g AS day, tstzmultirange(tstzrange(
                                g AT TIME ZONE 'UTC',
                                (g + interval '1 day') AT TIME ZONE 'UTC'))
                                AS span
                           FROM generate_series(
                                (now() AT TIME ZONE 'UTC')::date - days + 1,
                                (now() AT TIME ZONE 'UTC')::date,
                                interval '1 day') AS g) AS d))
      FROM health.spans(k.tenant_id, k.component,
                        now() - make_interval(days => days), all_known) AS s
$$;

-- One word for everything: the worst there is, an outage before a maintenance.
CREATE FUNCTION health.overall(tenant uuid) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT coalesce(max(CASE
               WHEN health.in_maintenance(tenant, k.component) THEN '2maintenance'
               WHEN k.status = 'unknown' THEN '0unknown'
               WHEN k.status = 'operational' THEN '1operational'
               WHEN k.status = 'degraded' THEN '3degraded'
               WHEN k.status = 'partial_outage' THEN '4partial_outage'
               ELSE '5major_outage' END), '0unknown')
      FROM health.components AS k WHERE k.tenant_id = tenant
$$;

CREATE FUNCTION health.page(tenant uuid, all_known boolean) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object(
        'status', substr(health.overall(tenant), 2),
        'components', (SELECT coalesce(json_agg(
                                  health.page_component(k, 90, all_known)
                                  ORDER BY k.component), '[]')
                         FROM health.components AS k
                        WHERE k.tenant_id = tenant),
        'incidents', (SELECT coalesce(json_agg(health.incident_doc(i)
                                      ORDER BY i.started_at DESC), '[]')
                        FROM health.incidents AS i
                       WHERE i.tenant_id = tenant AND i.resolved_at IS NULL),
        'maintenances', (SELECT coalesce(json_agg(health.maintenance_doc(m)
                                         ORDER BY m.starts_at), '[]')
                           FROM (SELECT * FROM health.maintenances AS x
                                  WHERE x.tenant_id = tenant
                                    AND x.state <> 'ended'
                                    AND x.ends_at > now()
                                  ORDER BY x.starts_at LIMIT 20) AS m),
        'updated_at', pando.rfc3339(now()))
$$;


-- HTML, which has no element without an end here; a browser needs no outside
-- host and no script for it.
CREATE FUNCTION health.html_component(c json) RETURNS xml
LANGUAGE sql STABLE AS $$
    SELECT xmlelement(name section, xmlattributes(c ->> 'status' AS class),
        xmlelement(name h2, c ->> 'component'),
        xmlelement(name p, replace(c ->> 'status', '_', ' ')
            || coalesce(', ' || (c ->> 'uptime') || ' % in 90 days', '')),
        xmlelement(name div, xmlattributes('bars' AS class),
            (SELECT xmlagg(xmlelement(name i, xmlattributes(
                        CASE WHEN d ->> 'uptime' IS NULL THEN 'unknown'
                             WHEN (d ->> 'uptime')::numeric >= 99.9 THEN 'up'
                             WHEN (d ->> 'uptime')::numeric >= 95 THEN 'less'
                             ELSE 'down' END AS class,
                        (d ->> 'date') || coalesce(' ' || (d ->> 'uptime')
                             || ' %', '') AS title), '|'))
               FROM json_array_elements(c -> 'days') AS d)))
$$;

CREATE FUNCTION health.html_notices(page json) RETURNS xml
LANGUAGE sql STABLE AS $$
    SELECT xmlconcat(
        (SELECT xmlagg(xmlelement(name article,
                    xmlelement(name h2, i ->> 'title'),
                    xmlelement(name p, (i ->> 'state') || ', since '
                               || (i ->> 'started_at')),
                    (SELECT xmlagg(xmlelement(name p, (u ->> 'at') || ' '
                                   || (u ->> 'message')))
                       FROM json_array_elements(i -> 'updates') AS u)))
           FROM json_array_elements(page -> 'incidents') AS i),
        (SELECT xmlagg(xmlelement(name article,
                    xmlelement(name h2, m ->> 'title'),
                    xmlelement(name p, 'maintenance from '
                               || (m ->> 'starts_at') || ' to '
                               || (m ->> 'ends_at'))))
           FROM json_array_elements(page -> 'maintenances') AS m))
$$;

CREATE FUNCTION health.html(page json) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT '<!DOCTYPE html>' || xmlelement(name html,
        xmlattributes('en' AS lang),
        xmlelement(name head,
            xmlelement(name meta, xmlattributes('utf-8' AS charset)),
            xmlelement(name meta, xmlattributes('viewport' AS name,
                       'width=device-width' AS content)),
            xmlelement(name link, xmlattributes('alternate' AS rel,
                       'application/atom+xml' AS type,
                       '/status/feed.atom' AS href)),
            xmlelement(name title, 'Status'),
            xmlelement(name style, 'body{font:16px sans-serif;max-width:50em;'
                'margin:2em auto;padding:0 1em}h2{font-size:1em;margin:0}'
                'section,article{border:1px solid #999;border-radius:4px;'
                'padding:.7em;margin:.7em 0}.bars{display:flex;height:1.6em}'
                '.bars i{flex:1;margin:0 1px;color:transparent;'
                'overflow:hidden;background:#999}.bars .up{background:#297a18}'
                '.bars .less{background:#b36b00}.bars .down{background:#b00020}'
            )),
        xmlelement(name body,
            xmlelement(name h1, 'Status: '
                       || replace(page ->> 'status', '_', ' ')),
            health.html_notices(page),
            (SELECT xmlagg(health.html_component(c))
               FROM json_array_elements(page -> 'components') AS c),
            xmlelement(name p, 'as of ' || (page ->> 'updated_at'))))::text
$$;


-- RFC 4287: an entry for each of the latest incidents.
CREATE FUNCTION health.atom(tenant uuid) RETURNS text
LANGUAGE sql STABLE AS $$
    WITH latest AS (
        SELECT i.* FROM health.incidents AS i WHERE i.tenant_id = tenant
         ORDER BY i.started_at DESC, i.id DESC LIMIT 20
    )
    SELECT '<?xml version="1.0" encoding="utf-8"?>' || xmlelement(name feed,
        xmlattributes('http://www.w3.org/2005/Atom' AS xmlns),
        xmlelement(name id, 'urn:uuid:' || tenant),
        xmlelement(name title, 'Status'),
        xmlelement(name updated, pando.rfc3339(coalesce(max(l.updated_at),
                                               '2000-01-01 00:00+00'))),
        xmlelement(name author, xmlelement(name name, 'Status')),
        xmlelement(name link, xmlattributes('self' AS rel,
                                            '/status/feed.atom' AS href)),
        xmlagg(xmlelement(name entry,
            xmlelement(name id, 'urn:uuid:' || l.id),
            xmlelement(name title, l.title),
            xmlelement(name published, pando.rfc3339(l.started_at)),
            xmlelement(name updated, pando.rfc3339(l.updated_at)),
            xmlelement(name link, xmlattributes('/status' AS href)),
            xmlelement(name category, xmlattributes(l.state AS term)),
            xmlelement(name summary, l.state || coalesce(': ' || (
                SELECT u.message FROM health.incident_updates AS u
                 WHERE u.incident_id = l.id ORDER BY u.id DESC LIMIT 1), '')))
            ORDER BY l.started_at DESC))::text
      FROM latest AS l
$$;
