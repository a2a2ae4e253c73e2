-- Of a window that is withheld in part, figures come from fewer person-seconds than were in view: means weigh by those.
-- Devices of older versions do not tell them; then it is all that were in view.

ALTER TABLE face_edge.aggregates ADD COLUMN counted_person_seconds real;

CREATE OR REPLACE FUNCTION face_edge.mood_between(since timestamptz, until timestamptz)
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
        -- a window weighs as much as its figures come from, and nothing without figures
        CROSS JOIN LATERAL (SELECT CASE WHEN valence IS NULL THEN NULL
            ELSE coalesce(counted_person_seconds, person_seconds)::float8 END AS told) AS weight
        WHERE ts > since AND ts <= until
        GROUP BY 1, 2
    ) AS minutes
$$;

CREATE OR REPLACE VIEW face_edge.sessions AS
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
           sum(told) AS counted_person_seconds,
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
    CROSS JOIN LATERAL (SELECT CASE WHEN valence IS NULL THEN NULL
            ELSE coalesce(counted_person_seconds, person_seconds)::float8 END AS told) AS weight
    WHERE session IS NOT NULL GROUP BY node, session
)
SELECT node, session, title, coalesce(told.started_at, first_event, first_window) AS started_at, ended_at,
       events, changes, peaks, markers, person_seconds, people_max, valence, uncertain,
       angry, disgust, fear, happy, sad, surprise, neutral, counted_person_seconds
FROM told FULL JOIN measured USING (node, session);
