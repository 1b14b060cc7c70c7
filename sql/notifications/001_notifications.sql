-- Notifications: from "something happened" to the right message, once.
--
-- What must stay true: a request and what it planned are one transaction; one
-- dedup key of a tenant is one request; one request is one delivery to each
-- user, channel and target; a user's counters change in the transaction of the
-- rows that they count, by as many as really changed.  Whoever plans for a user
-- or touches what is counted holds that user's row of counters first, users in
-- the order of their ids; so nobody waits for somebody who waits for him.

CREATE SCHEMA notifications;


-- What a tenant sends

CREATE TABLE notifications.categories (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id   uuid NOT NULL,
    key         text NOT NULL,
    title       jsonb NOT NULL,
    class       text NOT NULL,
    mandatory   boolean NOT NULL,
    channels    text[] NOT NULL,            -- on, unless somebody says no
    digestible  boolean NOT NULL,
    urgent      boolean NOT NULL,
    ttl_s       int,
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT categories_pkey PRIMARY KEY (id),
    CONSTRAINT categories_key_key UNIQUE (tenant_id, key),
    CONSTRAINT categories_class_check
        CHECK (class IN ('transactional', 'social', 'marketing'))
);

CREATE INDEX categories_by_tenant ON notifications.categories (tenant_id, id);

-- published: the number of the version that is sent; draft: of the one that is
-- being written.
CREATE TABLE notifications.templates (
    id          uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id   uuid NOT NULL,
    key         text NOT NULL,
    category    text NOT NULL,
    locale      text NOT NULL,              -- where a user's own is not there
    variables   jsonb NOT NULL,
    published   int,
    draft       int,
    latest      int NOT NULL DEFAULT 1,
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT templates_pkey PRIMARY KEY (id),
    CONSTRAINT templates_key_key UNIQUE (tenant_id, key),
    CONSTRAINT templates_category_fkey FOREIGN KEY (tenant_id, category)
        REFERENCES notifications.categories (tenant_id, key)
);

CREATE INDEX templates_by_tenant ON notifications.templates (tenant_id, id);
CREATE INDEX templates_by_category
    ON notifications.templates (tenant_id, category);

-- Versions stay as they were published.
CREATE TABLE notifications.template_versions (
    template_id  uuid NOT NULL,
    tenant_id    uuid NOT NULL,
    n            int NOT NULL,
    channel      text NOT NULL,
    locale       text NOT NULL,
    content      jsonb NOT NULL,
    state        text NOT NULL DEFAULT 'draft',

    CONSTRAINT template_versions_pkey
        PRIMARY KEY (template_id, n, channel, locale),
    CONSTRAINT template_versions_template_fkey FOREIGN KEY (template_id)
        REFERENCES notifications.templates ON DELETE CASCADE,
    CONSTRAINT template_versions_state_check
        CHECK (state IN ('draft', 'published', 'archived'))
);

CREATE UNIQUE INDEX template_versions_published
    ON notifications.template_versions (template_id, channel, locale)
 WHERE state = 'published';


-- To whom.  This stands in until there is a domain of users, who will then be
-- asked for all of it.
CREATE TABLE notifications.contacts (
    tenant_id   uuid NOT NULL,
    user_id     uuid NOT NULL,
    email       text,
    phone       text,
    locale      text,
    time_zone   text NOT NULL DEFAULT 'UTC',
    marketing   boolean NOT NULL DEFAULT false,     -- consent
    version     bigint NOT NULL DEFAULT 1,
    updated_at  timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT contacts_pkey PRIMARY KEY (tenant_id, user_id)
);

-- The nil user's are the tenant's own, for all who say nothing.
CREATE TABLE notifications.preferences (
    tenant_id  uuid NOT NULL,
    user_id    uuid NOT NULL,
    category   text NOT NULL,               -- or '*'
    channel    text NOT NULL,               -- or '*'
    value      text NOT NULL,

    CONSTRAINT preferences_pkey
        PRIMARY KEY (tenant_id, user_id, category, channel),
    CONSTRAINT preferences_value_check CHECK (value IN
        ('on', 'off', 'digest_hourly', 'digest_daily', 'digest_weekly'))
);


