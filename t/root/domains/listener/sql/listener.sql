-- Listener: hears the events of other domains.

-- name: hear(consumer text, event uuid, type text, subject uuid?, name text?,
--       attempt int, trace text?, at timestamptz) -> none
INSERT INTO listener.heard (tenant_id, consumer, event, type, subject, name,
                            attempt, trace, at)
VALUES (:tenant, :consumer, :event, :type, :subject, :name, :attempt, :trace,
        :at);

-- name: mood(name text) -> row? listener_mood
-- row: fail int, slow_ms int
-- lane: writes
SELECT fail, slow_ms FROM listener.moods
 WHERE tenant_id = :tenant AND name = :name;
