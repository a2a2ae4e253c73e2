"""Rate limit for the work that clients cause in the embedded broker, which shares the processor with the device."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_BYTES_PER_UNIT = 4096


class WorkBudget:
    """Token bucket of ``rate`` units per second and up to ``burst`` at once; a packet costs 1 plus 1 per 4 KiB."""

    def __init__(self, rate: float, burst: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._left = burst
        self._at_s = clock()

    def charge(self, size_bytes: int = 0) -> None:
        """Charge the cost of a packet; the debt is limited so that a past excess does not delay for long."""
        self._left = max(-self._burst, self._now() - 1 - size_bytes / _BYTES_PER_UNIT)

    @property
    def wait_s(self) -> float:
        """Seconds until units are available."""
        return max(0.0, -self._now() / self._rate)

    async def wait(self) -> None:
        """Wait until units are available."""
        while (wait_s := self.wait_s) > 0:  # noqa: ASYNC110 - time passes without notification
            await asyncio.sleep(wait_s)

    def _now(self) -> float:
        now_s = self._clock()
        self._left = min(self._burst, self._left + (now_s - self._at_s) * self._rate)
        self._at_s = now_s
        return self._left
