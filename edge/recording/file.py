"""SQLite file of sessions: written by the device, readable by other processes at the same time (WAL).

Every commit is on the disk before it returns (``synchronous=FULL``). Pages of 1 KiB and a padded log (``psow=0``) keep
the writes of one second small on a memory card, and never rewrite a sector that holds committed data.
"""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from edge.recording import copies
from edge.recording.order import credible_starts
from edge.recording.rows import (
    EVENT_COLUMNS,
    MEDIA_COLUMNS,
    SESSION_READ,
    STORED_COLUMNS,
    SqlStatement,
    end_others,
    event_of,
    forget_content,
    media_of,
    seconds_of,
    session_of,
    to_ms,
)
from edge.recording.schema import MIGRATIONS, migrate
from edge.recording.values import Recording
from edge.util.sqlite import FileDamaged, FileFault, bound, sync_folder, translated

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from types import TracebackType

    from edge.recording.values import SessionRecord

_PRAGMAS = (
    "page_size=1024", "auto_vacuum=INCREMENTAL", "journal_mode=WAL", "synchronous=FULL", "secure_delete=ON",
    "journal_size_limit=4194304",
    "cache_size=-256",  # KiB: by itself SQLite would keep 2 MB of a file in memory that is written and hardly read
)  # fmt: skip
_SESSIONS = ", ".join(SESSION_READ)
_LASTED = (
    "CASE WHEN end_ms IS NULL THEN coalesce((SELECT max(kept.second) + 1 FROM second AS kept"
    " WHERE kept.session = session.id), 0) ELSE lasted_s END AS lasted_s"
)