-- What was asked for, and what became of it.  Requests are kept 30 days,
-- deliveries 13 months, in a partition for each.
CREATE TABLE notifications.requests (
    id            uuid NOT NULL DEFAULT pando.uuid7(),
    tenant_id     uuid NOT NULL,
    dedup_key     text NOT NULL,
    source_event  uuid,
    template      text,                     -- null: the content was given
    category      text NOT NULL,
    class         text NOT NULL,
    channels      text[] NOT NULL,
    audience      jsonb NOT NULL,
    content       jsonb NOT NULL,           -- channel -> locale -> texts
    locale        text NOT NULL,
    data_ct       text NOT NULL,            -- its variables, encrypted
    group_key     text,
    object        text,
    actor_id      uuid,
    send_at       timestamptz,
    expires_at    timestamptz,
    state         text NOT NULL,
    recipients    bigint NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT requests_pkey PRIMARY KEY (id),
    CONSTRAINT requests_dedup_key UNIQUE (tenant_id, dedup_key),
    CONSTRAINT requests_state_check
        CHECK (state IN ('scheduled', 'planning', 'planned', 'canceled'))
);

CREATE INDEX requests_by_age ON notifications.requests (created_at);

CREATE TABLE notifications.deliveries (
    request_id    uuid NOT NULL,
    tenant_id     uuid NOT NULL,
    user_id       uuid NOT NULL,            -- nil: an address, nobody's
    channel       text NOT NULL,
    target        text NOT NULL,            -- a device, an address; in_app ''
    id            uuid NOT NULL DEFAULT pando.uuid7(),
    state         text NOT NULL,
    decided_by    text NOT NULL,
    reason        text,                     -- why it is not sent
    attempts      int NOT NULL DEFAULT 0,
    next_at       timestamptz,
    provider      text,
    provider_ref  text,
    error_code    text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    sent_at       timestamptz,
    delivered_at  timestamptz,
    opened_at     timestamptz,
    clicked_at    timestamptz,

    CONSTRAINT deliveries_pkey
        PRIMARY KEY (request_id, user_id, channel, target),
    CONSTRAINT deliveries_state_check CHECK (state IN ('planned', 'queued',
        'sent', 'delivered', 'opened', 'clicked', 'skipped', 'capped',
        'suppressed', 'expired', 'canceled', 'failed'))
) PARTITION BY RANGE (request_id);

CREATE TABLE notifications.deliveries_rest
    PARTITION OF notifications.deliveries DEFAULT;


-- The inbox, 400 days of it

CREATE TABLE notifications.notifications (
    tenant_id    uuid NOT NULL,
    user_id      uuid NOT NULL,
    id           uuid NOT NULL,
    sort_id      uuid NOT NULL,             -- a new one where its group grows
    request_id   uuid NOT NULL,             -- the latest of the group
    category     text NOT NULL,
    template     text,
    group_key    text,
    group_count  int NOT NULL DEFAULT 1,
    title        text NOT NULL,
    body         text NOT NULL,
    url          text,
    image        text,
    actions      jsonb NOT NULL,
    actor_ids    uuid[] NOT NULL,           -- the last ones, at most five
    object       text,
    seen_at      timestamptz,
    read_at      timestamptz,
    archived_at  timestamptz,
    pinned       boolean NOT NULL DEFAULT false,
    expires_at   timestamptz,
    version      bigint NOT NULL DEFAULT 1,

    CONSTRAINT notifications_pkey PRIMARY KEY (user_id, id)
) PARTITION BY RANGE (id);

CREATE TABLE notifications.notifications_rest
    PARTITION OF notifications.notifications DEFAULT;

CREATE INDEX notifications_inbox
    ON notifications.notifications (tenant_id, user_id, sort_id DESC)
 WHERE archived_at IS NULL;
CREATE INDEX notifications_unread
    ON notifications.notifications (tenant_id, user_id, sort_id DESC)
 WHERE archived_at IS NULL AND read_at IS NULL;
CREATE INDEX notifications_unseen
    ON notifications.notifications (tenant_id, user_id, sort_id DESC)
 WHERE archived_at IS NULL AND seen_at IS NULL;
CREATE INDEX notifications_over ON notifications.notifications (expires_at)
 WHERE archived_at IS NULL AND expires_at IS NOT NULL;

