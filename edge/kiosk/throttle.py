"""Rate limits on attempts: by address, and in total against many addresses (pure but for its clock).

The /64 network of an IPv6 address counts as one.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from edge.util.connections import site_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MOST_ADDRESSES = 1000


class Window:
    """At most ``limit`` tries in any ``window_s`` seconds."""

    def __init__(self, limit: int, window_s: float, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._window_s = window_s
        self._clock = clock
        self._tries: deque[float] = deque(maxlen=limit)

    def wait_s(self) -> float:
        """Seconds until one more may be made; 0: now."""
        if len(self._tries) < self._limit:
            return 0.0
        return max(0.0, self._tries[0] + self._window_s - self._clock())

    def add(self) -> float:
        """Count a try; the time under which it can be taken back."""
        now_s = self._clock()
        self._tries.append(now_s)
        return now_s

    def take_back(self, at_s: float) -> None:
        """Count that try no more."""
        with suppress(ValueError):  # pushed out by later ones
            self._tries.remove(at_s)


class Windows:
    """A window for each key; of too many the one that was used longest ago is forgotten."""

    def __init__(self, limit: int, window_s: float, clock: Callable[[], float]) -> None:
        self._new = partial(Window, limit, window_s, clock)
        self._windows: OrderedDict[str, Window] = OrderedDict()

    def __iter__(self) -> Iterator[str]:
        return iter(self._windows)

    def wait_s(self, key: str) -> float:
        """As a window's."""
        window = self._windows.get(key)
        return 0.0 if window is None else window.wait_s()

    def add(self, key: str) -> float:
        """As a window's."""
        window = self._windows.setdefault(key, self._new())
        self._windows.move_to_end(key)
        while len(self._windows) > _MOST_ADDRESSES:
            self._windows.popitem(last=False)
        return window.add()

    def take_back(self, key: str, at_s: float) -> None:
        """As a window's."""
        if key in self._windows:
            self._windows[key].take_back(at_s)

    def forget(self, key: str) -> None:
        """Count none of its tries any more."""
        self._windows.pop(key, None)


class Throttle:
    """At most ``per_address`` tries of one address and ``overall`` of all together in ``window_s`` seconds."""

    def __init__(
        self,
        *,
        per_address: int = 5,
        overall: int = 40,
        window_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._all = Window(overall, window_s, clock)
        self._addresses = Windows(per_address, window_s, clock)

    def wait_s(self, address: str) -> float:
        """Seconds until ``address`` may try again; 0: now."""
        return max(self._all.wait_s(), self._addresses.wait_s(site_of(address)))

    def begin(self, address: str) -> None:
        """Count a try."""
        self._all.add()
        self._addresses.add(site_of(address))
