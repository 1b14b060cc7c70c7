-- The status page, in its three forms.

-- name: page(all_known bool) -> json
SELECT health.page(:tenant, :all_known);

-- name: page_html(all_known bool) -> text
SELECT health.html(health.page(:tenant, :all_known));

-- name: page_atom() -> text
SELECT health.atom(:tenant);
