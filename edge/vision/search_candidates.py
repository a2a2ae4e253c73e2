"""Where somebody new may be: in what moves and belongs to no known face, and a little later there again (pure).

Who turns to the camera or comes nearer is in motion before the face can be found, and still when it can. So a place
that was searched in vain is searched again, after a pause that doubles, until it is given up.
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
"""What moves here belongs to a known face: relative to its top left corner, in sides of the face."""
_AT_A_TIME = 3
"""So many places are searched in one frame, the largest first."""
_TRIES = 3
"""So often a place is searched in vain before it is given up; what moves there later waits as long as the last time."""
_SAME_IOU = 0.3


@dataclass(frozen=True, slots=True)
class _Place:
    """Where nobody new was found, in pixels of the reduced picture; the last time, and how often."""

    region: Box
    at_ns: int
    times: int


class SearchCandidates:
    """Says where to search; ``pause_s`` is the first pause before a place is searched again."""

    def __init__(self, *, pause_s: float) -> None:
        self._pause_ns = int(pause_s * 1e9)
        self._motion = Motion()
        self._places: list[_Place] = []

    @property
    def still(self) -> bool:
        """True where nothing moved in the last frame."""
        return self._motion.still

    def reset(self) -> None:
        """Forget what was there."""
        self._motion.reset()
        self._places = []

    def update(self, grey: NDArray[np.uint8], now_ns: int) -> None:
        """Take in a frame's reduced picture."""
        self._motion.update(grey, now_ns)

    def changed(self, box: Box) -> bool:
        """Return whether anything in ``box`` moves, in pixels of the reduced picture."""
        return self._motion.changed(box)

    def places(self, known: Sequence[Box], smallest: float, now_ns: int) -> list[Box]:
        """Where to search in this frame; ``known`` are the faces that are known, in pixels of the reduced picture."""
        bodies = [_body(face) for face in known]
        moving = [
            region
            for region in self._motion.regions(bodies, smallest)
            if not any(self._waits(place, now_ns) for place in self._like(region))
        ]
        again = [
            place.region
            for place in self._places
            if place.times < _TRIES
            and not self._waits(place, now_ns)
            and not any(_covers(body, place.region) for body in bodies)
        ]
        chosen: list[Box] = []
        for region in (*moving, *again):
            if all(region.iou(other) < _SAME_IOU for other in chosen):
                chosen.append(region)
        return chosen[:_AT_A_TIME]

    def vain(self, region: Box) -> int:
        """How often such a place was searched in vain of late."""
        return max((place.times for place in self._like(region)), default=0)

    def searched(self, region: Box, now_ns: int, *, in_vain: bool) -> None:
        """Remember what came of it."""
        before, times = self._like(region), 1 + self.vain(region)
        self._places = [
            place
            for place in self._places
            if place not in before and now_ns - place.at_ns < self._pause_ns << (_TRIES + 1)
        ]
        if in_vain:
            self._places.append(_Place(region, now_ns, min(times, _TRIES)))
            self._motion.settle(region)

    def _like(self, region: Box) -> list[_Place]:
        return [place for place in self._places if place.region.iou(region) >= _SAME_IOU]

    def _waits(self, place: _Place, now_ns: int) -> bool:
        return now_ns - place.at_ns < self._pause_ns << place.times


def _body(face: Box) -> Box:
    side = max(face.width, face.height)
    return Box(face.x + _BODY.x * side, face.y + _BODY.y * side, _BODY.width * side, _BODY.height * side)


def _covers(body: Box, region: Box) -> bool:
    x, y = region.centre
    return body.x <= x <= body.x + body.width and body.y <= y <= body.y + body.height
