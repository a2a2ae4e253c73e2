"""The SQLite file of the outbox; errors of SQLite are translated here.

The file belongs to one process, so it is locked exclusively and needs no shared memory file. Pages of 1 KiB and a log
padded to the sector (``psow=0``) let a commit of one message touch 4 KiB and never rewrite a sector that holds
committed data: https://www.sqlite.org/psow.html.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from edge.util.sqlite import FileDamaged, FileFault, bound, sync_folder, translated

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

SCHEMA_VERSION = 1
"""Before raising it, write a copy as :mod:`edge.recording.copies` does, so that an upgrade can be rolled back."""
_SCHEMA = (
    """
    CREATE TABLE message (
        number INTEGER PRIMARY KEY, stream TEXT NOT NULL, at REAL NOT NULL, seq INTEGER NOT NULL, payload TEXT NOT NULL
    )
    """,
    "CREATE TABLE counter (stream TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
_NUMBER = (int, float)
_ROW, _PAIR, _AT = (int, str, _NUMBER, int, str), (str, int), (_NUMBER,)
_PRAGMAS = ("page_size=1024", "locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL", "secure_delete=OFF")


@dataclass(frozen=True, slots=True)
class Row:
    """One message as it is stored; ``at_s`` in Unix seconds."""

    number: int
    stream: str
    at_s: float
    seq: int
    payload: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """Maximum number of messages in the file, and the time (Unix seconds) before which they are too old."""

    max_messages: int
    oldest_s: float


class OutboxFile:
    """An open outbox file; ``path.parent`` is created if it is missing.

    Raises:
        FileDamaged: The file is not an outbox, or its schema is newer.
        FileFault: The file cannot be opened now.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with translated():
            path.parent.mkdir(parents=True, exist_ok=True)
            is_new = not path.exists()
            self._connection = bound(
                sqlite3.connect(
                    f"file:{quote(str(path))}?psow=0",
                    uri=True,
                    timeout=0,
                    isolation_level=None,
                    check_same_thread=False,
                )
            )
        try:
            with translated():
                for pragma in _PRAGMAS:
                    self._connection.execute(f"PRAGMA {pragma}").fetchall()
                self._check_version()
                self.counts = dict(self._pairs("SELECT stream, count(*) FROM message GROUP BY stream"))
                self._count = sum(self.counts.values())
                self.counters = dict(self._pairs("SELECT stream, next FROM counter"))
                self.last = int(self._connection.execute("SELECT coalesce(max(number), 0) FROM message").fetchone()[0])
                self.inode = path.stat().st_ino
                if is_new:
                    sync_folder(path.parent)
        except BaseException:
            self.close()
            raise

    def _pairs(self, query: str) -> list[tuple[str, int]]:
        return [_sane(values, _PAIR) for values in self._connection.execute(query)]

    def _check_version(self) -> None:
        version: int = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            msg = f"is of schema version {version}, newer than {SCHEMA_VERSION}"
            raise FileDamaged(msg, f"version-{version}")
        if not version:
            with self._transaction():
                for statement in _SCHEMA:
                    self._connection.execute(statement)

    @property
    def vanished(self) -> bool:
        """True if the path no longer refers to this file, so that further writes would be lost."""
        try:
            return self.path.stat().st_ino != self.inode
        except OSError:
            return True

    def write(
        self,
        rows: Sequence[Row],
        gone: Collection[int],
        counters: Mapping[str, int],
        *,
        bounds: Bounds,
        in_flight: Collection[int] = (),
    ) -> list[tuple[int, str]]:
        """Add ``rows`` and delete ``gone`` and everything beyond ``bounds``, in one durable transaction.

        Messages numbered in ``in_flight`` are never dropped. Return ``(number, stream)`` of those dropped by the
        bounds.
        """
        with translated(), self._transaction():
            count = self._count + len(rows) - self._delete(gone)
            self._connection.executemany(
                "REPLACE INTO message (number, stream, at, seq, payload) VALUES (?, ?, ?, ?, ?)",
                [(row.number, row.stream, row.at_s, row.seq, row.payload) for row in rows],
            )
            if counters != self.counters:  # saves writing a page if only deletions are due
                self._connection.executemany("REPLACE INTO counter (stream, next) VALUES (?, ?)", counters.items())
            dropped = [old for old in self._too_old(bounds.oldest_s) if old[0] not in in_flight]
            count -= self._delete([number for number, _ in dropped])
            excess = count - bounds.max_messages
            if excess > 0:
                oldest = self._oldest(excess + len(in_flight))
                excessive = [old for old in oldest if old[0] not in in_flight][:excess]
                count -= self._delete([number for number, _ in excessive])
                dropped += excessive
        self._count, self.counters = count, dict(counters)
        return dropped

    def read(self, stream: str, after: int, limit: int) -> list[Row]:
        """Return at most ``limit`` messages of ``stream`` with numbers above ``after``, oldest first."""
        with translated():
            found = self._connection.execute(
                "SELECT number, stream, at, seq, payload FROM message WHERE number > ? AND stream = ?"
                " ORDER BY number LIMIT ?",
                (after, stream, limit),
            ).fetchall()
            return [Row(*_sane(values, _ROW)) for values in found]

    def shift(self, seconds: float, first: int) -> None:
        """Correct the times of messages from number ``first`` on by ``seconds``, after a clock adjustment."""
        with translated():
            self._connection.execute("UPDATE message SET at = at + ? WHERE number >= ?", (seconds, first))

    def close(self) -> None:
        """Merge the write-ahead log into the file and close it; idempotent."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def _delete(self, numbers: Collection[int]) -> int:
        """Delete messages and return how many existed."""
        if not numbers:
            return 0
        deleted = self._connection.executemany(
            "DELETE FROM message WHERE number = ?", ((number,) for number in numbers)
        )
        return deleted.rowcount

    def _oldest(self, limit: int) -> list[tuple[int, str]]:
        return self._connection.execute(
            "SELECT number, stream FROM message ORDER BY number LIMIT ?", (limit,)
        ).fetchall()

    def _too_old(self, oldest_s: float) -> list[tuple[int, str]]:
        first = self._connection.execute("SELECT at FROM message ORDER BY number LIMIT 1").fetchone()
        if first is None or _sane(first, _AT)[0] >= oldest_s:
            return []
        return self._connection.execute(
            "SELECT number, stream FROM message WHERE at < ? ORDER BY number", (oldest_s,)
        ).fetchall()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise


def _sane(values: Any, kinds: tuple[type | tuple[type, ...], ...]) -> Any:
    """Return ``values`` unchanged if each has the expected type.

    Raises:
        FileDamaged: A value has another type.
    """
    if not all(map(isinstance, values, kinds)):
        msg = "is damaged (a cell holds what was never written)"
        raise FileDamaged(msg)
    return values


def counters_of_copy(path: Path) -> dict[str, int]:
    """Read the counters of a file that cannot be written in place, e.g. on a read-only medium; empty if unknown."""
    try:
        with tempfile.TemporaryDirectory(prefix="face-edge-") as folder:
            for suffix in ("", "-wal"):
                if path.with_name(path.name + suffix).exists():
                    shutil.copyfile(path.with_name(path.name + suffix), Path(folder, path.name + suffix))
            if not Path(folder, path.name).exists():
                return {}
            copy = OutboxFile(Path(folder, path.name))
            copy.close()
            return copy.counters
    except (OSError, FileFault):
        return {}
