-- Components and what they depend on.

-- name: components() -> page
-- sort: component = component text
SELECT health.component_doc(k) :keys
  FROM health.components AS k
 WHERE k.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: component(component text) -> json?
SELECT health.component_doc(k)
  FROM health.components AS k
 WHERE k.tenant_id = :tenant AND k.component = :component;

-- name: component_status(tenant_id uuid, component text) -> text
-- Asked by another module, of whichever tenant it works for.
SELECT health.status_of(:tenant_id, :component);

-- name: timeline(component text) -> page
-- sort: -at = at timestamptz desc
SELECT json_build_object('at', pando.rfc3339(c.at), 'status', c.status,
                         'cause', c.cause, 'root_causes', c.roots) :keys
  FROM health.component_changes AS c
 WHERE c.tenant_id = :tenant AND c.component = :component AND :after
 ORDER BY :order LIMIT :limit;

-- name: graph() -> json
SELECT json_build_object(
       'nodes', (SELECT coalesce(json_agg(health.component_doc(k)
                                 ORDER BY k.component), '[]')
                   FROM health.components AS k
                  WHERE k.tenant_id = :tenant),
       'edges', (SELECT coalesce(json_agg(json_build_object(
                            'from', e.from_component, 'to', e.to_component,
                            'strength', e.strength)
                        ORDER BY e.from_component, e.to_component), '[]')
                   FROM health.edges AS e WHERE e.tenant_id = :tenant));

-- name: edge_put(component text, target text, strength text) -> json
INSERT INTO health.edges AS e
       (tenant_id, from_component, to_component, strength)
VALUES (:tenant, :component, :target, :strength)
ON CONFLICT ON CONSTRAINT edges_pkey DO UPDATE SET strength = :strength
RETURNING json_build_object('from', e.from_component, 'to', e.to_component,
                            'strength', e.strength);

-- name: edge_remove(component text, target text) -> affected
-- The tenant is held before the row is, as where one is put.
WITH held AS MATERIALIZED (SELECT health.hold(:tenant)::text AS done)
DELETE FROM health.edges AS e USING held
 WHERE held.done = '' AND e.tenant_id = :tenant
   AND e.from_component = :component AND e.to_component = :target;

-- name: report(tenant_id uuid, component text, source text, outcome text,
--       detail text, seconds int) -> int
-- lane: writes
SELECT health.report(:tenant_id, :component, :source, :outcome, :detail,
                     :seconds);
