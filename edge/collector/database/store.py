"""Storage of batches in PostgreSQL: one transaction per batch, each row once however often it is sent."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from edge.collector.database.driver import BadRow, DatabaseAway, connection_string, import_psycopg, in_words
from edge.collector.database.migrate import migrate
from edge.collector.database.statements import insert, make_staging, see_nodes
from edge.collector.database.tables import TABLES
from edge.collector.topics import Kind
from edge.core.errors import SinkError

if TYPE_CHECKING:
    import psycopg

    from edge.collector.database.batch import Batch

_DAYS_BACK = 31
_DAYS_AHEAD = 1
"""Range of days that get a partition; days beyond it come from unset clocks."""
_TS = {kind: TABLES[kind].columns.index("ts") for kind in (Kind.EVENT, Kind.AGGREGATE, Kind.HEALTH)}
_FEEDS = ("events", "aggregates", "health")
_NODES_KNOWN_MAX = 1_000_000


class Store:
    """Connection to the database, opened on demand and reopened after failures.

    Args:
        database: URL or libpq connection string; missing parts come from libpq's environment
            (``PGPASSWORD``, ``PGPASSFILE``, ``PGSERVICE``, …).
    """

    def __init__(self, database: str) -> None:
        self._psycopg = import_psycopg()
        self._conninfo = connection_string(self._psycopg, database)
        self._connection: psycopg.Connection[Any] | None = None
        self._days: set[date] = set()
        self._nodes: set[str] = set()

    def open(self) -> None:
        """Connect and migrate the schema, unless that is done already.

        Raises:
            DatabaseAway: not now.
            SinkError: The schema of the database is newer than this program.
        """
        if self._connection is not None:
            return
        try:
            connection = self._psycopg.connect(self._conninfo, autocommit=True)
            self._connection = connection
            migrate(connection)
            make_staging(connection)
        except self._psycopg.Error as error:
            self.close()
            raise DatabaseAway(in_words(error)) from None
        except SinkError:
            self.close()
            raise

    def close(self) -> None:
        """Disconnect; idempotent."""
        connection, self._connection = self._connection, None
        self._days.clear()
        self._nodes.clear()
        if connection is not None:
            connection.close()

    def write(self, batch: Batch) -> int:
        """Commit a batch and return how many of its events and aggregates were new.

        Raises:
            DatabaseAway: Nothing was written, or the commit's answer was lost: try the same batch again.
            BadRow: Nothing was written, and a batch with all these rows never can be.
        """
        self.open()
        assert self._connection is not None  # noqa: S101 - open() would have raised
        try:
            self._ensure_days(self._connection, batch)
            with self._connection.transaction():
                new = self._write(self._connection, batch)
        except (self._psycopg.DataError, self._psycopg.IntegrityError) as error:
            raise BadRow(in_words(error)) from None
        except self._psycopg.Error as error:
            self.close()
            raise DatabaseAway(in_words(error)) from None
        if len(self._nodes) < _NODES_KNOWN_MAX:
            self._nodes |= batch.nodes()
        return new

    def drop_before(self, cutoff: datetime) -> list[str]:
        """Drop expired partitions and return their names; one that is being read is left for the next time.

        Raises:
            DatabaseAway: not now.
        """
        self.open()
        assert self._connection is not None  # noqa: S101 - open() would have raised
        found: list[str] = []
        try:
            for feed in _FEEDS:  # each in its own transaction: no two feeds are locked at a time
                found += self._drop_before(self._connection, cutoff, feed)
        except self._psycopg.Error as error:
            self.close()
            raise DatabaseAway(in_words(error)) from None
        self._days.clear()
        return found

    def _drop_before(self, connection: psycopg.Connection[Any], cutoff: datetime, feed: str) -> list[str]:
        try:
            with connection.transaction():
                connection.execute("SET LOCAL lock_timeout = '2s'")
                rows = connection.execute("SELECT face_edge.drop_before(%s, %s)", (cutoff, feed)).fetchall()
        except self._psycopg.errors.LockNotAvailable:
            return []
        return [name for (name,) in rows]

    def _ensure_days(self, connection: psycopg.Connection[Any], batch: Batch) -> None:
        today = datetime.now(UTC).date()
        found = {row[index].astimezone(UTC).date() for kind, index in _TS.items() for row in batch.rows.get(kind, ())}
        for day in sorted(found - self._days):
            if today - timedelta(days=_DAYS_BACK) <= day <= today + timedelta(days=_DAYS_AHEAD):
                for feed in _FEEDS:  # each in its own transaction
                    connection.execute("SELECT face_edge.ensure_day(%s, %s)", (day, feed))
            self._days.add(day)

    def _write(self, connection: psycopg.Connection[Any], batch: Batch) -> int:
        new = 0
        for kind in (Kind.EVENT, Kind.AGGREGATE, Kind.HEALTH):
            rows = batch.rows.get(kind)
            if rows:
                stored = insert(connection, kind, rows)
                new += stored if kind is not Kind.HEALTH else 0
        see_nodes(connection, batch, self._nodes)
        return new
