-- The usual questions. A view that groups by time cannot let the planner skip days, so each stands on a function with
-- the same columns and a span of time: SELECT * FROM face_edge.mood_between(now() - interval '1 hour', now()).
-- The functions are plain SQL, which the planner puts in place of the call.

CREATE FUNCTION face_edge.mood_between(since timestamptz, until timestamptz)
RETURNS TABLE (
    node text, minute timestamptz, person_seconds real, people_mean double precision, people_max integer,
    valence double precision, uncertain double precision, angry double precision, disgust double precision,
    fear double precision, happy double precision, sad double precision, surprise double precision,
    neutral double precision, dominant text
)
LANGUAGE sql STABLE AS $$
    SELECT minutes.*, CASE greatest(angry, disgust, fear, happy, sad, surprise, neutral)
        WHEN happy THEN 'happy' WHEN neutral THEN 'neutral' WHEN surprise THEN 'surprise' WHEN sad THEN 'sad'
        WHEN angry THEN 'angry' WHEN fear THEN 'fear' WHEN disgust THEN 'disgust' END
    FROM (
        SELECT node, date_trunc('minute', started_at), sum(person_seconds),
               sum(people_mean * observed_s) / nullif(sum(observed_s), 0), max(people_max),
               sum(valence * told) / nullif(sum(told), 0),
               sum(uncertain * told) / nullif(sum(told), 0),
               sum(score_angry * told) / nullif(sum(told), 0) AS angry,
               sum(score_disgust * told) / nullif(sum(told), 0) AS disgust,
               sum(score_fear * told) / nullif(sum(told), 0) AS fear,
               sum(score_happy * told) / nullif(sum(told), 0) AS happy,
               sum(score_sad * told) / nullif(sum(told), 0) AS sad,
               sum(score_surprise * told) / nullif(sum(told), 0) AS surprise,
               sum(score_neutral * told) / nullif(sum(told), 0) AS neutral
        FROM face_edge.aggregates
        -- a window without figures must not weigh on the mean
        CROSS JOIN LATERAL (SELECT CASE WHEN valence IS NULL THEN NULL ELSE person_seconds::float8 END AS told) AS weight
        WHERE ts > since AND ts <= until
        GROUP BY 1, 2
    ) AS minutes
$$;

CREATE VIEW face_edge.mood_per_minute AS
SELECT * FROM face_edge.mood_between('-infinity', 'infinity');
COMMENT ON VIEW face_edge.mood_per_minute IS
    'Mood per device and minute: means over person-seconds; null where nobody was there or figures are withheld.';

CREATE FUNCTION face_edge.events_between(since timestamptz, until timestamptz)
RETURNS TABLE (node text, hour timestamptz, type text, events bigint)
LANGUAGE sql STABLE AS $$
    SELECT node, date_trunc('hour', ts), type, count(*)
    FROM face_edge.events WHERE ts >= since AND ts < until
    GROUP BY 1, 2, 3
$$;

CREATE VIEW face_edge.events_per_hour AS
SELECT * FROM face_edge.events_between('-infinity', 'infinity');
COMMENT ON VIEW face_edge.events_per_hour IS 'Events per device, hour and type.';

CREATE VIEW face_edge.sessions AS
WITH told AS (
    SELECT node, session, min(ts) AS first_event, max(ts) AS last_event,
           max(label) FILTER (WHERE type = 'session_start') AS title,
           min(ts) FILTER (WHERE type = 'session_start') AS started_at,
           max(ts) FILTER (WHERE type = 'session_end') AS ended_at,
           count(*) AS events,
           count(*) FILTER (WHERE type = 'expression_changed') AS changes,
           count(*) FILTER (WHERE type = 'peak') AS peaks,
           count(*) FILTER (WHERE type = 'marker') AS markers
    FROM face_edge.events WHERE session IS NOT NULL GROUP BY node, session
), measured AS (
    SELECT node, session, min(started_at) AS first_window, sum(person_seconds) AS person_seconds,
           max(people_max) AS people_max,
           sum(valence * told) / nullif(sum(told), 0) AS valence,
           sum(uncertain * told) / nullif(sum(told), 0) AS uncertain,
           sum(share_angry * told) / nullif(sum(told), 0) AS angry,
           sum(share_disgust * told) / nullif(sum(told), 0) AS disgust,
           sum(share_fear * told) / nullif(sum(told), 0) AS fear,
           sum(share_happy * told) / nullif(sum(told), 0) AS happy,
           sum(share_sad * told) / nullif(sum(told), 0) AS sad,
           sum(share_surprise * told) / nullif(sum(told), 0) AS surprise,
           sum(share_neutral * told) / nullif(sum(told), 0) AS neutral
    FROM face_edge.aggregates
    CROSS JOIN LATERAL (SELECT CASE WHEN valence IS NULL THEN NULL ELSE person_seconds::float8 END AS told) AS weight
    WHERE session IS NOT NULL GROUP BY node, session
)
SELECT node, session, title, coalesce(told.started_at, first_event, first_window) AS started_at, ended_at,
       events, changes, peaks, markers, person_seconds, people_max, valence, uncertain,
       angry, disgust, fear, happy, sad, surprise, neutral
