-- Two schedules to look at: one that tells an event each ten minutes, and one
-- that is paused.

INSERT INTO scheduler.schedules (tenant_id, owner, name, specs, action,
       next_at)
VALUES (:'tenant', :'user', 'every ten minutes',
        '[{"type": "interval", "every": "PT10M"}]',
        '{"type": "event", "data": {"at": "{{nominal}}"}}',
        to_timestamp(ceil((extract(epoch FROM now()) + 1) / 600) * 600))
ON CONFLICT ON CONSTRAINT schedules_name_key DO NOTHING;

INSERT INTO scheduler.schedules (tenant_id, owner, name, specs, time_zone,
       action, state, note)
VALUES (:'tenant', :'user', 'nightly report',
        '[{"type": "cron", "expression": "30 2 * * *"}]', 'Europe/Berlin',
        '{"type": "event", "name": "report.due"}', 'paused', 'a demo')
ON CONFLICT ON CONSTRAINT schedules_name_key DO NOTHING;
