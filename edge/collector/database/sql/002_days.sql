-- Days come and go: collectors call ensure_day before they write to a new day, drop_before is the retention.

CREATE FUNCTION face_edge.ensure_day(day date) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    feed text;
    part text;
    begins timestamptz := day::timestamp AT TIME ZONE 'UTC';
    ends timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
BEGIN
    IF (SELECT kind FROM face_edge.layout) = 'timescaledb' THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('face_edge.days'));
    FOREACH feed IN ARRAY ARRAY['events', 'aggregates', 'health'] LOOP
        part := format('%s_%s', feed, to_char(day, 'YYYYMMDD'));
        CONTINUE WHEN to_regclass('face_edge.' || quote_ident(part)) IS NOT NULL;
        EXECUTE format('CREATE TABLE face_edge.%I (LIKE face_edge.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
                       part, feed);
        -- rows of this day that came when nobody thought it possible yet would forbid the new partition
        EXECUTE format('WITH early AS (DELETE FROM face_edge.%I WHERE ts >= $1 AND ts < $2 RETURNING *) '
                       'INSERT INTO face_edge.%I SELECT * FROM early', feed || '_default', part)
        USING begins, ends;
        EXECUTE format('ALTER TABLE face_edge.%I ATTACH PARTITION face_edge.%I FOR VALUES FROM (%L) TO (%L)',
                       feed, part, begins, ends);
    END LOOP;
END
$$;
COMMENT ON FUNCTION face_edge.ensure_day IS 'Makes the partitions of one day (UTC); harmless when repeated.';

CREATE FUNCTION face_edge.drop_before(cutoff timestamptz) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    feed text;
    part text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('face_edge.days'));
    FOREACH feed IN ARRAY ARRAY['events', 'aggregates', 'health'] LOOP
        IF (SELECT kind FROM face_edge.layout) = 'timescaledb' THEN
            RETURN QUERY EXECUTE format('SELECT drop_chunks(%L::regclass, $1)::text', 'face_edge.' || feed)
            USING cutoff;
            CONTINUE;
        END IF;
        FOR part IN
            SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
            WHERE inhparent = ('face_edge.' || feed)::regclass AND relname ~ '_\d{8}$'
              AND (to_date(right(relname, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC' <= cutoff
            ORDER BY relname
        LOOP
            EXECUTE format('DROP TABLE face_edge.%I', part);
            RETURN NEXT part;
        END LOOP;
        EXECUTE format('DELETE FROM face_edge.%I WHERE ts < $1 AND received_at < $1', feed || '_default')
        USING cutoff;
    END LOOP;
END
$$;
COMMENT ON FUNCTION face_edge.drop_before IS
    'Retention: drops the days that ended before the cutoff; gives the names of what was dropped.';
