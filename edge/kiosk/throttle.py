"""How often someone may guess: by address, and all together against guesses from many (pure but for its clock)."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_ADDRESSES = 1000


class Throttle:
    """At most ``per_address`` failures of one address and ``overall`` of all together in ``window_s`` seconds."""

    def __init__(
        self,
        *,
        per_address: int = 5,
        overall: int = 40,
        window_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._window_s = window_s
        self._clock = clock
        self._overall: deque[float] = deque(maxlen=overall)
        self._per_address = per_address
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """Seconds until ``address`` may try again; 0: now."""
        tries = self._failures.get(address)
        return max(self._left_s(self._overall), 0.0 if tries is None else self._left_s(tries))

    def begin(self, address: str) -> None:
        """Count an attempt before its outcome is known, so that many at once are no way around."""
        now_s = self._clock()
        self._overall.append(now_s)
        tries = self._failures.setdefault(address, deque(maxlen=self._per_address))
        tries.append(now_s)
        self._failures.move_to_end(address)
        while len(self._failures) > _MOST_ADDRESSES:
            self._failures.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """The last attempt was right: it and those before it are forgiven."""
        tries = self._failures.pop(address, deque[float]())
        for _ in range(min(len(tries), len(self._overall))):
            self._overall.pop()

    def _left_s(self, tries: deque[float]) -> float:
        if len(tries) < (tries.maxlen or 0):
            return 0.0
        return max(0.0, tries[0] + self._window_s - self._clock())
