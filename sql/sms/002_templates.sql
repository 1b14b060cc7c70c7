-- SMS: templates, in languages, drafted and published.
--
-- What must stay true: of a template and language there is one published text
-- and at most one draft; a message says which version it was made of.

CREATE TABLE sms.templates (
    id            uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id     uuid NOT NULL,
    key           text NOT NULL,
    description   text,
    max_segments  smallint,
    published     int NOT NULL DEFAULT 0,       -- the version that is
    version       bigint NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT templates_pkey PRIMARY KEY (id),
    CONSTRAINT templates_key_key UNIQUE (tenant_id, key),
    CONSTRAINT templates_segments_check CHECK (max_segments BETWEEN 1 AND 10)
);

CREATE TABLE sms.template_versions (
    id           uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id    uuid NOT NULL,
    template_id  uuid NOT NULL,
    n            int,                           -- null: a draft
    locale       text NOT NULL,
    body         text NOT NULL,
    state        text NOT NULL DEFAULT 'draft',
    created_at   timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT template_versions_pkey PRIMARY KEY (id),
    CONSTRAINT template_versions_template_fkey FOREIGN KEY (template_id)
        REFERENCES sms.templates ON DELETE CASCADE,
    CONSTRAINT template_versions_state_check
        CHECK (state IN ('draft', 'published', 'retired'))
);

CREATE UNIQUE INDEX template_versions_published
    ON sms.template_versions (template_id, locale) WHERE state = 'published';
CREATE UNIQUE INDEX template_versions_draft
    ON sms.template_versions (template_id, locale) WHERE state = 'draft';
CREATE INDEX template_versions_by_template
    ON sms.template_versions (template_id, locale);

ALTER TABLE sms.messages
    ADD COLUMN template text,
    ADD COLUMN template_version int;

CREATE OR REPLACE FUNCTION sms.doc(m sms.messages) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', m.id, 'lane', m.lane, 'to', m.to_e164,
        'country', m.country, 'sender', m.sender, 'template', m.template,
        'template_version', m.template_version, 'encoding', m.encoding,
        'segments', m.segments, 'state', m.state, 'reason', m.reason,
        'attempts', m.attempts, 'unsure', m.unsure,
        'send_at', CASE WHEN m.state = 'scheduled'
                   THEN pando.rfc3339(m.next_at) END,
        'ttl_at', pando.rfc3339(m.ttl_at), 'version', m.version,
        'created_at', pando.rfc3339(m.created_at))
$$;

-- Volatile: a statement that writes drafts shows them.
CREATE FUNCTION sms.bodies(template uuid, which text) RETURNS jsonb
LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(jsonb_object_agg(v.locale, v.body), '{}')
      FROM sms.template_versions AS v
     WHERE v.template_id = template AND v.state = which
$$;

CREATE FUNCTION sms.template_doc(t sms.templates) RETURNS jsonb
LANGUAGE sql VOLATILE AS $$
    SELECT jsonb_build_object('id', t.id, 'key', t.key,
        'description', t.description, 'max_segments', t.max_segments,
        'draft', sms.bodies(t.id, 'draft'),
        'published', sms.bodies(t.id, 'published'),
        'published_version', nullif(t.published, 0), 'version', t.version,
        'created_at', pando.rfc3339(t.created_at),
        'updated_at', pando.rfc3339(t.updated_at))
$$;

