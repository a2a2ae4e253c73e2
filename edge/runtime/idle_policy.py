"""Fewer frames while there is nothing to see: an empty room needs no camera at full rate (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.core.types import Observation

_NS = 1_000_000_000
AFTER_S = 3.0
"""Nobody may be in view and nothing move for so long before it is worth resting."""


class IdlePolicy:
    """``interval_s`` is the time between two frames that shall be looked at: 0, or that of ``fps`` in an empty room.

    The frame in which somebody comes ends it, so it takes at most one interval until every frame counts again.
    """

    def __init__(self, fps: float) -> None:
        self._interval_s = 1 / fps if fps > 0 else 0.0
        self._empty_since_ns: int | None = None
        self.interval_s = 0.0

    def note(self, observation: Observation, *, still: bool) -> None:
        """Take in what a frame showed; ``still`` where nothing moved in it."""
        now_ns = observation.monotonic_ns
        if observation.faces or not still:
            self._empty_since_ns, self.interval_s = None, 0.0
        elif self._empty_since_ns is None:
            self._empty_since_ns = now_ns
        elif now_ns - self._empty_since_ns >= AFTER_S * _NS:
            self.interval_s = self._interval_s