class SessionFile:
    """Open session file with the newest schema.

    Set ``device_runs`` to false if no device writes to the file: sessions without an end are then read as interrupted.

    Raises:
        FileDamaged: the file is not a session file, or has a newer schema version.
        FileFault: the file cannot be opened now, or does not exist and ``create`` is false.
    """

    def __init__(
        self,
        path: Path,
        *,
        create: bool = False,
        max_bytes: int | None = None,
        timeout_s: float = 1.0,
        migrations: Sequence[Sequence[str]] = MIGRATIONS,
    ) -> None:
        self.path = path
        self.device_runs = True
        with translated():
            if create:
                path.parent.mkdir(parents=True, exist_ok=True)
            is_new = not path.exists()
            if is_new and create:
                path.touch(mode=0o600)
            self._connection = _connect(path, timeout_s)
        try:
            with translated():
                migrate(
                    self._connection, migrations, first=lambda version: copies.keep(self._connection, path, version)
                )
                if max_bytes is not None:
                    pages = max_bytes // self._number("PRAGMA page_size")
                    self._connection.execute(f"PRAGMA max_page_count={max(pages, 32)}")
                self._connection.execute(f"SELECT {_SESSIONS} FROM session LIMIT 1").fetchall()  # noqa: S608 - ours
                self.inode = path.stat().st_ino
                if is_new:
                    sync_folder(path.parent)
        except BaseException:
            self.close()
            raise

    @property
    def vanished(self) -> bool:
        """True if the path no longer names this file."""
        try:
            return self.path.stat().st_ino != self.inode
        except OSError:
            return True

    @property
    def used_bytes(self) -> int:
        """Size of the content in bytes, without free pages."""
        with translated():
            pages = self._number("PRAGMA page_count") - self._number("PRAGMA freelist_count")
            return pages * self._number("PRAGMA page_size")

    def write(self, statements: Iterable[SqlStatement]) -> None:
        """Execute the statements in one transaction that is on the disk afterwards, or none of them.

        Raises:
            FileFault: as the class.
        """
        with translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                for statement in statements:
                    self._connection.execute(statement.sql, statement.values)
                self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # SQLite may have rolled back by itself
                    self._connection.execute("ROLLBACK")
                raise

    def sessions(self) -> list[SessionRecord]:
        """Return all sessions, newest first."""
        columns = _SESSIONS.replace("lasted_s", _LASTED)
        with translated():
            rows = self._connection.execute(f"SELECT {columns} FROM session ORDER BY number DESC, id DESC").fetchall()  # noqa: S608
        return [self._session_of(row) for row in rows]

    def newest(self, *, before: int | None, limit: int) -> list[SessionRecord]:
        """Return at most ``limit`` sessions, newest first; with ``before`` only those with a smaller number."""
        columns = _SESSIONS.replace("lasted_s", _LASTED)
        where = "" if before is None else "WHERE number < ?"
        sql = f"SELECT {columns} FROM session {where} ORDER BY number DESC LIMIT ?"  # noqa: S608 - ours
        values = (limit,) if before is None else (before, limit)
        return [self._session_of(row) for row in self.read(sql, values)]

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a query.

        Raises:
            FileFault: as the class.
        """
        with translated():
            return self._connection.execute(sql, tuple(values)).fetchall()

    def session(self, identity: str) -> SessionRecord | None:
        """Return the session with this id, ``None`` if there is none."""
        columns = _SESSIONS.replace("lasted_s", _LASTED)
        with translated():
            row = self._connection.execute(f"SELECT {columns} FROM session WHERE id = ?", (identity,)).fetchone()  # noqa: S608
        return None if row is None else self._session_of(row)

    def recording(self, record: SessionRecord) -> Recording:
        """Return a whole session, read in one transaction."""
        with translated():
            self._connection.execute("BEGIN")
            try:
                seconds = self._of("second", STORED_COLUMNS, "second", record.id)
                events = self._of("happening", EVENT_COLUMNS, "at_s, id", record.id)
                media = self._of("media_point", MEDIA_COLUMNS, "at_s", record.id)
            finally:
                self._connection.execute("COMMIT")
        return Recording(
            record,
            seconds_of(seconds, record.labels),
            tuple(map(event_of, events)),
            tuple(map(media_of, media)),
        )

    def _session_of(self, row: Sequence[Any]) -> SessionRecord:
        record = session_of(row)
        return record if self.device_runs else record.interrupted()

    def _of(self, table: str, columns: Sequence[str], order: str, session: str) -> list[Any]:
        sql = f"SELECT {', '.join(columns)} FROM {table} WHERE session = ? ORDER BY {order}"  # noqa: S608 - ours
        return self._connection.execute(sql, (session,)).fetchall()

    def last_second(self, identity: str) -> int:
        """Return the index of the last stored second of a session; -1 for none."""
        with translated():
            sql = "SELECT coalesce(max(second), -1) FROM second WHERE session = ?"
            return int(self._connection.execute(sql, (identity,)).fetchone()[0])

    def delete(self, identity: str) -> None:
        """Delete a session, also from copies of older versions; its bytes are overwritten."""
        copies.drop(self.path)
        self.write([*forget_content(identity), SqlStatement("DELETE FROM session WHERE id = ?", (identity,))])
        with translated():
            self._connection.execute("PRAGMA incremental_vacuum").fetchall()
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def end_others(self, running: str | None) -> None:
        """End all sessions without an end except the running one."""
        self.write(end_others(running))

    def outdated(self, *, max_bytes: int, oldest: datetime | None) -> list[SessionRecord]:
        """Return finished sessions to delete: all older than ``oldest``, else the first if over ``max_bytes``."""
        records = self.sessions()[::-1]
        starts = credible_starts(records, datetime.now(UTC))
        done = [(record, start) for record, start in zip(records, starts, strict=True) if not record.running]
        old = [] if oldest is None else [record for record, start in done if to_ms(start) < to_ms(oldest)]
        return old or ([record for record, _ in done[:1]] if self.used_bytes > max_bytes else [])

    def close(self) -> None:
        """Merge the log into the file and close it; safe to call again."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _number(self, query: str) -> int:
        return int(self._connection.execute(query).fetchone()[0])


def _connect(path: Path, timeout_s: float) -> sqlite3.Connection:
    """Open for writing; if the folder is read-only, for reading, including a log that was never merged."""
    connection = _open(path, "mode=rw&psow=0", timeout_s)
    try:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").fetchall()
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}:
            raise
        # SQLite passes over a log where the file is said to be immutable, and wants to make one where it is not
        has_log = path.with_name(path.name + "-wal").exists()
        return _open(path, "mode=ro" if has_log else "mode=ro&immutable=1", timeout_s)
    except BaseException:
        connection.close()
        raise
    return connection


def _open(path: Path, options: str, timeout_s: float) -> sqlite3.Connection:
    if not path.exists():
        msg = "does not exist"
        raise FileFault(msg)
    if not path.is_file():
        msg = "is not a file"
        raise FileDamaged(msg)
    uri = f"file:{quote(str(path))}?{options}"
    return bound(sqlite3.connect(uri, uri=True, timeout=timeout_s, isolation_level=None, check_same_thread=False))