-- The unread row that the next one of its group joins.
CREATE TABLE notifications.open_groups (
    tenant_id        uuid NOT NULL,
    user_id          uuid NOT NULL,
    group_key        text NOT NULL,
    notification_id  uuid NOT NULL,

    CONSTRAINT open_groups_pkey PRIMARY KEY (tenant_id, user_id, group_key)
);

CREATE TABLE notifications.counters (
    tenant_id  uuid NOT NULL,
    user_id    uuid NOT NULL,
    unread     bigint NOT NULL DEFAULT 0,
    unseen     bigint NOT NULL DEFAULT 0,
    version    bigint NOT NULL DEFAULT 0,

    CONSTRAINT counters_pkey PRIMARY KEY (tenant_id, user_id),
    CONSTRAINT counters_unread_check CHECK (unread >= 0),
    CONSTRAINT counters_unseen_check CHECK (unseen >= 0)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);


-- Partitions by the time in the ids

-- The lowest UUIDv7 of a moment.
CREATE FUNCTION notifications.id_at(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$
    SELECT encode(substring(int8send((extract(epoch FROM at) * 1000)::bigint)
                            FROM 3) || '\x70008000000000000000', 'hex')::uuid
$$;

-- Months that are there or will soon begin; those that are over are dropped.
CREATE FUNCTION notifications.partitions(at timestamptz) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    t text;
    part text;
    kept interval;
    month timestamp;
    n int := 0;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('notifications'),
                                     hashtext('partitions')) THEN
        RETURN 0;
    END IF;

    FOREACH t IN ARRAY ARRAY['notifications', 'deliveries'] LOOP
        FOR i IN 0 .. 2 LOOP
            month := date_trunc('month', at AT TIME ZONE 'UTC')
                     + i * interval '1 month';
            part := t || '_' || to_char(month, 'YYYYMM');
            CONTINUE WHEN to_regclass('notifications.' || part) IS NOT NULL;
            EXECUTE format('CREATE TABLE notifications.%I PARTITION OF'
                ' notifications.%I FOR VALUES FROM (%L) TO (%L)', part, t,
                notifications.id_at(month AT TIME ZONE 'UTC'),
                notifications.id_at((month + interval '1 month')
                                    AT TIME ZONE 'UTC'));
            n := n + 1;
        END LOOP;

        kept := CASE t WHEN 'notifications' THEN interval '400 days'
                       ELSE interval '13 months' END;

        FOR part IN
            SELECT c.relname FROM pg_catalog.pg_inherits AS i
              JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
             WHERE i.inhparent = ('notifications.' || t)::regclass
               AND c.relname ~ '_\d{6}$'
               AND to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month'
                   < (at - kept) AT TIME ZONE 'UTC'
        LOOP
            EXECUTE format('DROP TABLE notifications.%I', part);
        END LOOP;
    END LOOP;

    RETURN n;
END $$;

SELECT notifications.partitions(now());


-- Documents

CREATE FUNCTION notifications.category_doc(c notifications.categories)
RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', c.id, 'key', c.key, 'title', c.title,
        'class', c.class, 'mandatory', c.mandatory, 'channels', c.channels,
        'digestible', c.digestible, 'urgent', c.urgent, 'ttl_s', c.ttl_s,
        'version', c.version, 'created_at', pando.rfc3339(c.created_at),
        'updated_at', pando.rfc3339(c.updated_at))
$$;

CREATE FUNCTION notifications.template_doc(t notifications.templates)
RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', t.id, 'key', t.key,
        'category', t.category, 'locale', t.locale,
        'variables', t.variables, 'published', t.published,
        'draft', t.draft, 'contents',
        (SELECT coalesce(json_agg(v.content ORDER BY v.channel, v.locale),
                         '[]')
           FROM notifications.template_versions AS v
          WHERE v.template_id = t.id AND v.n = coalesce(t.draft, t.published)),
        'version', t.version, 'created_at', pando.rfc3339(t.created_at),
        'updated_at', pando.rfc3339(t.updated_at))
$$;

-- It came when its sort_id says: the latest of its group.
CREATE FUNCTION notifications.id_time(id uuid) RETURNS timestamptz
LANGUAGE sql IMMUTABLE AS $$
    SELECT to_timestamp(('x0000' || encode(substring(uuid_send(id) FOR 6),
               'hex'))::bit(64)::bigint / 1000.0)
$$;

