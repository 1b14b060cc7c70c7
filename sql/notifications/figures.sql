-- Figures, and what is done once a day.

-- name: count_up(at timestamptz) -> int
-- lane: slow
SELECT notifications.count_up(:at);

-- name: heal(of uuid, after uuid, most int) -> row notifications_healed
-- lane: writes
-- row: of uuid, after uuid, done int, healed int
SELECT h.of, h.after, h.done, h.healed
  FROM notifications.heal(:of, :after, :most) AS h;

-- name: analytics(from_at timestamptz, to_at timestamptz, channel bool,
--       template bool, provider bool) -> json
-- lane: slow
SELECT json_build_object('data', coalesce(json_agg(json_build_object(
           'channel', x.channel, 'template', x.template,
           'provider', x.provider, 'sent', x.sent, 'delivered', x.delivered,
           'opened', x.opened, 'clicked', x.clicked, 'failed', x.failed,
           'skipped', x.skipped, 'waiting', x.waiting, 'all', x.n)
           ORDER BY x.channel, x.template, x.provider), '[]'))
  FROM (SELECT CASE WHEN :channel THEN s.channel END AS channel,
               CASE WHEN :template THEN s.template END AS template,
               CASE WHEN :provider THEN s.provider END AS provider,
               coalesce(sum(s.n) FILTER (WHERE s.state IN ('sent',
                   'delivered', 'opened', 'clicked')), 0) AS sent,
               coalesce(sum(s.n) FILTER (WHERE s.state IN ('delivered',
                   'opened', 'clicked')), 0) AS delivered,
               coalesce(sum(s.n) FILTER (WHERE s.state IN ('opened',
                   'clicked')), 0) AS opened,
               coalesce(sum(s.n) FILTER (WHERE s.state = 'clicked'), 0)
                   AS clicked,
               coalesce(sum(s.n) FILTER (WHERE s.state IN ('failed',
                   'expired')), 0) AS failed,
               coalesce(sum(s.n) FILTER (WHERE s.state IN ('skipped',
                   'capped', 'suppressed', 'canceled')), 0) AS skipped,
               coalesce(sum(s.n) FILTER (WHERE s.state IN ('planned',
                   'queued')), 0) AS waiting,
               coalesce(sum(s.n), 0) AS n
          FROM notifications.delivery_stats_hourly AS s
         WHERE s.tenant_id = :tenant AND s.hour >= :from_at
           AND s.hour < :to_at
         GROUP BY 1, 2, 3) AS x;

-- name: written() -> page
-- sort: key = key text, channel text, locale text
SELECT json_build_object('key', w.key, 'category', w.category,
       'channel', w.channel, 'locale', w.locale, 'title', w.title,
       'version', w.version) :keys
  FROM (SELECT t.key, t.category, v.channel, v.locale,
               v.content ->> 'title' AS title, v.n AS version, t.tenant_id
          FROM notifications.templates AS t
          JOIN notifications.template_versions AS v
            ON v.template_id = t.id AND v.n = t.published
         WHERE t.tenant_id = :tenant) AS w
 WHERE :after
 ORDER BY :order LIMIT :limit;

-- name: subject(who uuid) -> text
SELECT notifications.subject(:tenant, :who)::text;
