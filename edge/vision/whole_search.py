"""Search the whole picture as often as something calls for it: for detectors that do so quickly.

Where nothing moves that is not known, known faces are only confirmed now and then; in between they are followed by how
they look. A face that is lost, or not confirmed yet, is looked for at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.vision.budget import NARROWEST
from edge.vision.motion_search import MotionSearch

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from edge.core.types import Box, Detection
    from edge.vision.findings import Findings
    from edge.vision.scan import Scan
    from edge.vision.track import Track
    from edge.vision.view import FrameView

_AT_ONCE = 0.3
"""A lost or new face is looked for at once where it was, and in the whole picture after this part of the interval."""
_CONFIRM_S = 0.6
"""Known faces that are followed are confirmed at least so often."""
_GREY = 2 / 3
_SAME_IOU = 0.3
_TRIES = 2
_NS = 1_000_000_000


class WholeSearch(MotionSearch):
    """Search one camera's pictures; see :class:`edge.vision.findings.FaceSearch`.

    ``interval_s`` is the least time between two searches, ``scan_s`` the most while nobody is there and nothing moves,
    ``min_hits`` how often a face must be found to count.
    """

    def __init__(self, scan: Scan, *, interval_s: float, scan_s: float, min_hits: int = 2) -> None:
        self._min_hits = min_hits
        self._scan_s = scan_s
        super().__init__(scan, pause_s=interval_s)

    def reset(self) -> None:
        """Begin anew with the whole picture."""
        super().reset()
        self._part_ns = 0

    def grey_width(self, width: int, height: int) -> int:
        """Return how wide the small grey picture is: narrower than a search, which shows what moves well enough."""
        wanted = super().grey_width(width, height)
        return min(wanted, max(NARROWEST, round(_GREY * wanted)))

    def look(self, view: FrameView, tracks: Sequence[Track], followed: Collection[str]) -> Findings | None:
        """Search the whole picture where that is due, or the places where something calls for it."""
        now_ns = view.now_ns
        known = [track.at(now_ns).scaled(1 / view.scale) for track in tracks if not track.missed]
        places = self._news.places(known, self._scan.min_face * min(view.grey.shape), now_ns)
        plan = self._scan.plan(view)
        urgent = [track.at(now_ns) for track in tracks if self._is_urgent(track, followed)]
        self._part_ns = min(self._part_ns, now_ns)  # a clock may step back
        since_s, part_s = self._scan.since_s(now_ns), (now_ns - self._part_ns) / _NS
        is_moving = bool(places) and min(since_s, part_s) >= plan.interval_s
        is_due = since_s >= self._scan_s or (bool(tracks) and since_s >= max(_CONFIRM_S, plan.interval_s))
        if not (is_due or is_moving or urgent):
            return None
        found = None
        if not is_due:
            areas = [*urgent, *(place.scaled(view.scale) for place in places if is_moving)]
            found = self._scan.run_in(view, tracks, plan, areas)
            if found is None and not is_moving and since_s < _AT_ONCE * plan.interval_s:
                return None
        if is_moving or found is None:
            self._part_ns = now_ns
        found = found or self._scan.run(view, tracks, plan)
        if is_moving or is_due:
            self._settle(places, known, found.detections, view.scale, now_ns)
        return found

    def _is_urgent(self, track: Track, followed: Collection[str]) -> bool:
        """Return whether a track was lost just now, or waits to be confirmed."""
        return track.missed < _TRIES and (track.hits < self._min_hits or track.id not in followed)

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