CREATE FUNCTION notifications.doc(n notifications.notifications) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', n.id, 'category', n.category,
        'template', n.template, 'group_key', n.group_key,
        'group_count', n.group_count, 'title', n.title, 'body', n.body,
        'url', n.url, 'image', n.image, 'actions', n.actions,
        'actor_ids', n.actor_ids, 'object', n.object,
        'at', pando.rfc3339(notifications.id_time(n.sort_id)),
        'seen_at', pando.rfc3339(n.seen_at),
        'read_at', pando.rfc3339(n.read_at),
        'archived_at', pando.rfc3339(n.archived_at), 'pinned', n.pinned,
        'expires_at', pando.rfc3339(n.expires_at), 'version', n.version)
$$;

CREATE FUNCTION notifications.counted(tenant uuid, who uuid) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('unread', coalesce(max(c.unread), 0),
        'unseen', coalesce(max(c.unseen), 0),
        'version', coalesce(max(c.version), 0))
      FROM notifications.counters AS c
     WHERE c.tenant_id = tenant AND c.user_id = who
$$;

CREATE FUNCTION notifications.request_doc(r notifications.requests)
RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', r.id, 'state', r.state,
        'dedup_key', r.dedup_key, 'template', r.template,
        'category', r.category, 'channels', r.channels,
        'recipients', r.recipients, 'send_at', pando.rfc3339(r.send_at),
        'expires_at', pando.rfc3339(r.expires_at),
        'created_at', pando.rfc3339(r.created_at),
        'counts', (SELECT coalesce(json_agg(json_build_object('channel',
                s.channel, 'state', s.state, 'reason', s.reason,
                'n', s.n) ORDER BY s.channel, s.state, s.reason), '[]')
            FROM (SELECT d.channel, d.state, d.reason, count(*) AS n
                    FROM notifications.deliveries AS d
                   WHERE d.request_id = r.id AND d.tenant_id = r.tenant_id
                   GROUP BY 1, 2, 3) AS s),
        'deliveries', (SELECT coalesce(json_agg(json_build_object('id', d.id,
                'user_id', nullif(d.user_id,
                    '00000000-0000-0000-0000-000000000000'),
                'channel', d.channel, 'state', d.state, 'reason', d.reason,
                'decided_by', d.decided_by, 'attempts', d.attempts,
                'next_at', pando.rfc3339(d.next_at),
                'provider', d.provider, 'error_code', d.error_code)
                ORDER BY d.user_id, d.channel, d.target), '[]')
            FROM (SELECT * FROM notifications.deliveries AS d
                   WHERE d.request_id = r.id AND d.tenant_id = r.tenant_id
                   ORDER BY d.user_id, d.channel, d.target
                   LIMIT 100) AS d))
$$;


-- Rules: they look at nothing but what they are given

-- What a user's word on a channel comes to, and whose word it was.  own and
-- house are four values each, the most specific first: of the category and the
-- channel, of the category, of the channel, of all.
CREATE FUNCTION notifications.decide(mandatory boolean, marketing boolean,
    consent boolean, own text[], house text[], usual boolean,
    OUT value text, OUT source text)
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    names text[] := ARRAY['category_channel', 'category', 'channel', 'all'];
BEGIN
    IF mandatory THEN
        value := 'on';
        source := 'mandatory';
        RETURN;
    END IF;

    IF marketing AND consent IS NOT TRUE THEN
        value := 'off';
        source := 'no_consent';
        RETURN;
    END IF;

    FOR i IN 1 .. 4 LOOP
        IF own[i] IS NOT NULL THEN
            value := own[i];
            source := names[i];
            RETURN;
        END IF;
    END LOOP;

    value := coalesce(house[1], house[2], house[3], house[4]);
    source := 'tenant';

    IF value IS NULL THEN
        value := CASE WHEN usual THEN 'on' ELSE 'off' END;
        source := 'default';
    END IF;
END $$;

-- Whether there is a time zone of that name.
CREATE FUNCTION notifications.zone_known(name text) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF name !~ '^[A-Z][A-Za-z_]*(/[A-Za-z0-9_+-]+)*$' THEN
        RETURN false;
    END IF;

    PERFORM now() AT TIME ZONE name;
    RETURN true;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN false;
END $$;

