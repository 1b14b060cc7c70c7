-- Demo data: a layout, a message and a list, so that one line shows a mail:
--
--   POST /api/v1/email/messages {"to": "ada@example.com", "template":
--       "welcome", "data": {"name": "Ada", "place": "Cafe Aspen"}}
--   GET  /api/v1/email/outbox, then /api/v1/email/outbox/{id}/view
--
-- It can be run again and again.

INSERT INTO email.templates (tenant_id, key, kind)
VALUES (:'tenant', 'house', 'partial'), (:'tenant', 'welcome', 'message')
ON CONFLICT ON CONSTRAINT templates_key_key DO NOTHING;

INSERT INTO email.template_versions (tenant_id, template_id, locale, state,
       subject, preheader, html, body, published_at)
SELECT t.tenant_id, t.id, v.locale, 'published', v.subject, v.preheader,
       v.html, v.body, now()
  FROM (VALUES
    ('house', 'en', NULL, NULL,
     '<!doctype html><html><body style="font-family: sans-serif">'
     || '<h1>{{$title}}Pando{{/title}}</h1>{{$main}}{{/main}}'
     || '<p><a href="{{unsubscribe_url}}">No more of these</a></p>'
     || '</body></html>', 'Pando'),
    ('welcome', 'en', 'Welcome, {{name}}', 'Your table at {{place}}',
     '{{< house}}{{$title}}Welcome, {{name}}{{/title}}{{$main}}'
     || '<p>{{place}} is looking forward to seeing you.</p>'
     || '{{/main}}{{/house}}',
     E'Welcome, {{name}}\n\n{{place}} is looking forward to seeing you.\n'),
    ('welcome', 'de', 'Willkommen, {{name}}', 'Ihr Tisch im {{place}}',
     '{{< house}}{{$title}}Willkommen, {{name}}{{/title}}{{$main}}'
     || '<p>{{place}} freut sich auf Sie.</p>{{/main}}{{/house}}',
     E'Willkommen, {{name}}\n\n{{place}} freut sich auf Sie.\n')
       ) AS v (key, locale, subject, preheader, html, body)
  JOIN email.templates AS t ON t.tenant_id = :'tenant' AND t.key = v.key
ON CONFLICT (template_id, locale) WHERE state = 'published' DO NOTHING;

INSERT INTO email.lists (tenant_id, name, description)
VALUES (:'tenant', 'News', 'What is new in the grove')
ON CONFLICT ON CONSTRAINT lists_name_key DO NOTHING;
