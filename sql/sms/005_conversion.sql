-- SMS: codes that were typed in, by route.
--
-- What must stay true: a code counts once, and for the route of its message.

ALTER TABLE sms.messages ADD COLUMN converted boolean NOT NULL DEFAULT false;
ALTER TABLE sms.route_stats ADD COLUMN converted bigint NOT NULL DEFAULT 0;

-- A code of verification's was right: the message that brought it last counts.
CREATE FUNCTION sms.convert(tenant uuid, code uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    UPDATE sms.messages AS m SET converted = true
     WHERE m.id = (SELECT k.message_id FROM sms.message_keys AS k
                    WHERE k.tenant_id = tenant AND k.dedup_key IN (
                        SELECT 'verification ' || code || ' ' || n
                          FROM generate_series(1, 5) AS n)
                    ORDER BY k.message_id DESC LIMIT 1);
    RETURN FOUND;
END $$;

DROP FUNCTION sms.ways(uuid, text, text);

-- As before, with how many codes were typed in.
CREATE FUNCTION sms.ways(tenant uuid, digits text, lane text)
RETURNS TABLE (route_id uuid, provider_id uuid, kind text, priority int,
    floor_bp int, per_segment float8, currency text, sent bigint,
    delivered bigint, failed bigint, late text, converted bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    prefixes text[];
BEGIN
    IF NOT EXISTS (SELECT FROM sms.routes AS r WHERE r.tenant_id = tenant) THEN
        RETURN QUERY SELECT NULL::uuid, NULL::uuid, 'captured', 0, 0,
            NULL::float8, NULL::text, 0::bigint, 0::bigint, 0::bigint, '[]',
            0::bigint;
        RETURN;
    END IF;

    SELECT array_agg(left(digits, n)) INTO prefixes
      FROM generate_series(0, length(digits)) AS n;

    RETURN QUERY
    WITH up AS (
        SELECT r.*, p.kind, p.currency
          FROM sms.routes AS r
          JOIN sms.providers AS p ON p.id = r.provider_id AND p.enabled
          LEFT JOIN sms.windows AS w ON w.provider_id = p.id
         WHERE r.tenant_id = tenant AND r.prefix = ANY (prefixes)
           AND r.lane = ways.lane AND r.enabled
           AND coalesce(w.down_until < clock_timestamp(), true)
    )
    SELECT u.id, u.provider_id, u.kind, u.priority, u.floor_bp,
           (SELECT c.per_segment::float8 FROM sms.prices AS c
             WHERE c.provider_id = u.provider_id
               AND c.prefix = ANY (prefixes) AND c.valid_from <= now()
             ORDER BY length(c.prefix) DESC, c.valid_from DESC LIMIT 1),
           u.currency, s.sent, s.delivered, s.failed, to_json(s.late)::text,
           s.converted
      FROM up AS u
      LEFT JOIN LATERAL (
        SELECT coalesce(sum(o.sent), 0)::bigint AS sent,
               coalesce(sum(o.delivered), 0)::bigint AS delivered,
               coalesce(sum(o.failed), 0)::bigint AS failed,
               coalesce(sum(o.converted), 0)::bigint AS converted,
               ARRAY(SELECT sum(b.n)::bigint FROM sms.route_stats AS q,
                     unnest(q.late) WITH ORDINALITY AS b (n, i)
                      WHERE q.route_id = u.id
                        AND q.hour > now() - interval '24 hours'
                      GROUP BY b.i ORDER BY b.i) AS late
          FROM sms.route_stats AS o
         WHERE o.route_id = u.id AND o.hour > now() - interval '24 hours')
        AS s ON true
     WHERE length(u.prefix) = (SELECT max(length(l.prefix)) FROM up AS l)
     ORDER BY u.priority, u.id;
END $$;

CREATE FUNCTION sms.count_converted() RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    n int;
BEGIN
    UPDATE sms.route_stats AS s SET converted = c.n
      FROM (SELECT m.route_id, date_trunc('hour', m.created_at) AS hour,
                   count(*) AS n
              FROM sms.messages AS m
             WHERE m.route_id IN (SELECT r.id FROM sms.routes AS r)
               AND m.created_at
                   >= date_trunc('hour', now() - interval '3 hours')
               AND m.converted
             GROUP BY 1, 2) AS c
     WHERE s.route_id = c.route_id AND s.hour = c.hour
       AND s.converted <> c.n;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$;
