"""Gauge of the backlog of messages, without those that are just passing through."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW_S = 2.0
_FEWEST_SAMPLES = 3


class QueueGauge:
    """Gauge that is sampled in every turn of the loop; :attr:`depth` is the least of the last ``window_s`` seconds.

    Every message waits for some milliseconds, and health is published together with states and aggregates: a single
    sample would nearly always count those. Only messages that are there all the time are a backlog.
    """

    def __init__(self, *, window_s: float = WINDOW_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._window_s = window_s
        self._clock = clock
        self._samples: deque[tuple[float, int]] = deque()

    def sample(self, depth: int) -> None:
        """Record that ``depth`` messages are waiting now."""
        now_s = self._clock()
        self._samples.append((now_s, depth))
        while len(self._samples) > _FEWEST_SAMPLES and self._samples[0][0] < now_s - self._window_s:
            self._samples.popleft()

    @property
    def depth(self) -> int:
        """Number of messages waiting during the whole window; 0 until there are enough samples."""
        return min(depth for _, depth in self._samples) if len(self._samples) >= _FEWEST_SAMPLES else 0
