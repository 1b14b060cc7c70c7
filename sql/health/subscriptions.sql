-- Subscriptions to the status page.

-- name: subscribe(channel text, address text, components text[],
--       token_hash bytea, token text) -> bool
-- lane: writes
SELECT health.subscribe(:tenant, :channel, :address, :components, :token_hash,
                        :token);

-- name: subscription_confirm(token_hash bytea) -> json?
UPDATE health.subscriptions AS s
   SET state = 'confirmed', confirmed_at = coalesce(s.confirmed_at, now())
 WHERE s.tenant_id = :tenant AND s.token_hash = :token_hash
RETURNING health.subscription_doc(s);

-- name: subscription_end(token_hash bytea) -> affected
DELETE FROM health.subscriptions
 WHERE tenant_id = :tenant AND token_hash = :token_hash;
