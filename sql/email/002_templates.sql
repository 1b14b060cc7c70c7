-- Email: templates, in versions for each language.
--
-- What must stay true: of one template and language at most one version is
-- published, and it never changes; at most one is a draft.

-- A partial is what others include: a layout, a footer.
CREATE TABLE email.templates (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id   uuid NOT NULL,
    key         text NOT NULL,
    kind        text NOT NULL,
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT templates_pkey PRIMARY KEY (id),
    CONSTRAINT templates_key_key UNIQUE (tenant_id, key),
    CONSTRAINT templates_kind_check CHECK (kind IN ('message', 'partial'))
);

CREATE INDEX templates_partials ON email.templates (tenant_id)
 WHERE kind = 'partial';

CREATE TABLE email.template_versions (
    id            uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id     uuid NOT NULL,
    template_id   uuid NOT NULL,
    locale        text NOT NULL,
    state         text NOT NULL DEFAULT 'draft',
    subject       text,
    preheader     text,
    html          text,
    body          text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    published_at  timestamptz,

    CONSTRAINT template_versions_pkey PRIMARY KEY (id),
    CONSTRAINT template_versions_template_fkey FOREIGN KEY (template_id)
        REFERENCES email.templates ON DELETE CASCADE,
    CONSTRAINT template_versions_state_check
        CHECK (state IN ('draft', 'published', 'archived'))
);

CREATE UNIQUE INDEX template_versions_published
    ON email.template_versions (template_id, locale)
 WHERE state = 'published';
CREATE UNIQUE INDEX template_versions_draft
    ON email.template_versions (template_id, locale) WHERE state = 'draft';
CREATE INDEX template_versions_by_template
    ON email.template_versions (template_id, id);

CREATE FUNCTION email.keep_published() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'draft' AND (NEW.subject, NEW.preheader, NEW.html,
           NEW.body, NEW.locale, NEW.template_id) IS DISTINCT FROM
           (OLD.subject, OLD.preheader, OLD.html, OLD.body, OLD.locale,
            OLD.template_id) THEN
        RAISE EXCEPTION 'a version that was published does not change';
    END IF;

    RETURN NEW;
END $$;

CREATE TRIGGER template_versions_keep BEFORE UPDATE
    ON email.template_versions
   FOR EACH ROW EXECUTE FUNCTION email.keep_published();

CREATE FUNCTION email.version_doc(v email.template_versions) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', v.id, 'locale', v.locale,
        'state', v.state, 'subject', v.subject, 'preheader', v.preheader,
        'html', v.html, 'text', v.body,
        'created_at', pando.rfc3339(v.created_at),
        'published_at', pando.rfc3339(v.published_at))
$$;

CREATE FUNCTION email.template_doc(t email.templates, deep boolean)
RETURNS json LANGUAGE sql STABLE AS $$
    SELECT (jsonb_build_object('id', t.id, 'key', t.key, 'kind', t.kind,
        'version', t.version, 'created_at', pando.rfc3339(t.created_at),
        'updated_at', pando.rfc3339(t.updated_at))
        || CASE WHEN deep THEN jsonb_build_object('versions', (
               SELECT coalesce(json_agg(email.version_doc(v)
                                        ORDER BY v.id DESC), '[]')
                 FROM (SELECT o.* FROM email.template_versions AS o
                        WHERE o.template_id = t.id
                        ORDER BY o.id DESC LIMIT 50) AS v))
           ELSE '{}' END)::json
$$;

-- A draft takes the place of the one there is; what is null stays as it is.
CREATE FUNCTION email.draft(tenant uuid, template uuid, locale text,
    subject text, preheader text, html text, body text)
RETURNS void LANGUAGE sql VOLATILE AS $$
    INSERT INTO email.template_versions AS v (tenant_id, template_id, locale,
           subject, preheader, html, body)
    VALUES (tenant, template, locale, subject, preheader, html, body)
    ON CONFLICT (template_id, locale) WHERE state = 'draft' DO UPDATE
       SET subject = excluded.subject, preheader = excluded.preheader,
           html = excluded.html, body = excluded.body
$$;

-- The draft of a language goes out; false: there is none.
CREATE FUNCTION email.publish(tenant uuid, template uuid, lang text)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    draft uuid;
BEGIN
    SELECT v.id INTO draft FROM email.template_versions AS v
     WHERE v.template_id = template AND v.locale = lang
       AND v.state = 'draft' FOR UPDATE;

    IF draft IS NULL THEN
        RETURN false;
    END IF;

    UPDATE email.template_versions AS v SET state = 'archived'
     WHERE v.template_id = template AND v.locale = lang
       AND v.state = 'published';
    UPDATE email.template_versions AS v
       SET state = 'published', published_at = clock_timestamp()
     WHERE v.id = draft;
    UPDATE email.templates AS t
       SET version = version + 1, updated_at = now() WHERE t.id = template;

    RETURN true;
END $$;

