"""The schema and the store on a real PostgreSQL."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from edge.collector.database.batch import Batch
from edge.collector.database.driver import BadRow, DatabaseAway
from edge.collector.database.migrate import migrations
from edge.collector.database.rows import row
from edge.collector.database.store import Store
from edge.collector.topics import Kind
from edge.core.errors import ConfigError, SinkError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed: pip install -e '.[fleet]'")

NOW = datetime.now(UTC)


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    made = Store(database)
    made.open()
    yield made
    made.close()


def batch(*messages: tuple[str, Kind, Any]) -> Batch:
    made = Batch()
    for node, kind, message in messages:
        payload = message.to_json() if hasattr(message, "to_json") else message
        made.add(kind, row(node, kind, payload.encode(), NOW))
    return made


@pytest.mark.usefixtures("store")
def test_migrations_are_numbered_without_gaps_and_applied_once(database: str, query: Any) -> None:
    numbers = [migration.number for migration in migrations()]
    assert numbers == list(range(1, len(numbers) + 1))
    again = Store(database)
    again.open()
    again.close()
    assert [number for (number,) in query("SELECT number FROM face_edge.migrations ORDER BY 1")] == numbers


def test_copies_that_start_together_make_one_schema(database: str, query: Any) -> None:
    errors: list[Exception] = []

    def start() -> None:
        store = Store(database)
        try:
            store.open()
        except SinkError as error:
            errors.append(error)
        finally:
            store.close()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert query("SELECT count(*) FROM face_edge.migrations") == [(len(migrations()),)]


@pytest.mark.usefixtures("store")
def test_a_newer_database_is_refused_in_one_line(database: str, query: Any) -> None:
    query("INSERT INTO face_edge.migrations (number, name) VALUES (99, 'later') RETURNING 1")
    with pytest.raises(SinkError, match=r"version 99, this program knows .*: update face-edge"):
        Store(database).open()


def test_a_role_that_may_only_write_can_collect(store: Store, database: str, device: Any) -> None:
    event = device("n1").event()
    with store._psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE ROLE writer LOGIN")
        connection.execute("GRANT USAGE ON SCHEMA face_edge TO writer")
        connection.execute("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA face_edge TO writer")
        connection.execute("SELECT face_edge.ensure_day(%s)", (event.ts.date(),))
    writer = Store(database.replace("edge@", "writer@"))
    try:
        assert writer.write(batch(("n1", Kind.EVENT, event))) == 1
    finally:
        writer.close()
        with store._psycopg.connect(database, autocommit=True) as connection:
            connection.execute("DROP OWNED BY writer")
            connection.execute("DROP ROLE writer")


def test_a_repeat_is_no_second_row(store: Store, device: Any, query: Any) -> None:
    n1 = device("n1")
    messages = [("n1", Kind.EVENT, n1.event(second)) for second in range(5)]
    messages.append(("n1", Kind.AGGREGATE, n1.aggregate()))
    messages.append(("n1", Kind.HEALTH, n1.health()))
    assert store.write(batch(*messages)) == 6
    assert store.write(batch(*messages, *messages)) == 0
    assert query("SELECT (SELECT count(*) FROM face_edge.events), (SELECT count(*) FROM face_edge.health)") == [(5, 1)]


def test_days_are_partitions_and_impossible_days_are_not(store: Store, device: Any, query: Any) -> None:
    starts = [NOW, NOW - timedelta(days=1), NOW - timedelta(days=400), NOW + timedelta(days=40)]
    store.write(batch(*((f"n{i}", Kind.EVENT, device(f"n{i}", start).event()) for i, start in enumerate(starts))))
    names = {name for (name,) in query("SELECT tableoid::regclass::text FROM face_edge.events")}
    assert names == {
        f"face_edge.events_{NOW:%Y%m%d}",
        f"face_edge.events_{NOW - timedelta(days=1):%Y%m%d}",
        "face_edge.events_default",
    }


def test_a_day_that_was_impossible_gets_its_partition_with_what_came_early(
    store: Store, device: Any, query: Any
) -> None:
    later = NOW + timedelta(days=40)
    store.write(batch(("n1", Kind.EVENT, device("n1", later).event())))
    query("SELECT face_edge.ensure_day(%s)", later.date())
    query("SELECT face_edge.ensure_day(%s)", later.date())
    assert query("SELECT tableoid::regclass::text FROM face_edge.events") == [(f"face_edge.events_{later:%Y%m%d}",)]


def test_retention_drops_whole_days_and_what_has_no_day(store: Store, device: Any, query: Any) -> None:
    starts = [NOW, NOW - timedelta(days=3), NOW - timedelta(days=10), NOW - timedelta(days=400)]
    store.write(batch(*((f"n{i}", Kind.EVENT, device(f"n{i}", start).event()) for i, start in enumerate(starts))))
    dropped = store.drop_before(NOW - timedelta(days=5))
    assert dropped == [f"{feed}_{NOW - timedelta(days=10):%Y%m%d}" for feed in ("events", "aggregates", "health")]
    # the one with the wrong clock came just now: it stays until it has been here long enough
    assert query("SELECT node FROM face_edge.events ORDER BY 1") == [("n0",), ("n1",), ("n3",)]


@pytest.fixture
def reader(store: Store, database: str) -> Iterator[Any]:
    """A connection in a transaction that has read health, as the view ``unwell`` does before it reads events."""
    with store._psycopg.connect(database) as connection:
        connection.execute("SELECT count(*) FROM face_edge.health")
        yield connection
        connection.rollback()


@pytest.fixture
def waits(database: str, eventually: Any) -> Callable[[], bool]:
    """``waits()``: whether somebody waits for a lock, by and by."""

    def look() -> bool:
        with psycopg.connect(database, autocommit=True) as connection:
            sql = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database"
            found = connection.execute(f"{sql} WHERE datname = current_database())").fetchone()
            return found is not None and found[0] > 0

    return lambda: bool(eventually(look))


def test_a_new_day_and_a_reader_do_not_wait_for_each_other_in_a_ring(
    store: Store, device: Any, query: Any, reader: Any, waits: Callable[[], bool]
) -> None:
    errors: list[Exception] = []

    def write() -> None:
        try:
            store.write(batch(("n1", Kind.EVENT, device("n1").event())))
        except SinkError as error:
            errors.append(error)

    writing = threading.Thread(target=write)
    writing.start()
    assert waits(), "the new day of health waits for the reader"
    assert reader.execute("SELECT * FROM face_edge.unwell").fetchall() == []
    assert reader.execute("SELECT count(*) FROM face_edge.events, face_edge.aggregates").fetchone() == (0,)
    reader.commit()
    writing.join(60)
    assert errors == []
    assert query("SELECT tableoid::regclass::text FROM face_edge.events") == [(f"face_edge.events_{NOW:%Y%m%d}",)]
    assert query("SELECT to_regclass(%s) IS NOT NULL", f"face_edge.health_{NOW:%Y%m%d}") == [(True,)]


def test_retention_and_a_reader_do_not_wait_for_each_other_in_a_ring(
    store: Store, device: Any, reader: Any, waits: Callable[[], bool]
) -> None:
    reader.rollback()
    old = NOW - timedelta(days=10)
    store.write(batch(("n1", Kind.EVENT, device("n1", old).event())))
    reader.execute("SELECT count(*) FROM face_edge.health")
    dropped: list[str] = []
    errors: list[Exception] = []

    def drop() -> None:
        try:
            dropped.extend(store.drop_before(NOW - timedelta(days=5)))
        except SinkError as error:
            errors.append(error)

    dropping = threading.Thread(target=drop)
    dropping.start()
    assert waits(), "the old day of health waits for the reader"
    reader.execute("SELECT count(*) FROM face_edge.events, face_edge.aggregates")
    dropping.join(60)
    assert errors == []
    assert dropped == [f"{feed}_{old:%Y%m%d}" for feed in ("events", "aggregates")], "health is left for the next time"


def test_there_are_three_feeds(store: Store, query: Any) -> None:
    for call in ("ensure_day(current_date, 'people')", "drop_before(now(), 'people')"):
        with pytest.raises(store._psycopg.errors.RaiseException, match="there is no feed people"):
            query(f"SELECT face_edge.{call}")


def test_a_value_that_the_database_cannot_hold_is_no_outage(store: Store, device: Any) -> None:
    with pytest.raises(BadRow, match="out of range"):
        store.write(batch(("n1", Kind.AGGREGATE, device("n1").aggregate(person_seconds=1e300))))
    assert store.write(batch(("n1", Kind.EVENT, device("n1").event()))) == 1


def test_what_a_node_says_of_itself_is_kept_and_its_first_word_of_being_there(store: Store, query: Any) -> None:
    store.write(
        batch(("n1", Kind.AVAILABILITY, "online"), ("n1", Kind.INFO, '{"software_version": "1", "model": "m"}'))
    )
    first = query("SELECT online, online_since, software_version, model FROM face_edge.nodes")
    later = Batch()
    later.add(Kind.AVAILABILITY, row("n1", Kind.AVAILABILITY, b"online", NOW + timedelta(hours=1)))
    store.write(later)
    assert query("SELECT online, online_since, software_version, model FROM face_edge.nodes") == first
    later.add(Kind.AVAILABILITY, row("n1", Kind.AVAILABILITY, b"offline", NOW + timedelta(hours=2)))
    store.write(later)
    assert query("SELECT online, online_since FROM face_edge.nodes") == [(False, NOW + timedelta(hours=2))]


def test_a_retired_node_is_kept_until_it_is_online_again(store: Store, query: Any) -> None:
    store.write(batch(("n1", Kind.AVAILABILITY, "online"), ("n1", Kind.INFO, '{"model": "m"}')))
    found = "SELECT online, online_since, model, retired_at FROM face_edge.nodes"
    # both in one batch: the newest counts
    store.write(batch(("n1", Kind.AVAILABILITY, "offline"), ("n1", Kind.AVAILABILITY, "")))
    assert query(found) == [(None, None, "m", NOW)]
    later = Batch()
    later.add(Kind.AVAILABILITY, row("n1", Kind.AVAILABILITY, b"", NOW + timedelta(hours=1)))
    store.write(later)
    assert query(found) == [(None, None, "m", NOW)]
    store.write(batch(("n1", Kind.AVAILABILITY, "online")))
    assert query(found) == [(True, NOW, "m", None)]


def test_a_node_can_be_retired_by_hand(store: Store, query: Any) -> None:
    store.write(batch(("n1", Kind.AVAILABILITY, "offline")))
    assert query("SELECT face_edge.retire('n1')") == [(True,)]
    assert query("SELECT face_edge.retire('n1'), face_edge.retire('n2')") == [(None, None)]
    assert query("SELECT online, retired_at IS NULL FROM face_edge.nodes") == [(None, False)]
    store.write(batch(("n1", Kind.AVAILABILITY, "offline")))
    assert query("SELECT online, retired_at FROM face_edge.nodes") == [(False, None)]


def test_no_database_is_away_and_a_password_is_not_told() -> None:
    with pytest.raises(DatabaseAway) as caught:
        Store("postgresql://someone:secret@127.0.0.1:1/none").open()
    assert "secret" not in str(caught.value)
    with pytest.raises(ConfigError) as wrong:
        Store("postgresql://someone:secret@[bad")
    assert "secret" not in str(wrong.value)


def test_hypertables_where_timescaledb_is(database: str, query: Any, device: Any) -> None:
    if not query("SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'"):
        pytest.skip("the TimescaleDB extension is not installed beside this PostgreSQL")
    store = Store(database)
    with store._psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION timescaledb")
    store.open()
    assert store.write(batch(("n1", Kind.EVENT, device("n1", NOW - timedelta(days=9)).event()))) == 1
    assert query("SELECT count(*) FROM timescaledb_information.hypertables") == [(3,)]
    assert store.drop_before(NOW - timedelta(days=5))
    assert query("SELECT count(*) FROM face_edge.events") == [(0,)]
    store.close()
