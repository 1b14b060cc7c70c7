-- What `make run` shows of metrics: a dashboard and three rules.  Again and
-- again it adds nothing.

INSERT INTO metrics.dashboards
       (tenant_id, slug, title, range_s, panels, updated_by)
VALUES (:'tenant', 'overview', 'Overview', 3600, metrics.panels('[
    {"title": "Requests a second", "measure": "rate", "per": "service"},
    {"title": "p95, 200 ms promised", "measure": "p95", "per": "service"},
    {"title": "Errors", "measure": "error_ratio", "per": "service"},
    {"title": "Apdex", "measure": "apdex", "per": "service"},
    {"title": "The slowest routes", "measure": "p95", "kind": "table",
     "per": "route", "width": 12}]'), :'user')
ON CONFLICT DO NOTHING;

INSERT INTO metrics.rules
       (tenant_id, "group", name, kind, measure, comparison, threshold,
        objective_bp, factor, window_s, short_window_s, per, min_requests,
        interval_s, for_s, keep_firing_s, labels, annotations, enabled)
VALUES (:'tenant', 'promise', 'SlowRoute', 'threshold', 'slow_ratio', '>',
        0.05, NULL, NULL, 300, NULL, 'route', 20, 30, 300, 300,
        '{"severity": "ticket"}',
        '{"summary": "more than 5 of 100 requests take over 200 ms"}', true),
       (:'tenant', 'promise', 'ErrorsPage', 'burn', 'error_ratio', NULL, NULL,
        9990, 14.4, 3600, 300, 'service', 0, 30, 0, 0,
        '{"severity": "page"}',
        '{"summary": "an hour of this uses 2 % of a month''s errors"}', true),
       (:'tenant', 'promise', 'ErrorsTicket', 'burn', 'error_ratio', NULL,
        NULL, 9990, 3, 86400, 7200, 'service', 0, 60, 0, 0,
        '{"severity": "ticket"}',
        '{"summary": "a day of this uses 10 % of a month''s errors"}', true)
ON CONFLICT DO NOTHING;
