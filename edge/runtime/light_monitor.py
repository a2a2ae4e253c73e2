"""Decide from the light of single frames whether the device can see (pure).

A person who walks past the lens, or a scene of a film, makes it dark for moments. So a state changes only when most of
the last seconds differ from it, and a room between two states keeps the current one.
"""

from __future__ import annotations

from collections import deque

from edge.core.types import Light

WINDOW_S = 10.0
"""Seconds that are looked back on."""
LEAST_S = 3.0
"""So long frames must have come before anything is said: a camera needs a second or two to find its exposure."""
_MOST, _FEW = 0.7, 0.3
"""Shares of the window from which on it counts as that dark, and up to which it no longer does."""
_NS = 1_000_000_000
_LEVELS = (Light.DARK, Light.TOO_DARK)


class LightMonitor:
    """Monitor of the frames' light; ``now`` is the light during most of the last seconds, ``None`` while unknown."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all frames, because the camera is paused or gone."""
        self._spans: deque[tuple[int, int, Light]] = deque()
        self._last: tuple[int, Light] | None = None
        self._level = 0
        self.now: Light | None = None

    def observe(self, light: Light, now_ns: int) -> bool:
        """Add a frame's light, which applies until the next frame; return whether :attr:`now` changed."""
        if self._last is not None and now_ns > self._last[0]:
            self._add(*self._last, now_ns)
        self._last = now_ns, light
        while self._spans and self._spans[0][1] <= now_ns - WINDOW_S * _NS:
            self._spans.popleft()
        before, self.now = self.now, self._judge(now_ns)
        return self.now is not before

    def _add(self, start_ns: int, light: Light, end_ns: int) -> None:
        if self._spans and self._spans[-1][1:] == (start_ns, light):
            start_ns, *_ = self._spans.pop()
        self._spans.append((start_ns, end_ns, light))

    def _judge(self, now_ns: int) -> Light | None:
        since_ns = now_ns - int(WINDOW_S * _NS)
        durations = dict.fromkeys(Light, 0)
        for start_ns, end_ns, light in self._spans:
            durations[light] += end_ns - max(start_ns, since_ns)
        whole = sum(durations.values())
        if whole < LEAST_S * _NS:
            return self.now
        shares = ((whole - durations[Light.NORMAL]) / whole, durations[Light.TOO_DARK] / whole)
        # a level is reached where most of the time was so dark, and is kept until little of it is
        self._level = sum(share >= (_MOST if level > self._level else _FEW) for level, share in enumerate(shares, 1))
        return (Light.NORMAL, *_LEVELS)[self._level]
