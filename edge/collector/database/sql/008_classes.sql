-- Models with classes of their own: a window's scores and shares by class. The columns of the usual seven are null then.

ALTER TABLE face_edge.aggregates ADD COLUMN classes jsonb;
COMMENT ON COLUMN face_edge.aggregates.classes IS
    'Of a device whose model has classes of its own: {"positive": {"score": 0.7, "share": 0.66}, ...}.';
ALTER TABLE face_edge.nodes ADD COLUMN labels text[];
COMMENT ON COLUMN face_edge.nodes.labels IS 'Classes of the device''s model, in order; null for the usual seven.';

CREATE FUNCTION face_edge.classes_between(since timestamptz, until timestamptz)
RETURNS TABLE (
    node text, minute timestamptz, class text, score double precision, share double precision,
    person_seconds double precision
)
LANGUAGE sql STABLE AS $$
    SELECT node, date_trunc('minute', started_at), each.class,
           sum(each.score * told) / nullif(sum(told), 0), sum(each.share * told) / nullif(sum(told), 0), sum(told)
    FROM face_edge.aggregates
    CROSS JOIN LATERAL (
        SELECT coalesce(counted_person_seconds, aggregates.person_seconds)::float8 AS told
    ) AS weight
    CROSS JOIN LATERAL (
        SELECT key AS class, (value ->> 'score')::float8 AS score, (value ->> 'share')::float8 AS share
        FROM jsonb_each(coalesce(classes, '{}'))
        UNION ALL
        SELECT * FROM (VALUES
            ('angry', score_angry, share_angry), ('disgust', score_disgust, share_disgust),
            ('fear', score_fear, share_fear), ('happy', score_happy, share_happy), ('sad', score_sad, share_sad),
            ('surprise', score_surprise, share_surprise), ('neutral', score_neutral, share_neutral)
        ) AS seven WHERE classes IS NULL
    ) AS each
    WHERE ts > since AND ts <= until AND valence IS NOT NULL
    GROUP BY 1, 2, 3
$$;

CREATE VIEW face_edge.classes_per_minute AS
SELECT * FROM face_edge.classes_between('-infinity', 'infinity');
COMMENT ON VIEW face_edge.classes_per_minute IS
    'A row per device, minute and class, whatever classes the models have: means over person-seconds.';
