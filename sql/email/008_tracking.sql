-- Email: who opened a mail and followed which of its links, and what became
-- of many.
--
-- What must stay true: a link leads where the mail said and nowhere else; what
-- a machine does is kept apart from what people do.

CREATE TABLE email.links (
    id         uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id  uuid NOT NULL,
    hash       bytea NOT NULL,
    url        text NOT NULL,

    CONSTRAINT links_pkey PRIMARY KEY (id),
    CONSTRAINT links_hash_key UNIQUE (tenant_id, hash)
);

ALTER TABLE email.events ADD COLUMN link_id uuid, ADD COLUMN agent text;

CREATE INDEX events_by_tenant ON email.events (tenant_id, id);

CREATE OR REPLACE FUNCTION email.events_doc(message uuid) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT coalesce(json_agg(json_build_object('kind', e.kind,
        'code', e.code, 'enhanced_code', e.enhanced,
        'diagnostic', e.diagnostic, 'url', l.url, 'agent', e.agent,
        'at', pando.rfc3339(e.at)) ORDER BY e.id), '[]')
      FROM email.events AS e
      LEFT JOIN email.links AS l ON l.id = e.link_id
     WHERE e.message_id = message
$$;

-- The ids of these, in their order.
CREATE FUNCTION email.link_ids(tenant uuid, urls text[]) RETURNS uuid[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    ids uuid[];
BEGIN
    SELECT array_agg(l.id ORDER BY u.n) INTO ids
      FROM unnest(urls) WITH ORDINALITY AS u (url, n)
      LEFT JOIN email.links AS l ON l.tenant_id = tenant
            AND l.hash = sha256(convert_to(u.url, 'UTF8'));

    IF array_position(ids, NULL) IS NULL THEN
        RETURN ids;
    END IF;

    INSERT INTO email.links (tenant_id, hash, url)
    SELECT DISTINCT tenant, sha256(convert_to(u, 'UTF8')), u
      FROM unnest(urls) AS u ORDER BY 2
    ON CONFLICT DO NOTHING;

    SELECT array_agg(l.id ORDER BY u.n) INTO ids
      FROM unnest(urls) WITH ORDINALITY AS u (url, n)
      JOIN email.links AS l ON l.tenant_id = tenant
           AND l.hash = sha256(convert_to(u.url, 'UTF8'));
    RETURN ids;
END $$;

-- A mail was opened, or a link of it followed; what is noted of that.  Within
-- two seconds of being sent it was no person.
CREATE FUNCTION email.track(tenant uuid, message uuid, link uuid,
    clicked boolean, machine boolean, agent text)
RETURNS text LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    m email.messages;
    what text;
    quick boolean;
BEGIN
    SELECT * INTO m FROM email.messages AS o
     WHERE o.id = message AND o.tenant_id = tenant FOR NO KEY UPDATE;

    IF m.id IS NULL THEN
        RETURN 'gone';
    END IF;

    quick := coalesce(m.sent_at, clock_timestamp())
             > clock_timestamp() - interval '2 s';
    what := CASE WHEN clicked THEN CASE WHEN machine OR quick
                 THEN 'bot_clicked' ELSE 'clicked' END
            WHEN machine OR quick THEN 'machine_opened' ELSE 'opened' END;

    IF what IN ('opened', 'clicked') AND NOT EXISTS (
        SELECT FROM email.events AS e
         WHERE e.message_id = m.id AND e.kind = what) THEN
        PERFORM email.tell(m, 'email.' || what, NULL);
    END IF;

    IF (SELECT count(*) FROM email.events AS e
         WHERE e.message_id = m.id) < 200 THEN
        INSERT INTO email.events (tenant_id, message_id, kind, link_id, agent)
        VALUES (tenant, m.id, what, track.link, track.agent);
    END IF;

    RETURN what;
END $$;


-- Many

-- Messages since then, by what they have in common; what happened counts once
-- for each message.
CREATE FUNCTION email.analytics(tenant uuid, by_what text, since timestamptz,
    until timestamptz)
RETURNS TABLE (key text, messages bigint, sent bigint, delivered bigint,
    bounced bigint, failed bigint, uncertain bigint, complained bigint,
    unsubscribed bigint, opened bigint, clicked bigint,
    machine_opened bigint, bot_clicked bigint)
LANGUAGE sql STABLE AS $$
    SELECT x.key, count(*), count(*) FILTER (WHERE x.sent_at IS NOT NULL),
           count(*) FILTER (WHERE x.state = 'delivered'),
           count(*) FILTER (WHERE x.state = 'bounced'),
           count(*) FILTER (WHERE x.state IN ('failed', 'expired')),
           count(*) FILTER (WHERE x.state = 'uncertain'),
           count(*) FILTER (WHERE 'complained' = ANY (x.kinds)),
           count(*) FILTER (WHERE 'unsubscribed' = ANY (x.kinds)),
           count(*) FILTER (WHERE 'opened' = ANY (x.kinds)),
           count(*) FILTER (WHERE 'clicked' = ANY (x.kinds)),
           count(*) FILTER (WHERE 'machine_opened' = ANY (x.kinds)),
           count(*) FILTER (WHERE 'bot_clicked' = ANY (x.kinds))
      FROM (SELECT m.state, m.sent_at,
                   CASE by_what WHEN 'campaign' THEN m.campaign_id::text
                   WHEN 'template' THEN m.template_version_id::text
                   WHEN 'provider' THEN m.provider
                   WHEN 'domain' THEN split_part(m.to_norm, '@', 2)
                   ELSE pando.rfc3339(date_trunc('hour', m.created_at, 'UTC'))
                   END AS key,
                   ARRAY(SELECT e.kind FROM email.events AS e
                          WHERE e.message_id = m.id) AS kinds
              FROM email.messages AS m
             WHERE m.tenant_id = tenant AND m.created_at >= since
               AND m.created_at < until) AS x
     WHERE x.key IS NOT NULL
     GROUP BY x.key ORDER BY count(*) DESC, x.key LIMIT 1000
$$;
