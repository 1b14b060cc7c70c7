-- Email: looking for what nobody came for, by an index that no claim can take
-- for its own: ordered by next_at alone, it led claims of an empty lane through
-- all that waited in the other one.

DROP INDEX email.messages_late;
CREATE INDEX messages_late ON email.messages ((next_at AT TIME ZONE 'UTC'))
 WHERE state IN ('scheduled', 'queued', 'deferred');

CREATE OR REPLACE FUNCTION email.sweep(most int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    m email.messages;
    o record;
    n int := 0;
    late timestamp := (clock_timestamp() - interval '10 s')
                      AT TIME ZONE 'UTC';
BEGIN
    FOR m IN SELECT s.* FROM email.messages AS s
              WHERE s.state = 'sending' AND s.lease_until < clock_timestamp()
              ORDER BY s.lease_until LIMIT most FOR UPDATE SKIP LOCKED
    LOOP
        PERFORM email.record(m.tenant_id, m.id, m.attempts, 'uncertain', NULL,
            NULL, 'who was sending it was lost', NULL, 0, NULL, NULL);
        n := n + 1;
    END LOOP;

    FOR o IN SELECT DISTINCT s.tenant_id, s.lane
               FROM (SELECT d.tenant_id, d.lane FROM email.messages AS d
                      WHERE d.state IN ('scheduled', 'queued', 'deferred')
                        AND d.next_at AT TIME ZONE 'UTC' < late
                      ORDER BY d.next_at AT TIME ZONE 'UTC'
                      LIMIT most) AS s
    LOOP
        PERFORM email.wake(o.tenant_id, o.lane, clock_timestamp());
        n := n + 1;
    END LOOP;

    RETURN n;
END $$;
