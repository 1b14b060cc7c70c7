-- Categories: what other domains say is relayed by the root; the reader of
-- before stays for the nodes that still follow by themselves: what both hear
-- counts once, by its version.

INSERT INTO pando.readers (name, xid, seq)
SELECT 'categories.filed', xid, seq FROM pando.readers
 WHERE name = 'categories';

-- One that cannot be understood is put aside for good: trying again would not
-- make it better.
CREATE FUNCTION categories.hear_one(event uuid, tenant uuid, type text,
    subject uuid, data jsonb)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM categories.hear(tenant, type, subject, data);
EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
    INSERT INTO categories.refused_events (id, tenant_id, type, why)
    VALUES (event, tenant, type, sqlerrm)
    ON CONFLICT ON CONSTRAINT refused_events_pkey DO NOTHING;
END $$;
