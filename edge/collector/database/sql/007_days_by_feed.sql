-- Making and dropping a day locks the tables that rows without a day lie in. In one transaction for all feeds, these
-- locks met readers of two feeds, such as the view unwell, in a ring. So each feed has a call of its own, and whoever
-- calls commits before the next.

CREATE FUNCTION face_edge.ensure_day(day date, feed text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    part text := format('%s_%s', feed, to_char(day, 'YYYYMMDD'));
    begins timestamptz := day::timestamp AT TIME ZONE 'UTC';
    ends timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
BEGIN
    IF feed NOT IN ('events', 'aggregates', 'health') THEN
        RAISE EXCEPTION 'there is no feed %', feed;
    END IF;
    IF (SELECT kind FROM face_edge.layout) = 'timescaledb' THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('face_edge.days'));
    IF to_regclass('face_edge.' || quote_ident(part)) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE face_edge.%I (LIKE face_edge.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
                   part, feed);
    -- rows of this day that came when nobody thought it possible yet would forbid the new partition
    EXECUTE format('WITH early AS (DELETE FROM face_edge.%I WHERE ts >= $1 AND ts < $2 RETURNING *) '
                   'INSERT INTO face_edge.%I SELECT * FROM early', feed || '_default', part)
    USING begins, ends;
    EXECUTE format('ALTER TABLE face_edge.%I ATTACH PARTITION face_edge.%I FOR VALUES FROM (%L) TO (%L)',
                   feed, part, begins, ends);
END
$$;
COMMENT ON FUNCTION face_edge.ensure_day(date, text) IS
    'Makes the partition of one day (UTC) and feed; harmless when repeated.';

CREATE OR REPLACE FUNCTION face_edge.ensure_day(day date) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM face_edge.ensure_day(day, feed) FROM unnest(ARRAY['events', 'aggregates', 'health']) AS feed;
END
$$;
COMMENT ON FUNCTION face_edge.ensure_day(date) IS
    'The same for all feeds, in one transaction, which may end as the victim of a deadlock with readers.';

CREATE FUNCTION face_edge.drop_before(cutoff timestamptz, feed text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    part text;
BEGIN
    IF feed NOT IN ('events', 'aggregates', 'health') THEN
        RAISE EXCEPTION 'there is no feed %', feed;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('face_edge.days'));
    IF (SELECT kind FROM face_edge.layout) = 'timescaledb' THEN
        RETURN QUERY EXECUTE format('SELECT drop_chunks(%L::regclass, $1)::text', 'face_edge.' || feed)
        USING cutoff;
        RETURN;
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
END
$$;
COMMENT ON FUNCTION face_edge.drop_before(timestamptz, text) IS
    'Retention of one feed: drops the days that ended before the cutoff; gives the names of what was dropped.';

CREATE OR REPLACE FUNCTION face_edge.drop_before(cutoff timestamptz) RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT face_edge.drop_before(cutoff, feed) FROM unnest(ARRAY['events', 'aggregates', 'health']) AS feed;
END
$$;
COMMENT ON FUNCTION face_edge.drop_before(timestamptz) IS
    'The same for all feeds, in one transaction, which may end as the victim of a deadlock with readers.';