-- Of locale -> texts, those of a locale: its own, its language's, the one that
-- stands in, any.
CREATE FUNCTION notifications.worded(texts jsonb, locale text, otherwise text)
RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(texts -> locale, texts -> split_part(locale, '-', 1),
                    texts -> otherwise,
                    (SELECT e.value FROM jsonb_each(texts) AS e
                      ORDER BY e.key LIMIT 1))
$$;


-- Planning

-- The word of a user, or of the house, on a channel of a category.
CREATE FUNCTION notifications.word_of(tenant uuid, who uuid, of text,
    by_channel text)
RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT ARRAY[
        max(p.value) FILTER (WHERE p.category = of AND p.channel = by_channel),
        max(p.value) FILTER (WHERE p.category = of AND p.channel = '*'),
        max(p.value) FILTER (WHERE p.category = '*' AND p.channel = by_channel),
        max(p.value) FILTER (WHERE p.category = '*' AND p.channel = '*')]
      FROM notifications.preferences AS p
     WHERE p.tenant_id = tenant AND p.user_id = who
       AND p.category IN (of, '*') AND p.channel IN (by_channel, '*')
$$;

-- Into the inbox of a user whose counters are held: a row, or one more in the
-- unread row of its group.  Returns the row's id.
CREATE FUNCTION notifications.put(r notifications.requests, who uuid,
    texts jsonb)
RETURNS uuid LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    what uuid;
    newer uuid := pando.uuid7();
    unseen_by int := 1;
    n notifications.notifications;
    c notifications.counters;
BEGIN
    IF r.group_key IS NOT NULL THEN
        SELECT g.notification_id INTO what FROM notifications.open_groups AS g
         WHERE g.tenant_id = r.tenant_id AND g.user_id = who
           AND g.group_key = r.group_key;
    END IF;

    IF what IS NOT NULL THEN
        SELECT * INTO n FROM notifications.notifications AS o
         WHERE o.user_id = who AND o.id = what AND o.tenant_id = r.tenant_id
           AND o.read_at IS NULL AND o.archived_at IS NULL
           FOR UPDATE;
    END IF;

    IF n.id IS NOT NULL THEN
        unseen_by := CASE WHEN n.seen_at IS NULL THEN 0 ELSE 1 END;

        UPDATE notifications.notifications AS o
           SET sort_id = newer, request_id = r.id,
               group_count = group_count + 1,
               title = texts ->> 'title', body = coalesce(texts ->> 'body', ''),
               url = texts ->> 'url', image = texts ->> 'image',
               actions = coalesce(texts -> 'actions', '[]'),
               actor_ids = CASE WHEN r.actor_id IS NULL THEN actor_ids ELSE
                   (r.actor_id || array_remove(actor_ids, r.actor_id))[1:5] END,
               seen_at = NULL, expires_at = r.expires_at,
               version = version + 1
         WHERE o.user_id = who AND o.id = what;
    ELSE
        what := newer;

        INSERT INTO notifications.notifications (tenant_id, user_id, id,
               sort_id, request_id, category, template, group_key, title,
               body, url, image, actions, actor_ids, object, expires_at)
        VALUES (r.tenant_id, who, what, what, r.id, r.category, r.template,
                r.group_key, texts ->> 'title',
                coalesce(texts ->> 'body', ''), texts ->> 'url',
                texts ->> 'image', coalesce(texts -> 'actions', '[]'),
                CASE WHEN r.actor_id IS NULL THEN '{}'
                     ELSE ARRAY[r.actor_id] END, r.object, r.expires_at);

        IF r.group_key IS NOT NULL THEN
            INSERT INTO notifications.open_groups
            VALUES (r.tenant_id, who, r.group_key, what)
            ON CONFLICT ON CONSTRAINT open_groups_pkey
            DO UPDATE SET notification_id = excluded.notification_id;
        END IF;
    END IF;

    UPDATE notifications.counters AS o
       SET unread = unread + CASE WHEN n.id IS NULL THEN 1 ELSE 0 END,
           unseen = unseen + unseen_by, version = version + 1
     WHERE o.tenant_id = r.tenant_id AND o.user_id = who
    RETURNING * INTO c;

    PERFORM pando.emit(r.tenant_id, 'notification.created', 1, what,
        jsonb_build_object('id', what, 'user_id', who, 'category', r.category,
            'title', texts ->> 'title', 'unread', c.unread,
            'unseen', c.unseen, 'version', c.version));

    RETURN what;
