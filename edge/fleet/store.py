"""Batches of rows into PostgreSQL, each in one transaction, each row once however often it comes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from edge.errors import ConfigError, HardwareUnavailable, SinkError
from edge.fleet.migrate import migrate
from edge.fleet.rows import TABLES, Row
from edge.fleet.topics import Kind

if TYPE_CHECKING:
    import psycopg

# a peer that is gone without a word is noticed in half a minute instead of two hours
_CONNECTION = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "application_name": "face-edge-collect",
}
_DAYS_BACK = 31
_DAYS_AHEAD = 1
"""Days that get a partition of their own when a message comes; beyond them a clock was never set."""
_TS = {kind: TABLES[kind].columns.index("ts") for kind in (Kind.EVENT, Kind.AGGREGATE, Kind.HEALTH)}
_NODES_KNOWN_MAX = 1_000_000


class DatabaseAway(SinkError):
    """The database cannot be used now; the batch is whole and may be tried again."""


class BadRow(SinkError):
    """The database cannot hold one of these values, however often it is tried."""


@dataclass(slots=True)
class Batch:
    """Rows by kind, in the order in which they came."""

    rows: dict[Kind, list[Row]] = field(default_factory=dict)

    def add(self, kind: Kind, row: Row) -> None:
        """Append one."""
        self.rows.setdefault(kind, []).append(row)


class Store:
    """One connection to the database, opened when it is needed and again after it failed.

    Args:
        database: a URL or libpq connection string; what it leaves out comes from libpq's environment
            (``PGPASSWORD``, ``PGPASSFILE``, ``PGSERVICE``, …).
    """

    def __init__(self, database: str) -> None:
        self._psycopg = import_psycopg()
        self._conninfo = _conninfo(self._psycopg, database)
        self._connection: psycopg.Connection[Any] | None = None
        self._days: set[date] = set()
        self._nodes: set[str] = set()

    def open(self) -> None:
        """Connect and bring the schema up to date; nothing to do where that was done.

        Raises:
            DatabaseAway: not now.
            SinkError: the database is newer than this program.
        """
        if self._connection is not None:
            return
        try:
            connection = self._psycopg.connect(self._conninfo, autocommit=True)
            self._connection = connection
            migrate(connection)
            for table in {table.name for table in TABLES.values()} - {"nodes"}:
                connection.execute(
                    f"CREATE TEMPORARY TABLE staging_{table}"  # noqa: S608 - names of our own
                    f" AS SELECT * FROM face_edge.{table} WITH NO DATA"
                )
        except self._psycopg.Error as error:
            self.close()
            raise DatabaseAway(_in_words(error)) from None
        except SinkError:
            self.close()
            raise

    def close(self) -> None:
        """Disconnect; harmless when repeated."""
        connection, self._connection = self._connection, None
        self._days.clear()
        self._nodes.clear()
        if connection is not None:
            connection.close()

    def write(self, batch: Batch) -> int:
        """Commit a batch; gives how many of its events and aggregates were new.

        Raises:
            DatabaseAway: nothing was written, or the commit's answer was lost: try the same batch again.
            BadRow: nothing was written, and never will be with all of these rows.
        """
        self.open()
        assert self._connection is not None  # noqa: S101 - open() would have raised
        try:
            self._ensure_days(self._connection, batch)
            with self._connection.transaction():
                new = self._write(self._connection, batch)
        except (self._psycopg.DataError, self._psycopg.IntegrityError) as error:
            raise BadRow(_in_words(error)) from None
        except self._psycopg.Error as error:
            self.close()
            raise DatabaseAway(_in_words(error)) from None
        if len(self._nodes) < _NODES_KNOWN_MAX:
            self._nodes |= _nodes_of(batch)
        return new

    def drop_before(self, cutoff: datetime) -> list[str]:
        """Retention; gives what was dropped, and leaves it for the next time where someone reads it just now.

        Raises:
            DatabaseAway: not now.
        """
        self.open()
        assert self._connection is not None  # noqa: S101 - open() would have raised
        try:
            with self._connection.transaction():
                self._connection.execute("SET LOCAL lock_timeout = '2s'")
                found = self._connection.execute("SELECT face_edge.drop_before(%s)", (cutoff,)).fetchall()
        except self._psycopg.errors.LockNotAvailable:
            return []
        except self._psycopg.Error as error:
            self.close()
            raise DatabaseAway(_in_words(error)) from None
        self._days.clear()
        return [name for (name,) in found]

    def _ensure_days(self, connection: psycopg.Connection[Any], batch: Batch) -> None:
        today = datetime.now(UTC).date()
        found = {row[index].astimezone(UTC).date() for kind, index in _TS.items() for row in batch.rows.get(kind, ())}
        for day in sorted(found - self._days):
            if today - timedelta(days=_DAYS_BACK) <= day <= today + timedelta(days=_DAYS_AHEAD):
                connection.execute("SELECT face_edge.ensure_day(%s)", (day,))
            self._days.add(day)

    def _write(self, connection: psycopg.Connection[Any], batch: Batch) -> int:
        new = 0
        for kind in (Kind.EVENT, Kind.AGGREGATE, Kind.HEALTH):
            rows = batch.rows.get(kind)
            if rows:
                stored = self._insert(connection, kind, rows)
                new += stored if kind is not Kind.HEALTH else 0
        self._see_nodes(connection, batch)
        return new

    def _insert(self, connection: psycopg.Connection[Any], kind: Kind, rows: list[Row]) -> int:
        table = TABLES[kind]
        columns, identity = ", ".join(table.columns), ", ".join(table.identity)
        staging = f"staging_{table.name}"
        with connection.cursor() as cursor:
            with cursor.copy(f"COPY {staging} ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            # in one order for all, so that collectors that write the same rows do not wait for each other in a ring
            cursor.execute(
                f"INSERT INTO face_edge.{table.name} ({columns}) SELECT {columns} FROM {staging}"  # noqa: S608
                f" ORDER BY {identity} ON CONFLICT DO NOTHING"
            )
            stored = cursor.rowcount
            cursor.execute(f"TRUNCATE {staging}")
        return stored

    def _see_nodes(self, connection: psycopg.Connection[Any], batch: Batch) -> None:
        """Nodes that are new, what they say of themselves, whether they are there."""
        unknown = sorted(_nodes_of(batch) - self._nodes)
        if unknown:
            connection.execute(
                "INSERT INTO face_edge.nodes (node) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", (unknown,)
            )
        for kind, sql in ((Kind.AVAILABILITY, _AVAILABILITY), (Kind.INFO, _INFO)):
            newest = {row[0]: row for row in batch.rows.get(kind, ())}
            if newest:
                with connection.cursor() as cursor:
                    cursor.executemany(sql, [newest[node] for node in sorted(newest)])


_AVAILABILITY = (
    "INSERT INTO face_edge.nodes (node, online, online_since) VALUES (%s, %s, %s) ON CONFLICT (node) DO UPDATE"
    " SET online = excluded.online, online_since = excluded.online_since"
    " WHERE nodes.online IS DISTINCT FROM excluded.online"
)
_INFO_COLUMNS = TABLES[Kind.INFO].columns[1:-1]
_INFO = (
    f"INSERT INTO face_edge.nodes (node, {', '.join(_INFO_COLUMNS)}, info_at)"  # noqa: S608 - names of our own
    f" VALUES ({', '.join(['%s'] * (len(_INFO_COLUMNS) + 2))}) ON CONFLICT (node) DO UPDATE"
    f" SET {', '.join(f'{name} = excluded.{name}' for name in _INFO_COLUMNS)}, info_at = excluded.info_at"
    f" WHERE ({', '.join(f'nodes.{name}' for name in _INFO_COLUMNS)})"
    f" IS DISTINCT FROM ({', '.join(f'excluded.{name}' for name in _INFO_COLUMNS)})"
)


def _nodes_of(batch: Batch) -> set[str]:
    return {row[0] for rows in batch.rows.values() for row in rows}


def _conninfo(psycopg: Any, database: str) -> str:
    """The connection string with our timeouts, where it sets none of its own."""
    try:
        given = psycopg.conninfo.conninfo_to_dict(database)
    except psycopg.Error:
        # the message would repeat the URL, and with it a password
        msg = "--database: expected postgresql://[USER@]HOST[:PORT]/NAME or a libpq connection string"
        raise ConfigError(msg) from None
    made: str = psycopg.conninfo.make_conninfo(**{**_CONNECTION, **given})
    return made


def _in_words(error: Exception) -> str:
    """The first line of what the database said; a password is never part of it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def import_psycopg() -> Any:
    """The driver.

    Raises:
        HardwareUnavailable: it is not installed.
    """
    try:
        import psycopg
    except ImportError:
        msg = "the database needs psycopg: pip install 'face-edge[fleet]'"
        raise HardwareUnavailable(msg) from None
    return psycopg
