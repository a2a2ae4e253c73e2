"""Search of the whole picture on demand, for fast detectors.

While nothing but known faces moves, these are only confirmed at intervals and in between followed by their appearance.
A face that is lost or not confirmed yet is searched for at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.vision.budget import NARROWEST
from edge.vision.motion_search import MotionSearch

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from edge.core.types import Box, Detection
    from edge.vision.findings import SearchResult
    from edge.vision.scan import Scan
    from edge.vision.track import Track
    from edge.vision.view import FrameView

_AT_ONCE = 0.3
"""Share of the interval after which a lost or new face is searched for in the whole picture; where it was, at once."""
_CONFIRM_S = 0.6
"""Longest interval at which followed faces are confirmed, in seconds."""
_GREY = 2 / 3
_SAME_IOU = 0.3
_TRIES = 2
_NS = 1_000_000_000


class WholeSearch(MotionSearch):
    """Searches the pictures of one camera; see :class:`edge.vision.findings.FaceSearch`.

    ``interval_s`` is the shortest interval between two searches in seconds, ``scan_s`` the longest, which applies while
    nobody is in view and nothing moves. ``min_hits`` is the number of detections after which a face counts.
    """

    def __init__(self, scan: Scan, *, interval_s: float, scan_s: float, min_hits: int = 2) -> None:
        self._min_hits = min_hits
        self._scan_s = scan_s
        super().__init__(scan, pause_s=interval_s)

    def reset(self) -> None:
        """Start again with a search of the whole picture."""
        super().reset()
        self._part_ns = 0

    def grey_width(self, width: int, height: int) -> int:
        """Return the width in pixels of the small grey picture, which can be smaller than a search's to show motion."""
        wanted = super().grey_width(width, height)
        return min(wanted, max(NARROWEST, round(_GREY * wanted)))

    def look(self, view: FrameView, tracks: Sequence[Track], followed: Collection[str]) -> SearchResult | None:
        """Search the whole picture if that is due, or the places that need it."""
        now_ns = view.now_ns
        known = [track.at(now_ns).scaled(1 / view.scale) for track in tracks if not track.missed]
        places = self._candidates.places(known, self._scan.min_face * min(view.grey.shape), now_ns)
        plan = self._scan.plan(view)
        urgent = [track.at(now_ns) for track in tracks if self._is_urgent(track, followed)]
        self._part_ns = min(self._part_ns, now_ns)  # a clock may step back
        since_s, part_s = self._scan.since_s(now_ns), (now_ns - self._part_ns) / _NS
        is_moving = bool(places) and min(since_s, part_s) >= plan.interval_s
        is_due = since_s >= self._scan_s or (bool(tracks) and since_s >= max(_CONFIRM_S, plan.interval_s))
        if not (is_due or is_moving or urgent):
            return None
        result = None
        if not is_due:
            areas = [*urgent, *(place.scaled(view.scale) for place in places if is_moving)]
            result = self._scan.run_in(view, tracks, plan, areas)
            if result is None and not is_moving and since_s < _AT_ONCE * plan.interval_s:
                return None
        if is_moving or result is None:
            self._part_ns = now_ns
        result = result or self._scan.run(view, tracks, plan)
        if is_moving or is_due:
            self._settle(places, known, result.detections, view.scale, now_ns)
        return result

    def _is_urgent(self, track: Track, followed: Collection[str]) -> bool:
        """Return whether a track has just been lost or waits for confirmation."""
        return track.missed < _TRIES and (track.hits < self._min_hits or track.id not in followed)

    def _settle(
        self, places: Sequence[Box], known: Sequence[Box], detections: Sequence[Detection], scale: float, now_ns: int
    ) -> None:
        """Record which of the moving places showed a new face."""
        boxes = [each.box.scaled(1 / scale) for each in detections]
        new = [box for box in boxes if all(box.iou(other) < _SAME_IOU for other in known)]
        for place in places:
            self._candidates.record(place, now_ns, missed=not any(_holds(place, box) for box in new))


def _holds(place: Box, box: Box) -> bool:
    x, y = box.centre
    return place.x <= x <= place.x + place.width and place.y <= y <= place.y + place.height