-- Languages that are named replace their drafts; null takes one away.
CREATE FUNCTION sms.draft(t sms.templates, bodies jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    b record;
BEGIN
    FOR b IN SELECT o.key AS locale, o.value AS body
               FROM jsonb_each_text(bodies) AS o
    LOOP
        DELETE FROM sms.template_versions AS v
         WHERE v.template_id = t.id AND v.locale = b.locale
           AND v.state = 'draft';

        IF b.body IS NOT NULL THEN
            INSERT INTO sms.template_versions (tenant_id, template_id, locale,
                   body)
            VALUES (t.tenant_id, t.id, b.locale, b.body);
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION sms.template_add(tenant uuid, key text, description text,
    max_segments int, bodies jsonb)
RETURNS SETOF sms.templates LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    t sms.templates;
BEGIN
    INSERT INTO sms.templates (tenant_id, key, description, max_segments)
    VALUES (tenant, template_add.key, template_add.description,
            template_add.max_segments)
    RETURNING * INTO t;
    PERFORM sms.draft(t, bodies);
    RETURN NEXT t;
END $$;

CREATE FUNCTION sms.template_change(tenant uuid, template uuid,
    description text, max_segments int, bodies jsonb)
RETURNS SETOF sms.templates LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    t sms.templates;
BEGIN
    UPDATE sms.templates AS o
       SET description = coalesce(template_change.description, o.description),
           max_segments = coalesce(template_change.max_segments,
                                   o.max_segments),
           version = o.version + 1, updated_at = now()
     WHERE o.id = template AND o.tenant_id = tenant
    RETURNING * INTO t;
    PERFORM sms.draft(t, bodies);
    RETURN NEXT t;
END $$;

-- Drafts become what is sent, as one version; nothing where there is none.
CREATE FUNCTION sms.template_publish(tenant uuid, template uuid)
RETURNS SETOF sms.templates LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    t sms.templates;
BEGIN
    IF NOT EXISTS (SELECT FROM sms.template_versions AS v
                    WHERE v.template_id = template AND v.tenant_id = tenant
                      AND v.state = 'draft')
    THEN
        RETURN;
    END IF;

    UPDATE sms.templates AS o
       SET published = o.published + 1, version = o.version + 1,
           updated_at = now()
     WHERE o.id = template AND o.tenant_id = tenant
    RETURNING * INTO t;

    UPDATE sms.template_versions AS v SET state = 'retired'
     WHERE v.template_id = template AND v.state = 'published'
       AND v.locale IN (SELECT d.locale FROM sms.template_versions AS d
                         WHERE d.template_id = template AND d.state = 'draft');
    UPDATE sms.template_versions AS v SET state = 'published', n = t.published
     WHERE v.template_id = template AND v.state = 'draft';

    RETURN NEXT t;
END $$;

-- The text for a language: itself, its language without a region, English, or
-- whatever there is.
CREATE FUNCTION sms.wording(tenant uuid, key text, locale text, which text)
RETURNS SETOF sms.template_versions LANGUAGE sql STABLE AS $$
    SELECT v.*
      FROM sms.templates AS t
      JOIN sms.template_versions AS v
        ON v.template_id = t.id AND v.state = wording.which
     WHERE t.tenant_id = tenant AND t.key = wording.key
     ORDER BY v.locale = wording.locale DESC,
              v.locale = split_part(wording.locale, '-', 1) DESC,
              v.locale = 'en' DESC, v.locale
     LIMIT 1
$$;

-- What would be sent, were it published now.
CREATE FUNCTION sms.drafts(tenant uuid, key text)
RETURNS TABLE (locale text, body text, max_segments int)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    t sms.templates;
BEGIN
    SELECT * INTO t FROM sms.templates AS o
     WHERE o.tenant_id = tenant AND o.key = drafts.key;

    RETURN QUERY
    SELECT DISTINCT ON (v.locale) v.locale, v.body, t.max_segments::int
      FROM sms.template_versions AS v
     WHERE v.template_id = t.id AND v.state IN ('draft', 'published')
     ORDER BY v.locale, v.state;
END $$;

CREATE OR REPLACE FUNCTION sms.accept(tenant uuid, items jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    i jsonb;
    m sms.messages;
    own uuid;
    at timestamptz;
    out jsonb := '[]';
BEGIN
    FOR i IN SELECT o.value FROM jsonb_array_elements(items)
                  WITH ORDINALITY AS o (value, n) ORDER BY o.n
    LOOP
        own := pando.uuid7();

        IF i ? 'dedup_key' THEN
            INSERT INTO sms.message_keys (tenant_id, dedup_key, message_id)
            VALUES (tenant, i->>'dedup_key', own)
            ON CONFLICT ON CONSTRAINT message_keys_pkey DO NOTHING;

            IF NOT FOUND THEN
                SELECT o.* INTO m
                  FROM sms.message_keys AS k
                  JOIN sms.messages AS o ON o.id = k.message_id
                 WHERE k.tenant_id = tenant AND k.dedup_key = i->>'dedup_key';
                out := out || jsonb_build_array(sms.taken(m));
                CONTINUE;
            END IF;
        END IF;

        at := greatest((i->>'send_at')::timestamptz, clock_timestamp());

        INSERT INTO sms.messages (id, tenant_id, lane, to_e164, country,
               sender, body_ct, encoding, segments, template,
               template_version, state, next_at, ttl_at)
        VALUES (own, tenant, i->>'lane', i->>'to', i->>'country',
               i->>'sender', i->>'body_ct', i->>'encoding',
               (i->>'segments')::int, i->>'template',
               (i->>'template_version')::int,
               CASE WHEN (i->>'send_at')::timestamptz > clock_timestamp()
               THEN 'scheduled' ELSE 'queued' END,
               at, at + (i->>'ttl_s')::bigint * interval '1 s')
        RETURNING * INTO m;

        INSERT INTO sms.log (tenant_id, message_id, kind)
        VALUES (tenant, own, 'queued');
        PERFORM sms.wake(tenant, m.lane, own, at);
        out := out || jsonb_build_array(sms.taken(m));
    END LOOP;

    RETURN out;
END $$;