FROM told FULL JOIN measured USING (node, session);
COMMENT ON VIEW face_edge.sessions IS
    'Sessions side by side: events counted, and the share of person-seconds that showed each expression.';

CREATE VIEW face_edge.devices AS
SELECT nodes.node, online, online_since, software_version, model,
       beat.received_at AS health_at, beat.temperature_c, beat.cpu_percent, beat.memory_mb, beat.process_fps,
       beat.last_frame_age_s, beat.queue_depth, beat.drops, beat.reconnects, beat.uptime_s,
       last_event.received_at AS event_at,
       array_remove(ARRAY[
           CASE WHEN online IS FALSE THEN 'offline' END,
           CASE WHEN online IS NOT FALSE AND (beat.received_at IS NULL OR beat.received_at < now() - interval '3 minutes')
                AND nodes.first_seen < now() - interval '3 minutes' THEN 'silent' END,
           CASE WHEN beat.temperature_c >= 80 THEN 'hot' END,           -- where a Raspberry Pi begins to slow down
           CASE WHEN beat.last_frame_age_s >= 10 THEN 'no frames' END,
           CASE WHEN beat.drops > 0 THEN 'drops' END,
           CASE WHEN beat.ts - beat.received_at > interval '1 minute' THEN 'clock ahead' END
       ], NULL) AS complaints
FROM face_edge.nodes
LEFT JOIN LATERAL (
    SELECT * FROM face_edge.health WHERE health.node = nodes.node AND ts > now() - interval '2 days'
    ORDER BY ts DESC LIMIT 1
) AS beat ON true
LEFT JOIN LATERAL (
    SELECT received_at FROM face_edge.events WHERE events.node = nodes.node AND ts > now() - interval '2 days'
    ORDER BY ts DESC LIMIT 1
) AS last_event ON true;
COMMENT ON VIEW face_edge.devices IS 'Every device as it was heard of last (two days back), and what is wrong with it.';

CREATE VIEW face_edge.unwell AS
SELECT * FROM face_edge.devices WHERE cardinality(complaints) > 0;
COMMENT ON VIEW face_edge.unwell IS 'Devices that are offline, silent or unwell.';

CREATE FUNCTION face_edge.gaps_between(since timestamptz, until timestamptz)
RETURNS TABLE (node text, stream text, missing bigint, after_seq bigint, after_ts timestamptz, before_ts timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT node, stream, step - 1, seq - step, earlier, ts FROM (
        SELECT node, 'event' AS stream, seq, ts, seq - lag(seq) OVER device AS step, lag(ts) OVER device AS earlier
        FROM face_edge.events WHERE ts >= since AND ts < until
        WINDOW device AS (PARTITION BY node ORDER BY id)
        UNION ALL
        SELECT node, 'aggregate', seq, ts, seq - lag(seq) OVER device, lag(ts) OVER device
        FROM face_edge.aggregates WHERE ts >= since AND ts < until
        WINDOW device AS (PARTITION BY node ORDER BY id)
    ) AS steps WHERE step > 1
$$;

CREATE VIEW face_edge.gaps AS
SELECT * FROM face_edge.gaps_between('-infinity', 'infinity');
COMMENT ON VIEW face_edge.gaps IS
    'Numbers that are missing from a device''s sequence: what was lost on the way, and nothing when nothing was.';
