-- The order of a subject's events, also where one relay takes over from
-- another: what the first puts aside just then, the second does not know of.
--
-- The one with three arguments stays for nodes of the version before.

-- Takes an event to be handled by this transaction, or raises PD411: it was;
-- or PD412: others of its subject are put aside, and it waits behind them.
CREATE FUNCTION pando.claim_event(who text, at_xid xid8, at_seq bigint,
    what uuid)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pando.claim_event(who, at_xid, at_seq);

    IF EXISTS (SELECT FROM pando.parked AS p
                WHERE p.consumer = who AND p.subject = what
                  AND p.parked_at IS NULL) THEN
        RAISE EXCEPTION 'others of its subject are put aside'
            USING ERRCODE = 'PD412';
    END IF;
END $$;
