"""Search the whole picture with a detector that finds all faces of it at once, as often as something calls for it.

Where nothing moves that is not known, known faces are only confirmed now and then; in between they are followed by how
they look. A face that is lost, or not confirmed yet, is looked for at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.types import Light
from edge.vision.budget import NARROWEST
from edge.vision.findings import Findings
from edge.vision.newcomers import Newcomers
from edge.vision.reduce import width_for

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from edge.protocols import FaceDetector
    from edge.types import Box, Detection
    from edge.vision.budget import ScanBudget
    from edge.vision.track import Track
    from edge.vision.view import View

_NS = 1_000_000_000
_AT_ONCE = 0.3
"""A lost or new face is looked for after this part of the usual interval."""
_CONFIRM_S = 0.6
"""Known faces that are followed are confirmed at least so often."""
_DARK_WIDTH = 640
"""In the dark a wider picture has more noise in it than faces."""
_FOUND = 0.75
"""A face is expected to be found from this part of the detector's smallest size on."""
_SAME_IOU = 0.3
_TRIES = 3


class WholeSearch:
    """Search one camera's pictures; see :class:`edge.vision.findings.Search`.

    Args:
        detector: finds the faces of a whole picture.
        budget: says how wide and how often.
        min_face: smallest face as a share of the picture's shorter side.
        scan_s: most seconds between two searches while nobody is there and nothing moves.
        width: pixels across that are searched; 0: as far as ``min_face`` needs.
        careful: reduce pictures by the mean of all pixels, as single pictures deserve.
    """

    def __init__(
        self,
        detector: FaceDetector,
        *,
        budget: ScanBudget,
        min_face: float,
        interval_s: float,
        scan_s: float,
        width: int = 0,
        careful: bool = False,
    ) -> None:
        self._detector = detector
        self._budget = budget
        self._min_face = min_face
        self._scan_ns = int(scan_s * _NS)
        self._width = width
        self._careful = careful
        self._news = Newcomers(pause_s=interval_s)
        self.reset()

    def reset(self) -> None:
        """Begin anew with the whole picture."""
        self._news.reset()
        self._last_ns: int | None = None

    @property
    def still(self) -> bool:
        """Whether nothing moved in the last frame."""
        return self._news.still

    def grey_width(self, width: int, height: int) -> int:
        """Return how wide the small grey picture is: as wide as the widest search."""
        if self._width:
            return min(width, self._width)
        return min(width, max(NARROWEST, width_for(width, height, self._min_face, self._detector.smallest)))

    def update(self, view: View) -> None:
        """Compare the next frame with what was there before."""
        self._news.update(view.grey, view.now_ns)

    def changed(self, box: Box) -> bool:
        """Return whether anything moves in ``box``, in pixels of the small picture."""
        return self._news.changed(box)

    def look(self, view: View, tracks: Sequence[Track], followed: Collection[str]) -> Findings | None:
        """Search the whole picture where that is due."""
        now_ns, frame = view.now_ns, view.frame
        known = [track.at(now_ns).scaled(1 / view.scale) for track in tracks if not track.missed]
        places = self._news.places(known, self._min_face * min(view.grey.shape), now_ns)
        wanted = self.grey_width(frame.width, frame.height)
        plan = self._budget.plan(wanted, frame.height / frame.width, now_ns)
        if not self._is_due(now_ns, plan.interval_s, tracks, followed, is_moving=bool(places)):
            return None
        self._last_ns = now_ns
        width = plan.width if view.exposure.light is Light.NORMAL else min(plan.width, _DARK_WIDTH)
        self._budget.begin()
        picture = view.whole(width, colour=self._detector.colour, careful=self._careful)
        factor = frame.width / picture.shape[1]
        found = tuple(each.scaled(factor) for each in self._detector.detect(picture))
        self._budget.end(picture.shape[1], picture.shape[0], wanted=wanted, now_ns=now_ns)
        self._settle(places, known, found, view.scale, now_ns)
        least = _FOUND * self._detector.smallest * factor
        return Findings(found, frozenset(t.id for t in tracks if max(t.box.width, t.box.height) >= least))

    def _is_due(
        self, now_ns: int, interval_s: float, tracks: Sequence[Track], followed: Collection[str], *, is_moving: bool
    ) -> bool:
        if self._last_ns is None or not 0 <= now_ns - self._last_ns < self._scan_ns:
            return True
        since_s = (now_ns - self._last_ns) / _NS
        is_urgent = any(
            (not track.missed and track.id not in followed) or (track.hits < 2 and track.missed < _TRIES)
            for track in tracks
        )
        if is_urgent and since_s >= _AT_ONCE * interval_s:
            return True
        return since_s >= interval_s and (is_moving or (bool(tracks) and since_s >= _CONFIRM_S))

    def _settle(
        self, places: Sequence[Box], known: Sequence[Box], found: Sequence[Detection], scale: float, now_ns: int
    ) -> None:
        """Remember which of the places that moved showed somebody new."""
        boxes = [each.box.scaled(1 / scale) for each in found]
        new = [box for box in boxes if all(box.iou(other) < _SAME_IOU for other in known)]
        for place in places:
            self._news.searched(place, now_ns, in_vain=not any(_holds(place, box) for box in new))


def _holds(place: Box, box: Box) -> bool:
    x, y = box.centre
    return place.x <= x <= place.x + place.width and place.y <= y <= place.y + place.height
