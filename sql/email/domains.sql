-- Domains and their keys.

-- name: domains() -> page
-- sort: id = id uuid
SELECT email.domain_doc(d) :keys
  FROM email.domains AS d
 WHERE d.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: domain(id uuid) -> json?
SELECT email.domain_doc(d), d.version
  FROM email.domains AS d
 WHERE d.tenant_id = :tenant AND d.id = :id;

-- name: domain_add(domain text) -> uuid
INSERT INTO email.domains (tenant_id, domain) VALUES (:tenant, :domain)
RETURNING id;

-- name: domain_lock(id uuid) -> row? email_domain
-- row: version bigint, domain text
SELECT d.version, d.domain FROM email.domains AS d
 WHERE d.tenant_id = :tenant AND d.id = :id FOR UPDATE;

-- name: domain_remove(id uuid, if_version bigint?) -> affected
DELETE FROM email.domains AS d
 WHERE d.tenant_id = :tenant AND d.id = :id
   AND (:if_version::bigint IS NULL OR d.version = :if_version);

-- name: domain_checked(id uuid, good bool, found jsonb) -> none
-- lane: writes
SELECT email.domain_checked(:tenant, :id, :good, :found);

-- name: keys_retire(id uuid) -> none
UPDATE email.domain_keys AS k SET retires_at = now() + interval '30 days'
 WHERE k.tenant_id = :tenant AND k.domain_id = :id AND k.retires_at IS NULL;

-- name: keys_fresh(id uuid) -> bool
SELECT EXISTS (SELECT FROM email.domain_keys AS k
                WHERE k.tenant_id = :tenant AND k.domain_id = :id
                  AND k.created_at > now() - interval '1 hour');

-- name: key_add(id uuid, selector text, alg text, private_ct text,
--       public text) -> none
INSERT INTO email.domain_keys (domain_id, tenant_id, selector, alg,
       private_ct, public)
VALUES (:id, :tenant, :selector, :alg, :private_ct, :public);

-- name: keys(id uuid) -> rows email_key
-- row: domain text, selector text, alg text, private_ct text, public text
-- Those that are to be published.
SELECT d.domain, k.selector, k.alg, k.private_ct, k.public
  FROM email.domains AS d
  JOIN email.domain_keys AS k ON k.domain_id = d.id
 WHERE d.tenant_id = :tenant AND d.id = :id
   AND (k.retires_at IS NULL OR k.retires_at > now())
 ORDER BY k.id DESC LIMIT 8;

-- name: signers(domains text[]) -> rows email_key
-- For a sender of the first of these that is verified: of each kind the
-- latest key that was seen where it is to be published.
SELECT DISTINCT ON (k.alg) d.domain, k.selector, k.alg, k.private_ct,
       k.public
  FROM (SELECT o.id, o.domain, o.checks FROM email.domains AS o
         WHERE o.tenant_id = :tenant AND o.domain = ANY (:domains)
           AND o.state <> 'pending'
         ORDER BY length(o.domain) DESC LIMIT 1) AS d
  JOIN email.domain_keys AS k ON k.domain_id = d.id
 WHERE d.checks -> 'dkim' ->> k.selector = 'ok'
 ORDER BY k.alg, k.id DESC;

-- name: domains_due(most int) -> rows email_due
-- across tenants: each domain is looked at once a day
-- row: id uuid, tenant_id uuid
SELECT d.id, d.tenant_id FROM email.domains AS d
 WHERE d.checked_at < now() - interval '20 hours'
 ORDER BY d.checked_at LIMIT :most;

-- name: keys_forget() -> affected
-- across tenants: keys of all tenants are over alike
DELETE FROM email.domain_keys AS k
 WHERE k.id = ANY (ARRAY(SELECT o.id FROM email.domain_keys AS o
                          WHERE o.retires_at < now()
                          ORDER BY o.retires_at LIMIT 1000));
