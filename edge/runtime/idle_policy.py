"""Policy for processing fewer frames in an empty room (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.core.types import Observation

_NS = 1_000_000_000
AFTER_S = 3.0
"""Nobody may be in view and nothing move for so long before it is worth resting."""


class IdlePolicy:
    """Policy whose ``interval_s`` is the time between processed frames: 0, or that of ``fps`` in an empty room.

    The first frame with a face ends it, so it takes at most one interval until every frame is processed again.
    """

    def __init__(self, fps: float) -> None:
        self._interval_s = 1 / fps if fps > 0 else 0.0
        self._empty_since_ns: int | None = None
        self.interval_s = 0.0

    def note(self, observation: Observation, *, still: bool) -> None:
        """Update the policy with a frame's observation; ``still`` is true if nothing moved in it."""
        now_ns = observation.monotonic_ns
        if observation.faces or not still:
            self._empty_since_ns, self.interval_s = None, 0.0
        elif self._empty_since_ns is None:
            self._empty_since_ns = now_ns
        elif now_ns - self._empty_since_ns >= AFTER_S * _NS:
            self.interval_s = self._interval_s
