"""Upload rates: bounded in total, so that the loop keeps its processor, with a least rate for each upload."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from edge.kiosk.requests import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW_S = 20.0
LEAST_BYTES_PER_S = 8_000
"""What must come in each window of that length."""
_BYTES_PER_S = 16_000_000
_BURST_S = 0.25


class Pace:
    """Holds all transfers together to a rate that leaves the processor to the camera's loop."""

    def __init__(self, bytes_per_s: float = _BYTES_PER_S) -> None:
        self._rate = bytes_per_s
        self._free_s = 0.0

    async def take(self, count: int) -> float:
        """Wait until ``count`` more bytes may pass; return the seconds that this took."""
        now_s = time.monotonic()
        self._free_s = max(now_s, self._free_s) + count / self._rate
        if self._free_s - now_s > _BURST_S:
            await asyncio.sleep(self._free_s - now_s)
        return time.monotonic() - now_s


class Progress:
    """Sees that a transfer keeps to the least rate in every window, whatever it did before."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begin()

    def add(self, count: int) -> None:
        """Count ``count`` bytes that came.

        Raises:
            Refused: fewer came in the window than must.
        """
        self._bytes += count
        if self._clock() - self._since_s >= WINDOW_S:
            if self._bytes < WINDOW_S * LEAST_BYTES_PER_S:
                raise Refused(408, "stalled", f"it came more slowly than {LEAST_BYTES_PER_S // 1000} kB/s")
            self._begin()

    def leave_out(self, seconds: float) -> None:
        """Leave out time in which nothing was taken."""
        self._since_s += seconds

    def _begin(self) -> None:
        self._since_s, self._bytes = self._clock(), 0
