"""Candidates for new faces: moving regions that belong to no known face, also for a while afterwards (pure).

A person who turns to the camera or approaches is in motion before the face can be detected, and may stand still when it
can. Therefore a region without a new face is searched again, after a pause that doubles each time, and then given up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.core.types import Box
from edge.vision.motion import Motion

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

_BODY = Box(-1.1, -0.9, 3.2, 4.0)
"""Body of a known face, relative to the face's top left corner, in sides of the face; motion inside belongs to it."""
_AT_A_TIME = 3
"""Largest number of regions searched in one frame, the largest first."""
_TRIES = 3
"""Number of misses after which a region is given up; later motion there waits for the last pause."""
_SAME_IOU = 0.3


@dataclass(frozen=True, slots=True)
class _Miss:
    """Region without a new face, in pixels of the reduced picture; the last time, and the number of misses."""

    region: Box
    at_ns: int
    count: int


class SearchCandidates:
    """Selects regions to search; ``pause_s`` is the first pause before a region is searched again, in seconds."""

    def __init__(self, *, pause_s: float) -> None:
        self._pause_ns = int(pause_s * 1e9)
        self._motion = Motion()
        self._misses: list[_Miss] = []

    @property
    def still(self) -> bool:
        """Return whether nothing moved in the last frame."""
        return self._motion.still

    def reset(self) -> None:
        """Forget the reference picture and all misses."""
        self._motion.reset()
        self._misses = []

    def update(self, grey: NDArray[np.uint8], now_ns: int) -> None:
        """Process a frame's reduced picture ``(h, w)`` uint8."""
        self._motion.update(grey, now_ns)

    def changed(self, box: Box) -> bool:
        """Return whether anything in ``box`` moves, in pixels of the reduced picture."""
        return self._motion.changed(box)

    def places(self, known: Sequence[Box], smallest: float, now_ns: int) -> list[Box]:
        """Return the regions to search in this frame; they and the ``known`` faces are in pixels of the picture."""
        bodies = [_body(face) for face in known]
        moving = [
            region
            for region in self._motion.regions(bodies, smallest)
            if not any(self._waits(miss, now_ns) for miss in self._near(region))
        ]
        again = [
            miss.region
            for miss in self._misses
            if miss.count < _TRIES
            and not self._waits(miss, now_ns)
            and not any(_covers(body, miss.region) for body in bodies)
        ]
        chosen: list[Box] = []
        for region in (*moving, *again):
            if all(region.iou(other) < _SAME_IOU for other in chosen):
                chosen.append(region)
        return chosen[:_AT_A_TIME]

    def misses(self, region: Box) -> int:
        """Return the number of recent misses in such a region."""
        return max((miss.count for miss in self._near(region)), default=0)

    def record(self, region: Box, now_ns: int, *, missed: bool) -> None:
        """Record the result of a search of ``region``."""
        before, count = self._near(region), 1 + self.misses(region)
        self._misses = [
            miss for miss in self._misses if miss not in before and now_ns - miss.at_ns < self._pause_ns << (_TRIES + 1)
        ]
        if missed:
            self._misses.append(_Miss(region, now_ns, min(count, _TRIES)))
            self._motion.settle(region)

    def _near(self, region: Box) -> list[_Miss]:
        return [miss for miss in self._misses if miss.region.iou(region) >= _SAME_IOU]

    def _waits(self, miss: _Miss, now_ns: int) -> bool:
        return now_ns - miss.at_ns < self._pause_ns << miss.count


def _body(face: Box) -> Box:
    side = max(face.width, face.height)
    return Box(face.x + _BODY.x * side, face.y + _BODY.y * side, _BODY.width * side, _BODY.height * side)


def _covers(body: Box, region: Box) -> bool:
    x, y = region.centre
    return body.x <= x <= body.x + body.width and body.y <= y <= body.y + body.height
