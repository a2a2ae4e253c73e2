-- A retired device: its retained availability was removed from the broker. It is kept, and has no complaints.

ALTER TABLE face_edge.nodes ADD COLUMN retired_at timestamptz;

CREATE OR REPLACE VIEW face_edge.devices AS
SELECT nodes.node, online, online_since, software_version, model,
       beat.received_at AS health_at, beat.temperature_c, beat.cpu_percent, beat.memory_mb, beat.process_fps,
       beat.last_frame_age_s, beat.queue_depth, beat.drops, beat.reconnects, beat.uptime_s,
       last_event.received_at AS event_at,
       CASE WHEN retired_at IS NOT NULL THEN ARRAY[]::text[] ELSE array_remove(ARRAY[
           CASE WHEN online IS FALSE THEN 'offline' END,
           CASE WHEN online IS NOT FALSE AND (beat.received_at IS NULL OR beat.received_at < now() - interval '3 minutes')
                AND nodes.first_seen < now() - interval '3 minutes' THEN 'silent' END,
           CASE WHEN beat.temperature_c >= 80 THEN 'hot' END,           -- where a Raspberry Pi begins to slow down
           CASE WHEN beat.last_frame_age_s >= 10 THEN 'no frames' END,
           CASE WHEN beat.drops > 0 THEN 'drops' END,
           CASE WHEN beat.ts - beat.received_at > interval '1 minute' THEN 'clock ahead' END
       ], NULL) END AS complaints,
       retired_at
FROM face_edge.nodes
LEFT JOIN LATERAL (
    SELECT * FROM face_edge.health WHERE health.node = nodes.node AND ts > now() - interval '2 days'
    ORDER BY ts DESC LIMIT 1
) AS beat ON true
LEFT JOIN LATERAL (
    SELECT received_at FROM face_edge.events WHERE events.node = nodes.node AND ts > now() - interval '2 days'
    ORDER BY ts DESC LIMIT 1
) AS last_event ON true;

CREATE FUNCTION face_edge.retire(retired text) RETURNS boolean
LANGUAGE sql AS $$
    UPDATE face_edge.nodes SET online = NULL, online_since = NULL, retired_at = now()
    WHERE node = retired AND retired_at IS NULL
    RETURNING true
$$;
COMMENT ON FUNCTION face_edge.retire IS
    'Marks a device as retired by hand, where no collector was there when it was; being online again undoes it.';
