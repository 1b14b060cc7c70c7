-- What users want, and how they are reached.

-- name: preferences(whose uuid) -> json
SELECT json_build_object('data', coalesce(json_agg(json_build_object(
           'category', p.category, 'channel', p.channel, 'value', p.value)
           ORDER BY p.category, p.channel), '[]'))
  FROM notifications.preferences AS p
 WHERE p.tenant_id = :tenant AND p.user_id = :whose;

-- name: preferences_lock(whose uuid) -> none
-- lane: writes
SELECT notifications.hold(:tenant, ARRAY[:whose]::uuid[]);

-- name: preferences_clear(whose uuid) -> none
DELETE FROM notifications.preferences AS p
 WHERE p.tenant_id = :tenant AND p.user_id = :whose;

-- name: preferences_set(whose uuid, prefs jsonb) -> none
INSERT INTO notifications.preferences (tenant_id, user_id, category, channel,
       value)
SELECT :tenant, :whose, e.value ->> 'category', e.value ->> 'channel',
       e.value ->> 'value'
  FROM jsonb_array_elements(:prefs) AS e;

-- name: categories_mandatory(keys text[]) -> text?
-- One of these that nobody can refuse.
SELECT c.key FROM notifications.categories AS c
 WHERE c.tenant_id = :tenant AND c.key = ANY (:keys) AND c.mandatory
 ORDER BY c.key LIMIT 1;

-- name: contact() -> json?
SELECT json_build_object('email', o.email, 'phone', o.phone,
       'locale', o.locale, 'time_zone', o.time_zone,
       'marketing', o.marketing, 'version', o.version), o.version
  FROM notifications.contacts AS o
 WHERE o.tenant_id = :tenant AND o.user_id = :user;

-- name: contact_put(email text?, phone text?, locale text?, time_zone text,
--       marketing bool) -> json
INSERT INTO notifications.contacts AS o (tenant_id, user_id, email, phone,
       locale, time_zone, marketing)
VALUES (:tenant, :user, :email, :phone, :locale, :time_zone, :marketing)
ON CONFLICT ON CONSTRAINT contacts_pkey DO UPDATE
   SET email = excluded.email, phone = excluded.phone,
       locale = excluded.locale, time_zone = excluded.time_zone,
       marketing = excluded.marketing, version = o.version + 1,
       updated_at = now()
RETURNING json_build_object('email', o.email, 'phone', o.phone,
       'locale', o.locale, 'time_zone', o.time_zone,
       'marketing', o.marketing, 'version', o.version), o.version;

-- name: zone_known(name text) -> bool
SELECT notifications.zone_known(:name);

-- name: schedule() -> json?
SELECT notifications.schedule_doc(s), s.version
  FROM notifications.schedules AS s
 WHERE s.tenant_id = :tenant AND s.user_id = :user;

-- name: schedule_put(quiet_from text?, quiet_to text?, days bigint[],
--       digest_at text?, dnd_until timestamptz?) -> json
INSERT INTO notifications.schedules AS s (tenant_id, user_id, quiet_from,
       quiet_to, days, digest_at, dnd_until)
VALUES (:tenant, :user, :quiet_from::text::time, :quiet_to::text::time,
        :days::int[], :digest_at::text::time, :dnd_until)
ON CONFLICT ON CONSTRAINT schedules_pkey DO UPDATE
   SET quiet_from = excluded.quiet_from, quiet_to = excluded.quiet_to,
       days = excluded.days, digest_at = excluded.digest_at,
       dnd_until = excluded.dnd_until, version = s.version + 1
RETURNING notifications.schedule_doc(s), s.version;

-- name: left(whose uuid, category text, channel text) -> json
SELECT json_build_object('category', :category::text,
       'channel', :channel::text, 'subscribed', NOT EXISTS (
           SELECT FROM notifications.preferences AS p
            WHERE p.tenant_id = :tenant AND p.user_id = :whose
              AND p.category = :category AND p.channel = :channel
              AND p.value = 'off'));

-- name: leave(whose uuid, category text, channel text) -> none
INSERT INTO notifications.preferences AS p (tenant_id, user_id, category,
       channel, value)
VALUES (:tenant, :whose, :category, :channel, 'off')
ON CONFLICT ON CONSTRAINT preferences_pkey DO UPDATE SET value = 'off';

-- name: counters(whose uuid) -> row? notifications_counters
-- row: unread bigint, unseen bigint
SELECT c.unread, c.unseen FROM notifications.counters AS c
 WHERE c.tenant_id = :tenant AND c.user_id = :whose;

-- name: contact_version() -> bigint?
-- lane: writes
SELECT o.version FROM notifications.contacts AS o
 WHERE o.tenant_id = :tenant AND o.user_id = :user FOR UPDATE;

-- name: schedule_version() -> bigint?
-- lane: writes
SELECT s.version FROM notifications.schedules AS s
 WHERE s.tenant_id = :tenant AND s.user_id = :user FOR UPDATE;
