-- Who emits without being one of Pando's workers - psql, a program, a job of
-- the database - has nobody who tells of it after the commit: it does so
-- itself, as a part of its transaction.
CREATE OR REPLACE FUNCTION pando.emit(tenant uuid, type text, schema int,
    subject uuid, data jsonb, actor uuid DEFAULT NULL, trace text DEFAULT NULL)
RETURNS uuid LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    event uuid := pando.uuid7();
BEGIN
    INSERT INTO pando.outbox (id, tenant_id, type, schema, subject, data,
                              actor, trace)
    VALUES (event, tenant, type, schema, subject, data, actor, trace);

    IF current_setting('pando.told', true) = 'on' THEN
        RAISE NOTICE 'pando.emit';
    ELSE
        PERFORM pg_notify('pando_events', '');
    END IF;

    RETURN event;
END $$;
