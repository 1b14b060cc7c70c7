-- Who takes mail from here.

-- name: providers() -> page
-- sort: id = id uuid
SELECT email.provider_doc(p) :keys
  FROM email.providers AS p
 WHERE p.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: provider(id uuid) -> json?
SELECT email.provider_doc(p), p.version
  FROM email.providers AS p
 WHERE p.tenant_id = :tenant AND p.id = :id;

-- name: provider_add(name text, kind text, config jsonb, secret_ct text?,
--       weight int, lanes text[], enabled bool) -> json
INSERT INTO email.providers AS p (tenant_id, name, kind, config, secret_ct,
       weight, lanes, enabled)
VALUES (:tenant, :name, :kind, :config, :secret_ct, :weight, :lanes,
        :enabled)
RETURNING email.provider_doc(p), p.version;

-- name: provider_lock(id uuid) -> row? email_provider
-- row: version bigint, kind text, config jsonb, secret_ct text?
SELECT p.version, p.kind, p.config, p.secret_ct FROM email.providers AS p
 WHERE p.tenant_id = :tenant AND p.id = :id FOR UPDATE;

-- name: provider_change(id uuid, name text?, config jsonb, secret_ct text?,
--       weight int?, lanes text[], enabled bool?) -> json
UPDATE email.providers AS p
   SET name = coalesce(:name, name), config = config || :config,
       secret_ct = coalesce(:secret_ct, secret_ct),
       weight = coalesce(:weight, weight),
       lanes = coalesce(nullif(:lanes, '{}'), lanes),
       enabled = coalesce(:enabled, enabled), failures = 0,
       blocked_until = NULL, version = version + 1, updated_at = now()
 WHERE p.tenant_id = :tenant AND p.id = :id
RETURNING email.provider_doc(p), p.version;

-- name: provider_remove(id uuid, if_version bigint?) -> affected
DELETE FROM email.providers AS p
 WHERE p.tenant_id = :tenant AND p.id = :id
   AND (:if_version::bigint IS NULL OR p.version = :if_version);
