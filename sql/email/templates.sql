-- Templates and their versions.

-- name: templates() -> page
-- sort: key = key text
SELECT email.template_doc(t, false) :keys
  FROM email.templates AS t
 WHERE t.tenant_id = :tenant AND :after
 ORDER BY :order LIMIT :limit;

-- name: template(key text) -> json?
SELECT email.template_doc(t, true), t.version
  FROM email.templates AS t
 WHERE t.tenant_id = :tenant AND t.key = :key;

-- name: template_add(key text, kind text, lang text, subject text?,
--       preheader text?, html text?, body text?) -> json
-- lane: writes
WITH t AS (
    INSERT INTO email.templates (tenant_id, key, kind)
    VALUES (:tenant, :key, :kind) RETURNING *
), v AS (
    INSERT INTO email.template_versions (tenant_id, template_id, locale,
           subject, preheader, html, body)
    SELECT t.tenant_id, t.id, :lang, :subject, :preheader, :html, :body
      FROM t RETURNING *
)
SELECT (email.template_doc(t::email.templates, false)::jsonb
        || jsonb_build_object('versions',
               json_build_array(email.version_doc(v::email.template_versions)))
       )::json, t.version
  FROM t, v;

-- name: template_lock(key text) -> row? email_template
-- row: id uuid, kind text, version bigint
SELECT t.id, t.kind, t.version FROM email.templates AS t
 WHERE t.tenant_id = :tenant AND t.key = :key FOR UPDATE;

-- name: template_draft(id uuid, lang text, subject text?, preheader text?,
--       html text?, body text?) -> none
-- lane: writes
SELECT email.draft(:tenant, :id, :lang, :subject, :preheader, :html, :body);

-- name: template_touch(id uuid) -> none
UPDATE email.templates AS t SET version = version + 1, updated_at = now()
 WHERE t.tenant_id = :tenant AND t.id = :id;

-- name: template_publish(id uuid, lang text) -> bool
-- lane: writes
SELECT email.publish(:tenant, :id, :lang);

-- name: template_rollback(id uuid, lang text) -> bool
-- lane: writes
SELECT email.rollback(:tenant, :id, :lang);

-- name: template_remove(key text, if_version bigint?) -> affected
DELETE FROM email.templates AS t
 WHERE t.tenant_id = :tenant AND t.key = :key
   AND (:if_version::bigint IS NULL OR t.version = :if_version);

-- name: sources(key text, lang text, draft bool) -> rows email_source
-- The version that answers to a language best, then all partials; a draft
-- before what is published, where drafts are asked for.
-- row: id uuid, key text, locale text, subject text?, preheader text?,
-- row: html text?, body text?
SELECT v.id, t.key, v.locale, v.subject, v.preheader, v.html, v.body
  FROM (SELECT o.id, o.key, o.kind FROM email.templates AS o
         WHERE o.tenant_id = :tenant AND o.key = :key
        UNION
        SELECT o.id, o.key, o.kind FROM email.templates AS o
         WHERE o.tenant_id = :tenant AND o.kind = 'partial') AS t
 CROSS JOIN LATERAL (
       SELECT s.* FROM email.template_versions AS s
        WHERE s.template_id = t.id
          AND (s.state = 'published' OR :draft AND s.state = 'draft')
        ORDER BY email.nearness(s.locale, :lang) DESC, s.state = 'draft' DESC,
                 s.locale LIMIT 1) AS v
 ORDER BY t.key = :key DESC, t.key LIMIT 200;
