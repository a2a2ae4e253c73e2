-- The feed's tables. events, aggregates and health are cut by day of their own time stamp: into hypertables where the
-- TimescaleDB extension has been created in this database, otherwise into declarative partitions (see 002).
--
-- The primary key makes a message that comes twice one row, and serves every question about one device and a span of
-- time; there is no other index to keep but those on sessions. ULIDs sort by bytes, hence COLLATE "C".

CREATE TABLE face_edge.layout (
    kind text NOT NULL CHECK (kind IN ('partitions', 'timescaledb'))
);
INSERT INTO face_edge.layout
SELECT CASE WHEN EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')
            THEN 'timescaledb' ELSE 'partitions' END;

CREATE TABLE face_edge.nodes (
    node             text COLLATE "C" PRIMARY KEY,
    first_seen       timestamptz NOT NULL DEFAULT now(),
    online           boolean,
    online_since     timestamptz,          -- when a collector first heard of the present value
    software_version text,
    model            text,
    model_sha256     text,
    head             text,
    detector         text,
    runtime          text,
    source           text,
    info_at          timestamptz
);

DO $$
DECLARE
    cut text := CASE (SELECT kind FROM face_edge.layout) WHEN 'partitions' THEN ' PARTITION BY RANGE (ts)' ELSE '' END;
    feed text;
BEGIN
    EXECUTE $sql$
        CREATE TABLE face_edge.events (
            node        text COLLATE "C" NOT NULL,
            ts          timestamptz NOT NULL,
            id          text COLLATE "C" NOT NULL,
            seq         bigint NOT NULL,
            people      integer,
            confidence  real,
            valence     real,
            type        text NOT NULL,
            emotion     text,
            previous    text,
            label       text,
            session     text COLLATE "C",
            received_at timestamptz NOT NULL,
            PRIMARY KEY (node, ts, id)
        )$sql$ || cut;
    EXECUTE $sql$
        CREATE TABLE face_edge.aggregates (
            node           text COLLATE "C" NOT NULL,
            ts             timestamptz NOT NULL,  -- end of the window
            id             text COLLATE "C" NOT NULL,
            seq            bigint NOT NULL,
            started_at     timestamptz NOT NULL,
            received_at    timestamptz NOT NULL,
            people_max     integer,
            observed_s     real,
            people_mean    real,
            person_seconds real,
            uncertain      real,
            valence        real,
            score_angry    real,
            score_disgust  real,
            score_fear     real,
            score_happy    real,
            score_sad      real,
            score_surprise real,
            score_neutral  real,
            share_angry    real,
            share_disgust  real,
            share_fear     real,
            share_happy    real,
            share_sad      real,
            share_surprise real,
            share_neutral  real,
            suppressed     boolean,
            session        text COLLATE "C",
            PRIMARY KEY (node, ts, id)
        )$sql$ || cut;
    EXECUTE $sql$
        CREATE TABLE face_edge.health (
            node             text COLLATE "C" NOT NULL,
            ts               timestamptz NOT NULL,
            received_at      timestamptz NOT NULL,
            drops            bigint,
            reconnects       bigint,
            queue_depth      integer,
            uptime_s         real,
            cpu_percent      real,
            memory_mb        real,
            temperature_c    real,
            capture_fps      real,
            process_fps      real,
            skip_fps         real,
            detect_ms_p50    real,
            detect_ms_p95    real,
            infer_ms_p50     real,
            infer_ms_p95     real,
            last_frame_age_s real,
            PRIMARY KEY (node, ts)
        )$sql$ || cut;
    IF cut = '' THEN
        FOREACH feed IN ARRAY ARRAY['events', 'aggregates', 'health'] LOOP
            PERFORM create_hypertable(format('face_edge.%I', feed)::regclass, 'ts',
                                      chunk_time_interval => interval '1 day', create_default_indexes => false);
        END LOOP;
    ELSE
        -- whatever has a time that no device can mean: clocks that were never set
        CREATE TABLE face_edge.events_default PARTITION OF face_edge.events DEFAULT;
        CREATE TABLE face_edge.aggregates_default PARTITION OF face_edge.aggregates DEFAULT;
        CREATE TABLE face_edge.health_default PARTITION OF face_edge.health DEFAULT;
    END IF;
END
$$;

CREATE INDEX events_session ON face_edge.events (session) WHERE session IS NOT NULL;
CREATE INDEX aggregates_session ON face_edge.aggregates (session) WHERE session IS NOT NULL;
