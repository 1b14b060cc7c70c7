-- Opens, clicks, and what became of many.

-- name: link_ids(urls text[]) -> json
-- lane: writes
SELECT to_json(email.link_ids(:tenant, :urls));

-- name: link(id uuid, of uuid) -> text?
-- across tenants: the token names the tenant
SELECT l.url FROM email.links AS l WHERE l.id = :id AND l.tenant_id = :of;

-- name: track(of uuid, message_id uuid, link_id uuid?, clicked bool,
--       machine bool, agent text?) -> text?
-- lane: writes
SELECT email.track(:of, :message_id, :link_id, :clicked, :machine, :agent);

-- name: analytics(by_what text, since timestamptz, until timestamptz) -> json
-- lane: slow
SELECT json_build_object('data', coalesce(json_agg(a), '[]'))
  FROM email.analytics(:tenant, :by_what, :since, :until) AS a;

-- name: variants_counted(campaign_id uuid) -> json
-- lane: slow
SELECT json_build_object('data', coalesce(json_agg(a), '[]'))
  FROM email.variants_counted(:tenant, :campaign_id) AS a;
