-- Demo data: the places that a fresh install knows, some words and attributes
-- for them.  It can be run again and again.

SELECT categories.plant(:'tenant');

INSERT INTO categories.category_attributes
       (tenant_id, category_id, key, name, kind, unit, options, filterable,
        position, rules)
SELECT c.tenant_id, c.id, a.key, a.name::jsonb, a.kind, a.unit,
       a.options::jsonb, true, a.position, a.rules::jsonb
  FROM (VALUES
    ('food-and-drink', 'wifi', '{"en": "Wi-Fi", "de": "WLAN"}', 'bool', NULL,
     NULL, 1, '{}'),
    ('food-and-drink', 'seats', '{"en": "Seats", "de": "Plätze"}', 'integer',
     NULL, NULL, 2, '{"min": 1, "max": 5000}'),
    ('restaurants', 'service', '{"en": "Service"}', 'multi_enum', NULL,
     '[{"value": "table"}, {"value": "takeaway"}, {"value": "delivery"}]', 3,
     '{}'),
    ('places-to-stay', 'rooms', '{"en": "Rooms", "de": "Zimmer"}', 'integer',
     NULL, NULL, 1, '{"min": 1}'),
    ('places-to-stay', 'room_size', '{"en": "Size of rooms"}', 'range', 'm2',
     NULL, 2, '{"min": 4, "max": 1000}')
       ) AS a (slug, key, name, kind, unit, options, position, rules)
  JOIN categories.categories AS c
    ON c.tenant_id = :'tenant' AND c.slug = a.slug AND c.live
ON CONFLICT ON CONSTRAINT category_attributes_key_key DO NOTHING;

SELECT categories.set_aliases(c.tenant_id, c.id,
           jsonb_build_array(jsonb_build_object('alias', a.alias)))
  FROM (VALUES ('cafes', 'Coffeehouse'), ('pharmacy', 'Chemist'),
               ('cinema', 'Movies'), ('fuel-station', 'Petrol station'),
               ('estate-agent', 'Realtor')) AS a (slug, alias)
  JOIN categories.categories AS c
    ON c.tenant_id = :'tenant' AND c.slug = a.slug AND c.live;
