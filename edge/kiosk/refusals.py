"""Reports refused connections and bad requests in the log: a line a minute with a count, however many come."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_LOG = logging.getLogger(__name__)
EVERY_S = 60.0
_MOST_ADDRESSES = 256
_MOST_LINES = 64


class Refusals:
    """Counts by reason and address until the next report; used on one thread."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due_s = clock()
        self._reasons: Counter[str] = Counter()
        self._addresses: Counter[str] = Counter()

    def note(self, reason: str, address: str) -> None:
        """Count one."""
        self._reasons[reason] += 1
        if address and (address in self._addresses or len(self._addresses) < _MOST_ADDRESSES):
            self._addresses[address] += 1

    def report(self) -> None:
        """Write what was counted, at most once in :data:`EVERY_S`."""
        if not self._reasons or self._clock() < self._due_s:
            return
        self._due_s = self._clock() + EVERY_S
        reasons = ", ".join(f"{count} x {reason}" for reason, count in self._reasons.most_common())
        most = "".join(f"; most from {address} ({count})" for address, count in self._addresses.most_common(1))
        _LOG.warning("connections to the page were closed: %s%s", reasons, most)
        self._reasons.clear()
        self._addresses.clear()


class OncePerMinute(logging.Filter):
    """Lets each line of a library through once in :data:`EVERY_S`; the next one says how many there were."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._written: dict[str, float] = {}
        self._held: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True where ``record`` is to be written; the text before its arguments tells lines apart."""
        key, now_s = str(record.msg)[:200], self._clock()
        if now_s - self._written.get(key, -EVERY_S) < EVERY_S:
            self._held[key] += 1
            return False
        if key not in self._written and len(self._written) >= _MOST_LINES:
            self._written.clear()
            self._held.clear()
        self._written[key] = now_s
        if held := self._held.pop(key, 0):
            record.msg = f"{record.msg} ({held} more like it since the last line)"
        return True


class NoCancellations(logging.Filter):
    """Leaves out requests that were cancelled: the page's end cuts short what still runs, which is no failure."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return False where the record tells of a cancellation."""
        return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


def calm(*names: str) -> None:
    """Bound the lines of these loggers, and leave cancellations out."""
    for name in names:
        logger = logging.getLogger(name)
        for kind in (NoCancellations, OncePerMinute):
            if not any(isinstance(one, kind) for one in logger.filters):
                logger.addFilter(kind())