END $$;

-- The counters of these users, held to the end of the transaction.
CREATE FUNCTION notifications.hold(tenant uuid, who uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO notifications.counters (tenant_id, user_id)
    SELECT tenant, u FROM unnest(who) AS u GROUP BY u ORDER BY u
    ON CONFLICT ON CONSTRAINT counters_pkey DO NOTHING;

    PERFORM FROM notifications.counters AS c
      WHERE c.tenant_id = tenant AND c.user_id = ANY (who)
      ORDER BY c.user_id FOR UPDATE;
END $$;

-- Deliveries of a request to some users.  What was planned is not planned
-- again, so that it can be told to whom it was told before.
CREATE FUNCTION notifications.plan(request uuid, who uuid[]) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    r notifications.requests;
    c notifications.categories;
    o notifications.contacts;
    w record;
    u uuid;
    by_channel text;
    n int := 0;
BEGIN
    SELECT * INTO r FROM notifications.requests AS q WHERE q.id = request;
    SELECT * INTO c FROM notifications.categories AS q
     WHERE q.tenant_id = r.tenant_id AND q.key = r.category;
    PERFORM notifications.hold(r.tenant_id, who);

    FOR u IN SELECT v FROM unnest(who) AS v GROUP BY v ORDER BY v LOOP
        SELECT * INTO o FROM notifications.contacts AS q
         WHERE q.tenant_id = r.tenant_id AND q.user_id = u;
        n := n + 1;

        FOREACH by_channel IN ARRAY r.channels LOOP
            w := notifications.decide(coalesce(c.mandatory, false),
                r.class = 'marketing', o.marketing,
                notifications.word_of(r.tenant_id, u, r.category, by_channel),
                notifications.word_of(r.tenant_id,
                    '00000000-0000-0000-0000-000000000000', r.category,
                    by_channel),
                coalesce(by_channel = ANY (c.channels), true));

            INSERT INTO notifications.deliveries (request_id, tenant_id,
                   user_id, channel, target, state, decided_by, reason,
                   delivered_at)
            VALUES (r.id, r.tenant_id, u, by_channel, '',
                    CASE WHEN w.value = 'off' THEN 'skipped'
                         ELSE 'delivered' END, w.source,
                    CASE WHEN w.value = 'off' THEN 'preference' END,
                    CASE WHEN w.value <> 'off' THEN clock_timestamp() END)
            ON CONFLICT DO NOTHING;

            IF FOUND AND w.value <> 'off' THEN
                PERFORM notifications.put(r, u, notifications.worded(
                    r.content -> by_channel, o.locale, r.locale));
            END IF;
        END LOOP;
    END LOOP;

    UPDATE notifications.requests AS q
       SET recipients = recipients + n WHERE q.id = request;
    RETURN n;
END $$;


-- Reading

-- What a user says of one of them; null members are left as they are.  Returns
-- false where there is none.
CREATE FUNCTION notifications.mark(tenant uuid, who uuid, what uuid,
    is_read boolean, is_seen boolean, is_archived boolean, is_pinned boolean)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    n notifications.notifications;
    m notifications.notifications;
    c notifications.counters;
    at timestamptz := clock_timestamp();
BEGIN
    PERFORM notifications.hold(tenant, ARRAY[who]);

    SELECT * INTO n FROM notifications.notifications AS o
     WHERE o.tenant_id = tenant AND o.user_id = who AND o.id = what
       FOR UPDATE;

    IF NOT FOUND THEN
        RETURN false;
    END IF;

    m := n;
    m.read_at := CASE WHEN is_read THEN coalesce(n.read_at, at)
                      WHEN NOT is_read THEN NULL ELSE n.read_at END;
    m.seen_at := CASE WHEN is_seen OR m.read_at IS NOT NULL
                      THEN coalesce(n.seen_at, at)
                      WHEN NOT is_seen THEN NULL ELSE n.seen_at END;
    m.archived_at := CASE WHEN is_archived THEN coalesce(n.archived_at, at)
                          WHEN NOT is_archived THEN NULL
                          ELSE n.archived_at END;
    m.pinned := coalesce(is_pinned, n.pinned);

    IF m IS NOT DISTINCT FROM n THEN
        RETURN true;
    END IF;

    UPDATE notifications.notifications AS o
       SET read_at = m.read_at, seen_at = m.seen_at,
           archived_at = m.archived_at, pinned = m.pinned,
           version = version + 1
     WHERE o.user_id = who AND o.id = what;

    UPDATE notifications.counters AS o
       SET unread = unread
               + (m.read_at IS NULL AND m.archived_at IS NULL)::int
               - (n.read_at IS NULL AND n.archived_at IS NULL)::int,
           unseen = unseen
               + (m.seen_at IS NULL AND m.archived_at IS NULL)::int
               - (n.seen_at IS NULL AND n.archived_at IS NULL)::int,
           version = version + 1
     WHERE o.tenant_id = tenant AND o.user_id = who
    RETURNING * INTO c;

    IF m.read_at IS NOT NULL OR m.archived_at IS NOT NULL THEN
        DELETE FROM notifications.open_groups AS g
         WHERE g.tenant_id = tenant AND g.user_id = who
           AND g.group_key = n.group_key AND g.notification_id = what;
    END IF;

    IF n.read_at IS NULL AND m.read_at IS NOT NULL THEN
        PERFORM pando.emit(tenant, 'notification.read', 1, what,
            jsonb_build_object('id', what, 'user_id', who, 'count', 1,
                'unread', c.unread, 'unseen', c.unseen,
                'version', c.version));
    END IF;

    RETURN true;
END $$;

-- All that came before then, of a category or of all.
CREATE FUNCTION notifications.read_all(tenant uuid, who uuid,
    before timestamptz, of text)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    limit_id uuid := notifications.id_at(before);
    n_unread int;
    n_unseen int;
    c notifications.counters;
BEGIN
    PERFORM notifications.hold(tenant, ARRAY[who]);

    WITH hit AS (
        SELECT o.id, o.seen_at IS NULL AS unseen, o.group_key
          FROM notifications.notifications AS o
         WHERE o.tenant_id = tenant AND o.user_id = who
           AND o.archived_at IS NULL AND o.read_at IS NULL
           AND o.sort_id < limit_id
           AND (of IS NULL OR o.category = of)
    ), changed AS (
        UPDATE notifications.notifications AS o
           SET read_at = clock_timestamp(),
               seen_at = coalesce(seen_at, clock_timestamp()),
               version = version + 1
         WHERE o.user_id = who AND o.id IN (SELECT h.id FROM hit AS h)
        RETURNING o.id
    ), closed AS (
        DELETE FROM notifications.open_groups AS g
         USING hit AS h
         WHERE g.tenant_id = tenant AND g.user_id = who
           AND g.group_key = h.group_key AND g.notification_id = h.id
    )
    SELECT count(*), count(*) FILTER (WHERE h.unseen)
      INTO n_unread, n_unseen
      FROM hit AS h JOIN changed AS x ON x.id = h.id;

    IF n_unread > 0 THEN
        UPDATE notifications.counters AS o
           SET unread = unread - n_unread, unseen = unseen - n_unseen,
               version = version + 1
         WHERE o.tenant_id = tenant AND o.user_id = who
        RETURNING * INTO c;

        PERFORM pando.emit(tenant, 'notification.read', 1, who,
            jsonb_build_object('id', NULL, 'user_id', who,
                'count', n_unread, 'unread', c.unread, 'unseen', c.unseen,
                'version', c.version));
    END IF;
END $$;

-- A recount heals counters that are not what they count; returns how many.
CREATE FUNCTION notifications.recount(tenant uuid, who uuid[]) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    n int;
BEGIN
    PERFORM notifications.hold(tenant, who);

    UPDATE notifications.counters AS c
       SET unread = t.unread, unseen = t.unseen, version = c.version + 1
      FROM (SELECT u, count(o.id) FILTER (WHERE o.read_at IS NULL) AS unread,
                   count(o.id) FILTER (WHERE o.seen_at IS NULL) AS unseen
              FROM unnest(who) AS u
              LEFT JOIN notifications.notifications AS o
                ON o.tenant_id = tenant AND o.user_id = u
               AND o.archived_at IS NULL
               AND (o.read_at IS NULL OR o.seen_at IS NULL)
             GROUP BY u) AS t
     WHERE c.tenant_id = tenant AND c.user_id = t.u
       AND (c.unread, c.unseen) IS DISTINCT FROM (t.unread, t.unseen);
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$;
