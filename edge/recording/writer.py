"""Brings what is to be kept into the file, and goes on where the file fails: full disk, damage, removal."""

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
    from edge.recording.rows import Statement
    from edge.recording.values import SessionRecord

_LOG = logging.getLogger(__name__)
_MB = 1_000_000
_WAITING_MAX = 3600
_TIDY_EVERY_S = 60.0


class SessionWriter:
    """Holds the open file; statements that cannot be written wait, at most an hour of seconds of them.

    ``again`` gives what a new file must know first, where one has to be begun while a session runs. A fault is told
    once and tried again after a growing pause.
    """

    def __init__(self, path: Path, config: SessionsConfig, *, again: Callable[[], Iterable[Statement]]) -> None:
        self.path = path
        self.drops = 0
        self._max_bytes = config.max_mb * _MB
        self._keep_days = config.keep_days
        self._again = again
        self._file: SessionFile | None = None
        self._waiting: deque[Statement] = deque()
        self._backoff = Backoff(first_s=1.0, max_s=30.0)
        self._retry_s = 0.0
        self._tidy_s = 0.0
        self._fault = ""

    def open(self) -> None:
        """Open the file where there is one; a fault is told, and tried again when there is something to write."""
        if self.there:
            self._guarded(self._opened)

    def add(self, statements: Iterable[Statement]) -> None:
        """Keep for the next :meth:`flush`; beyond the bound the oldest seconds go."""
        self._waiting.extend(statements)
        while len(self._waiting) > _WAITING_MAX:
            oldest = next((index for index, statement in enumerate(self._waiting) if statement.second), 0)
            del self._waiting[oldest]
            self.drops += 1

    def flush(self, *, now: bool = False) -> None:
        """Write what waits in one transaction; after a fault not before its pause is over, unless ``now``."""
        if self._waiting and (now or time.monotonic() >= self._retry_s):
            self._guarded(self._write)

    def last_second(self, session: str) -> int:
        """The last second that is kept of ``session``; -1 for none, or where it cannot be told."""
        found = -1

        def look() -> None:
            nonlocal found
            found = self._opened().last_second(session)

        self._guarded(look)
        return found

    def known(self, session: str) -> SessionRecord | None:
        """What the file says of ``session``; ``None`` where it says nothing, or cannot be read."""
        found: list[SessionRecord | None] = []

        def look() -> None:
            found.append(self._opened().session(session))

        if self.there:
            self._guarded(look)
        return found[-1] if found else None

    @property
    def waits(self) -> bool:
        """True while something is not in the file yet."""
        return bool(self._waiting)

    @property
    def faulty(self) -> bool:
        """True from a failed write until one goes well."""
        return bool(self._fault)

    @property
    def there(self) -> bool:
        """True where a file exists, open or not."""
        return self._file is not None or self.path.exists()

    def close(self) -> None:
        """Write what waits and close; harmless when repeated."""
        self.flush(now=True)
        if self._waiting and self._fault:
            _LOG.warning("%s: %d changes could not be kept", self.path, len(self._waiting))
        self._let_go()

    def _let_go(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _guarded(self, step: Callable[[], object]) -> None:
        """Do ``step``; a file of no use is replaced, any other fault is said once and tried again later."""
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
            _LOG.error("%s has vanished: it is begun anew", self.path)
            self._let_go()
            self._waiting.extendleft(reversed(list(self._again())))
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
        """Delete what is too old, or the oldest finished session where there is no room; gives how many went.

        Reports that are kept go first.
        """
        copies.drop(self.path, outdated=True)
        most = 0 if full else int(0.9 * self._max_bytes)
        if file.used_bytes > most and kept_pages.size_bytes(file):
            kept_pages.forget(file)  # reports can be drawn again, sessions cannot be had again
            if full:
                return 1
        oldest = datetime.now(UTC) - timedelta(days=self._keep_days) if self._keep_days else None
        gone = file.outdated(max_bytes=most, oldest=oldest)
        for record in gone:
            file.delete(record.id)
            why = "there is no room for more" if oldest is None or record.start >= oldest else "it is too old"
            _LOG.warning("session %r of %s is deleted: %s", record.name, f"{record.start:%Y-%m-%d}", why)
        return len(gone)

    def _replace(self, damage: FileDamaged) -> None:
        self._let_go()
        aside = set_aside(self.path, damage.label)
        copy = copies.take_back(self.path, len(MIGRATIONS))
        instead = f"it is as it was in {copy.name} again" if copy else "a new one is begun"
        _LOG.error("%s %s: it is set aside as %s and %s", self.path, damage, aside.name, instead)
        self._waiting.extendleft(reversed(list(self._again())))

    def _fail(self, fault: FileFault) -> None:
        if not fault.full:
            self._let_go()
        self._retry_s = time.monotonic() + self._backoff.next_s()
        if not self._fault:
            _LOG.error("%s cannot be used: %s; the session waits in memory until it can", self.path, fault)
        self._fault = str(fault)

    def _recover(self) -> None:
        if self._fault:
            lost = f"; {self.drops} seconds were lost" if self.drops else ""
            _LOG.info("%s is written again%s", self.path, lost)
            self._fault = ""
            self._backoff.reset()