-- What was published before it is so again, as a version of its own; false:
-- nothing was.
CREATE FUNCTION email.rollback(tenant uuid, template uuid, lang text)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    was email.template_versions;
BEGIN
    SELECT * INTO was FROM email.template_versions AS v
     WHERE v.template_id = template AND v.locale = lang
       AND v.state = 'archived' ORDER BY v.published_at DESC LIMIT 1;

    IF was.id IS NULL THEN
        RETURN false;
    END IF;

    UPDATE email.template_versions AS v
       SET state = 'archived', published_at = '-infinity'
     WHERE v.template_id = template AND v.locale = lang
       AND v.state = 'published';
    INSERT INTO email.template_versions (tenant_id, template_id, locale,
           state, subject, preheader, html, body, published_at)
    VALUES (tenant, template, lang, 'published', was.subject, was.preheader,
            was.html, was.body, clock_timestamp());
    UPDATE email.template_versions AS v SET published_at = '-infinity'
     WHERE v.id = was.id;
    UPDATE email.templates AS t
       SET version = version + 1, updated_at = now() WHERE t.id = template;

    RETURN true;
END $$;

-- How well a version's language answers to the one that is wanted.
CREATE FUNCTION email.nearness(has text, wanted text) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN has = wanted THEN 4
                WHEN has = split_part(wanted, '-', 1) THEN 3
                WHEN split_part(has, '-', 1) = split_part(wanted, '-', 1)
                THEN 2 WHEN split_part(has, '-', 1) = 'en' THEN 1
                ELSE 0 END
$$;


-- Messages know which version they were made of

ALTER TABLE email.messages ADD COLUMN template_version_id uuid,
      ADD COLUMN locale text;

DROP FUNCTION email.accept(uuid, text, text, text, text, text[], text[],
    text, text, text, text, uuid, boolean, uuid, int, timestamptz, int, text,
    text);

-- A message is taken; with a key that is known, it is the one of before.  No
-- id: why its recipient gets none.
CREATE FUNCTION email.accept(tenant uuid, lane text, to_norm text,
    to_address text, to_name text, cc text[], bcc text[], sender text,
    sender_name text, reply_to text, subject text, list uuid,
    mandatory boolean, of uuid, size int, send_at timestamptz, ttl_s int,
    key text, content_ct text, made_of uuid, locale text)
RETURNS TABLE (id uuid, state text, reason text)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    message uuid := pando.uuid7();
    begins timestamptz := greatest(accept.send_at, clock_timestamp());
    first text := CASE WHEN accept.send_at > clock_timestamp()
                  THEN 'scheduled' ELSE 'queued' END;
    why text;
BEGIN
    IF accept.key IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(hashtextextended(
            concat_ws(' ', tenant, accept.key), 1346457188));

        RETURN QUERY SELECT m.id, m.state, NULL::text
          FROM email.message_keys AS k
          JOIN email.messages AS m ON m.id = k.message_id
         WHERE k.tenant_id = tenant AND k.dedup_key = accept.key
           AND k.created_at > now() - interval '30 days';

        IF FOUND THEN
            RETURN;
        END IF;

        DELETE FROM email.message_keys AS k
         WHERE k.tenant_id = tenant AND k.dedup_key = accept.key;
    END IF;

    why := email.suppressed(tenant, accept.to_norm, accept.lane, accept.list,
                            accept.mandatory);

    IF why IS NOT NULL THEN
        RETURN QUERY SELECT NULL::uuid, 'suppressed', why;
        RETURN;
    END IF;

    INSERT INTO email.messages (id, tenant_id, lane, state, to_norm,
           to_address, to_name, cc, bcc, sender, sender_name, reply_to,
           subject, list_id, mandatory, resend_of, size, next_at, expires_at,
           template_version_id, locale)
    VALUES (message, tenant, accept.lane, first, accept.to_norm,
            accept.to_address, accept.to_name, accept.cc, accept.bcc,
            accept.sender, accept.sender_name, accept.reply_to,
            accept.subject, accept.list, accept.mandatory, accept.of,
            accept.size, begins, begins + accept.ttl_s * interval '1 s',
            accept.made_of, accept.locale);

    INSERT INTO email.bodies (message_id, tenant_id, content_ct)
    VALUES (message, tenant, accept.content_ct);

    IF accept.key IS NOT NULL THEN
        INSERT INTO email.message_keys (tenant_id, dedup_key, message_id)
        VALUES (tenant, accept.key, message);
    END IF;

    PERFORM email.wake(tenant, accept.lane, begins);
    RETURN QUERY SELECT message, first, NULL::text;
END $$;

CREATE OR REPLACE FUNCTION email.message_doc(m email.messages) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', m.id, 'lane', m.lane, 'state', m.state,
        'to', m.to_address, 'to_name', m.to_name, 'cc', m.cc, 'bcc', m.bcc,
        'from', m.sender, 'from_name', m.sender_name,
        'reply_to', m.reply_to, 'subject', m.subject, 'list', m.list_id,
        'mandatory', m.mandatory, 'resend_of', m.resend_of,
        'template_version_id', m.template_version_id, 'locale', m.locale,
        'size', m.size, 'attempts', m.attempts, 'reason', m.reason,
        'next_at', CASE WHEN m.state IN ('scheduled', 'queued', 'deferred')
                   THEN pando.rfc3339(m.next_at) END,
        'expires_at', pando.rfc3339(m.expires_at),
        'created_at', pando.rfc3339(m.created_at),
        'sent_at', pando.rfc3339(m.sent_at))
$$;
