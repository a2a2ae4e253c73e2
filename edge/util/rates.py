"""Rate limits by client address."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from edge.util.connections import site_of

if TYPE_CHECKING:
    from collections.abc import Callable

_ADDRESSES = 4096


class TokenBuckets:
    """Rate limit per address: ``burst`` uses at once, then ``per_s`` per second."""

    def __init__(self, burst: int, per_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._per_s, self._clock = burst, per_s, clock
        self._used: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> bool:
        """Count one use by ``address``; return False if it exceeds the limit."""
        site, now_s = site_of(address), self._clock()
        used, then_s = self._used.get(site, (0.0, now_s))
        used = max(0.0, used - (now_s - then_s) * self._per_s)
        allowed = used < self._burst
        self._used[site] = (used + 1 if allowed else used, now_s)
        self._used.move_to_end(site)
        if len(self._used) > _ADDRESSES:
            self._used.popitem(last=False)
        return allowed
