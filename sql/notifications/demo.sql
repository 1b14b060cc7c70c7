-- Demo data: who changes a category finds that in the inbox and in the mail,
-- and operators are told of incidents.  It can be run again and again.

INSERT INTO notifications.contacts (tenant_id, user_id, email, locale,
       time_zone)
VALUES (:'tenant', :'user', 'ann@example.com', 'en', 'Europe/Berlin')
ON CONFLICT DO NOTHING;

INSERT INTO notifications.categories (tenant_id, key, title, class, mandatory,
       channels, digestible, urgent)
VALUES (:'tenant', 'catalog', '{"en": "Catalogue", "de": "Katalog"}',
        'transactional', false, '{in_app,push,email}', true, false),
       (:'tenant', 'operations', '{"en": "Operations"}', 'transactional',
        false, '{in_app,push,email}', false, true)
ON CONFLICT DO NOTHING;

INSERT INTO notifications.topics (tenant_id, key, title, open)
VALUES (:'tenant', 'operators', '{"en": "Operators"}', false)
ON CONFLICT DO NOTHING;

INSERT INTO notifications.topic_subscriptions (topic_id, user_id, tenant_id)
SELECT t.id, :'user', t.tenant_id FROM notifications.topics AS t
 WHERE t.tenant_id = :'tenant' AND t.key = 'operators'
ON CONFLICT DO NOTHING;

WITH t AS (
    INSERT INTO notifications.templates (tenant_id, key, category, locale,
           variables, published)
    VALUES (:'tenant', 'category_changed', 'catalog', 'en', '[]', 1),
           (:'tenant', 'incident_opened', 'operations', 'en', '[]', 1)
    ON CONFLICT DO NOTHING
    RETURNING id, tenant_id, key
), c AS (
    INSERT INTO notifications.template_versions (template_id, tenant_id, n,
           channel, locale, content, state)
    SELECT t.id, t.tenant_id, 1, ch, w.locale, jsonb_build_object('channel',
               ch, 'locale', w.locale, 'title', w.title, 'body', w.body,
               'url', w.url, 'actions', '[]'::jsonb), 'published'
      FROM t
      JOIN (VALUES
        ('category_changed', 'en', 'You changed {{slug}}',
         'The category {{slug}} is as you left it: version {{version}}.',
         '/api/v1/categories/{{event.subject}}'),
        ('category_changed', 'de', 'Du hast {{slug}} geändert',
         'Die Kategorie {{slug}} ist nun in Version {{version}}.',
         '/api/v1/categories/{{event.subject}}'),
        ('incident_opened', 'en', 'Incident: {{title}}',
         'Something needs you.', '/api/v1/incidents/{{event.subject}}')
           ) AS w (key, locale, title, body, url) ON w.key = t.key
     CROSS JOIN unnest(ARRAY['in_app', 'push', 'email']) AS ch
)
INSERT INTO notifications.event_rules (tenant_id, template_id, event, audience,
       group_key)
SELECT t.tenant_id, t.id, e.event, e.audience, NULL
  FROM t
  JOIN (VALUES ('category_changed', 'taxonomy_category.updated', 'actor'),
               ('category_changed', 'taxonomy_category.created', 'actor'),
               ('incident_opened', 'incident.opened', 'topic:operators')
       ) AS e (key, event, audience) ON e.key = t.key
ON CONFLICT DO NOTHING;
