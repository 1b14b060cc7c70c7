-- Notifications: what is over leaves one user's inbox at a time, so that nobody
-- holds the counters of two in another order than that of their ids; and a
-- month whose rows came before its partition stays where they are.

CREATE OR REPLACE FUNCTION notifications.expire(most int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    first record;
    what uuid;
    n int := 0;
BEGIN
    SELECT q.tenant_id, q.user_id INTO first
      FROM notifications.notifications AS q
     WHERE q.archived_at IS NULL AND q.expires_at < clock_timestamp()
     ORDER BY q.expires_at LIMIT 1;

    IF NOT FOUND THEN
        RETURN 0;
    END IF;

    PERFORM notifications.hold(first.tenant_id, ARRAY[first.user_id]);

    FOR what IN
        SELECT q.id FROM notifications.notifications AS q
         WHERE q.tenant_id = first.tenant_id AND q.user_id = first.user_id
           AND q.archived_at IS NULL AND q.expires_at < clock_timestamp()
         LIMIT most
    LOOP
        PERFORM notifications.mark(first.tenant_id, first.user_id, what, NULL,
                                   NULL, true, NULL);
        n := n + 1;
    END LOOP;

    RETURN n;
END $$;

CREATE OR REPLACE FUNCTION notifications.partitions(at timestamptz)
RETURNS int LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    t text;
    part text;
    kept interval;
    month timestamp;
    first uuid;
    last uuid;
    taken boolean;
    n int := 0;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('notifications'),
                                     hashtext('partitions')) THEN
        RETURN 0;
    END IF;

    FOREACH t IN ARRAY ARRAY['notifications', 'deliveries'] LOOP
        FOR i IN 0 .. 2 LOOP
            month := date_trunc('month', at AT TIME ZONE 'UTC')
                     + i * interval '1 month';
            part := t || '_' || to_char(month, 'YYYYMM');
            first := notifications.id_at(month AT TIME ZONE 'UTC');
            last := notifications.id_at((month + interval '1 month')
                                        AT TIME ZONE 'UTC');
            CONTINUE WHEN to_regclass('notifications.' || part) IS NOT NULL;

            EXECUTE format('SELECT EXISTS (SELECT FROM notifications.%I'
                ' WHERE %I >= %L AND %I < %L)', t || '_rest',
                CASE t WHEN 'deliveries' THEN 'request_id' ELSE 'id' END,
                first, CASE t WHEN 'deliveries' THEN 'request_id'
                              ELSE 'id' END, last) INTO taken;
            CONTINUE WHEN taken;

            EXECUTE format('CREATE TABLE notifications.%I PARTITION OF'
                ' notifications.%I FOR VALUES FROM (%L) TO (%L)', part, t,
                first, last);
            n := n + 1;
        END LOOP;

        kept := CASE t WHEN 'notifications' THEN interval '400 days'
                       ELSE interval '13 months' END;

        FOR part IN
            SELECT c.relname FROM pg_catalog.pg_inherits AS i
              JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
             WHERE i.inhparent = ('notifications.' || t)::regclass
               AND c.relname ~ '_\d{6}$'
               AND to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month'
                   < (at - kept) AT TIME ZONE 'UTC'
        LOOP
            EXECUTE format('DROP TABLE notifications.%I', part);
        END LOOP;
    END LOOP;

    RETURN n;
END $$;
