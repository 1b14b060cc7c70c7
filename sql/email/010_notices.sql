-- Email: providers over HTTP, and what they tell of messages.
--
-- What must stay true: a provider is believed of what it took alone; the same
-- notice counts once; in whatever order they come, states only rise.

ALTER TABLE email.providers DROP CONSTRAINT providers_kind_check,
      ADD CONSTRAINT providers_kind_check
      CHECK (kind IN ('capture', 'smtp', 'sendgrid', 'ses'));

CREATE OR REPLACE FUNCTION email.provider_doc(p email.providers) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT (jsonb_build_object('id', p.id, 'name', p.name, 'kind', p.kind,
        'host', NULL, 'port', NULL, 'tls', NULL, 'user', NULL,
        'base_url', NULL, 'region', NULL, 'events_key', NULL,
        'topic_arn', NULL, 'configuration_set', NULL) || p.config
        || jsonb_build_object('has_secret', p.secret_ct IS NOT NULL,
        'weight', p.weight, 'lanes', p.lanes, 'enabled', p.enabled,
        'failures', p.failures, 'last_error', p.last_error,
        'blocked_until', pando.rfc3339(p.blocked_until),
        'version', p.version, 'created_at', pando.rfc3339(p.created_at),
        'updated_at', pando.rfc3339(p.updated_at)))::json
$$;

-- What a provider tells: delivered, delayed, failed, complained, left.  What
-- it did; null: it never had that message.
CREATE FUNCTION email.notice(provider uuid, source text, message uuid,
    what text, class text, status text, diagnostic text)
RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    m email.messages;
    tag text;
BEGIN
    SELECT * INTO m FROM email.messages AS o
     WHERE o.id = notice.message AND o.provider_id = notice.provider FOR UPDATE;

    IF m.id IS NULL THEN
        RETURN NULL;
    END IF;

    IF NOT email.first_seen('notice ' || provider || ' ' || source) THEN
        RETURN 'known';
    END IF;

    tag := encode(m.verp, 'hex');

    RETURN CASE what
        WHEN 'complained' THEN email.complained(message, tag,
                                                coalesce(diagnostic, ''))
        WHEN 'left' THEN email.left_by_mail(message, tag)
        ELSE email.reported(message, tag, what, class, status, diagnostic)
        END;
END $$;

-- What a report did before its message was known to be sent, stays; that it
-- was sent is told all the same.
CREATE FUNCTION email.sent_late(m email.messages, ref text, code int,
    diagnostic text)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE email.messages AS o
       SET sent_at = clock_timestamp(),
           provider_ref = coalesce(ref, provider_ref)
     WHERE o.id = m.id;
    PERFORM email.note(m.tenant_id, m.id, 'accepted', code, NULL, diagnostic);
    PERFORM email.tell(m, 'email.sent', NULL);
END $$;

CREATE OR REPLACE FUNCTION email.record(tenant uuid, message uuid, n int,
    outcome text, code int, enhanced text, diagnostic text, class text,
    after_ms bigint, ref text, away text)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    m email.messages;
    at timestamptz;
    into_state text := outcome;
BEGIN
    SELECT * INTO m FROM email.messages AS o
     WHERE o.id = message AND o.tenant_id = tenant FOR UPDATE;

    IF m.state IN ('delivered', 'bounced') AND m.attempts = n
       AND m.sent_at IS NULL AND outcome = 'sent' THEN
        PERFORM email.sent_late(m, ref, code, diagnostic);
        RETURN true;
    END IF;

    IF m.id IS NULL OR m.state <> 'sending' OR m.attempts <> n THEN
        RETURN false;
    END IF;

    IF outcome = 'uncertain' AND m.provider = 'capture'
       OR outcome = 'uncertain' AND m.lane = 'transactional' AND m.unsure = 0
    THEN
        into_state := 'deferred';
    END IF;

    IF into_state = 'deferred' THEN
        at := clock_timestamp() + coalesce(after_ms * interval '1 ms',
              email.pause(m.attempts, random()));
        into_state := CASE WHEN at >= m.expires_at THEN 'failed'
                      ELSE 'deferred' END;
    END IF;

    UPDATE email.messages AS o
       SET state = into_state, lease_until = NULL,
           next_at = CASE WHEN into_state = 'deferred' THEN at
                     ELSE next_at END,
           unsure = unsure + (outcome = 'uncertain'
                              AND m.provider <> 'capture')::int,
           reason = CASE WHEN into_state = 'sent' THEN NULL
                    ELSE coalesce(class, diagnostic) END,
           provider_ref = coalesce(ref, provider_ref),
           sent_at = CASE WHEN into_state = 'sent'
                     THEN clock_timestamp() END
     WHERE o.id = message;

    PERFORM email.note(tenant, message, CASE outcome WHEN 'sent'
        THEN 'accepted' ELSE outcome END, code, enhanced, diagnostic);

    IF m.provider_id IS NOT NULL AND (away IS NOT NULL OR outcome = 'sent')
    THEN
        PERFORM email.provider_did(tenant, m.provider_id, away IS NULL, away,
                                   NULL);
    END IF;

    IF into_state = 'sent' THEN
        PERFORM email.tell(m, 'email.sent', NULL);

    ELSIF into_state = 'deferred' THEN
        PERFORM email.wake(tenant, m.lane, at);

    ELSIF into_state = 'bounced' THEN
        PERFORM email.bounce(m, class);

    ELSIF into_state = 'failed' AND outcome <> 'failed' THEN
        PERFORM email.note(tenant, message, 'failed', NULL, NULL,
                           'no more time is left for it');
    END IF;

    RETURN true;
END $$;
