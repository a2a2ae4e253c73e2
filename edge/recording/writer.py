"""Write to the session file, and continue when it fails: full disk, damage, removal."""

from __future__ import annotations

import logging
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from edge.recording import copies, kept_pages
from edge.recording.file import SessionFile
from edge.recording.schema import MIGRATIONS
from edge.util.backoff import Backoff
from edge.util.sqlite import FileDamaged, FileFault, set_aside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from edge.config import SessionsConfig
    from edge.recording.rows import SqlStatement
    from edge.recording.values import SessionRecord

_LOG = logging.getLogger(__name__)
_MB = 1_000_000
_WAITING_MAX = 3600
_TIDY_EVERY_S = 60.0


class SessionWriter:
    """Writer that owns the open file; statements that cannot be written wait, up to an hour of seconds.

    ``restore`` returns the first statements for a file that has to be recreated while a session runs. A fault is logged
    once and retried after increasing delays.
    """

    def __init__(self, path: Path, config: SessionsConfig, *, restore: Callable[[], Iterable[SqlStatement]]) -> None:
        self.path = path
        self.drops = 0
        self._max_bytes = config.max_mb * _MB
        self._keep_days = config.keep_days
        self._restore = restore
        self._file: SessionFile | None = None
        self._waiting: deque[SqlStatement] = deque()
        self._backoff = Backoff(first_s=1.0, max_s=30.0)
        self._retry_s = 0.0
        self._tidy_s = 0.0
        self._fault = ""

    def open(self) -> None:
        """Open an existing file; a fault is logged, and retried when there is something to write."""
        if self.exists:
            self._guarded(self._opened)

    def add(self, statements: Iterable[SqlStatement]) -> None:
        """Queue statements for the next :meth:`flush`; beyond the limit the oldest seconds are dropped."""
        self._waiting.extend(statements)
        while len(self._waiting) > _WAITING_MAX:
            oldest = next((index for index, statement in enumerate(self._waiting) if statement.second), 0)
            del self._waiting[oldest]
            self.drops += 1

    def flush(self, *, now: bool = False) -> None:
        """Write pending statements in one transaction; after a fault, only when the delay is over, unless ``now``."""
        if self._waiting and (now or time.monotonic() >= self._retry_s):
            self._guarded(self._write)

    def last_second(self, session: str) -> int:
        """Return the index of the last stored second of ``session``; -1 for none, or if the file cannot be read."""
        second = -1

        def read() -> None:
            nonlocal second
            second = self._opened().last_second(session)

        self._guarded(read)
        return second

    def find(self, session: str) -> SessionRecord | None:
        """Return the record of ``session``; ``None`` if the file has none or cannot be read."""
        records: list[SessionRecord | None] = []

        def read() -> None:
            records.append(self._opened().session(session))

        if self.exists:
            self._guarded(read)
        return records[-1] if records else None

    @property
    def waits(self) -> bool:
        """True while statements are pending."""
        return bool(self._waiting)

    @property
    def faulty(self) -> bool:
        """True from a failed write until one succeeds."""
        return bool(self._fault)

    @property
    def exists(self) -> bool:
        """True if the file exists, open or not."""
        return self._file is not None or self.path.exists()

    def close(self) -> None:
        """Write pending statements and close; safe to call again."""
        self.flush(now=True)
        if self._waiting and self._fault:
            _LOG.warning("%s: %d changes could not be written and are lost", self.path, len(self._waiting))
        self._release()

    def _release(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _guarded(self, step: Callable[[], object]) -> None:
        """Run ``step``; a damaged file is replaced, any other fault is logged once and retried later."""
        try:
            try:
                step()
            except FileDamaged as damage:
                self._replace(damage)
                step()
        except FileFault as fault:
            self._fail(fault)
        else:
            self._recover()

    def _opened(self) -> SessionFile:
        if self._file is not None and self._file.vanished:
            _LOG.error("%s has been removed: it is recreated", self.path)
            self._release()
            self._waiting.extendleft(reversed(list(self._restore())))
        if self._file is None:
            self._file = SessionFile(self.path, create=True, max_bytes=self._max_bytes)
        return self._file

    def _write(self) -> None:
        file = self._opened()
        batch = list(self._waiting)
        try:
            file.write(batch)
        except FileFault as fault:
            if not fault.full or not self._tidy(file, full=True):
                raise
            file.write(batch)
        self._waiting.clear()
        if time.monotonic() >= self._tidy_s:
            self._tidy_s = time.monotonic() + _TIDY_EVERY_S
            self._tidy(file)

    def _tidy(self, file: SessionFile, *, full: bool = False) -> int:
        """Delete sessions that are too old, or the oldest finished one if there is no room; return their number.

        Stored reports are deleted first.
        """
        copies.drop(self.path, outdated=True)
        limit = 0 if full else int(0.9 * self._max_bytes)
        if file.used_bytes > limit and kept_pages.size_bytes(file):
            kept_pages.forget(file)  # reports can be drawn again, sessions cannot be had again
            if full:
                return 1
        oldest = datetime.now(UTC) - timedelta(days=self._keep_days) if self._keep_days else None
        outdated = file.outdated(max_bytes=limit, oldest=oldest)
        for record in outdated:
            file.delete(record.id)
            reason = "there is no room for more" if oldest is None or record.start >= oldest else "it is too old"
            _LOG.warning("session %r of %s is deleted: %s", record.name, f"{record.start:%Y-%m-%d}", reason)
        return len(outdated)

    def _replace(self, damage: FileDamaged) -> None:
        self._release()
        aside = set_aside(self.path, damage.label)
        copy = copies.restore(self.path, len(MIGRATIONS))
        remedy = f"{copy.name} is restored" if copy else "a new file is created"
        _LOG.error("%s %s: it is renamed to %s, and %s", self.path, damage, aside.name, remedy)
        self._waiting.extendleft(reversed(list(self._restore())))

    def _fail(self, fault: FileFault) -> None:
        if not fault.full:
            self._release()
        self._retry_s = time.monotonic() + self._backoff.next_s()
        if not self._fault:
            _LOG.error("%s cannot be used: %s; the session is kept in memory until it can", self.path, fault)
        self._fault = str(fault)

    def _recover(self) -> None:
        if self._fault:
            lost = f"; {self.drops} seconds were lost" if self.drops else ""
            _LOG.info("%s can be written again%s", self.path, lost)
            self._fault = ""
            self._backoff.reset()
