-- Gaps by the numbers themselves: ids and times come from the device's clock, which may have been wrong and set back.
-- What arrived long before the number below it is of a device that began at 0 again.

CREATE OR REPLACE FUNCTION face_edge.gaps_between(since timestamptz, until timestamptz)
RETURNS TABLE (node text, stream text, missing bigint, after_seq bigint, after_ts timestamptz, before_ts timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT node, stream, step - 1, seq - step, earlier, ts FROM (
        SELECT node, 'event' AS stream, seq, ts, received_at, seq - lag(seq) OVER device AS step,
               lag(ts) OVER device AS earlier, lag(received_at) OVER device AS came
        FROM face_edge.events WHERE ts >= since AND ts < until
        WINDOW device AS (PARTITION BY node ORDER BY seq, received_at)
        UNION ALL
        SELECT node, 'aggregate', seq, ts, received_at, seq - lag(seq) OVER device,
               lag(ts) OVER device, lag(received_at) OVER device
        FROM face_edge.aggregates WHERE ts >= since AND ts < until
        WINDOW device AS (PARTITION BY node ORDER BY seq, received_at)
    ) AS steps WHERE step > 1 AND came <= received_at + interval '1 minute'
$$;
