"""Local search for slow detectors: around known faces, and for new faces in moving regions.

The whole picture is searched at the start and then every ``scan_s``, or sooner if most of it moves. In between, known
faces are followed by their appearance; each is searched for at intervals, or at once when it is lost, around its
expected position and at its size. New faces are searched for in moving regions. A search of the whole picture costs as
much as dozens of the small searches, and in most frames nothing is new.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.core.types import Box
from edge.vision.findings import SearchResult
from edge.vision.motion_search import MotionSearch
from edge.vision.scan import distinct

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from edge.core.protocols import FaceDetector
    from edge.core.types import Detection
    from edge.vision.scan import Scan
    from edge.vision.track import Track
    from edge.vision.view import FrameView

_NS = 1_000_000_000
_SIDE = 24
"""Side in pixels to which a known face is reduced; the cascade's own window has 20."""
_FINE = 48
"""The same after a miss: from 40 pixels on, twice its window, the cascade takes steps of one pixel instead of two, and
so has four times as many windows."""
_AROUND = 0.4
"""Margin around a known face in which it is searched for, as a share of its side."""
_SMALLER, _LARGER = 0.78, 1.3
"""Bounds of the change of its size."""
_MARGIN = 0.25
"""Margin around a moving region in which new faces are searched for, as a share of the region."""
_FAR = 0.15
"""Movement of a face, as a share of its side, after which it is searched for early."""
_FINELY = 2
"""Number of misses in a moving region after which it is searched at a finer scale, for smaller faces."""
_FINE_SHARE = 0.25
"""Largest region for that, as a share of the picture: a larger one, as when the camera moves, would cost too much."""
_CONFIRM_S = 0.6
"""Interval at which a followed face is confirmed, in seconds."""
_BROAD = 0.4
"""Share of moving regions above which the whole picture is searched, as often as the budget allows."""
_BROAD_S = 0.4
_TRIES = 3
"""Number of immediate retries for a face that was missed, each in a larger area; then the usual interval applies."""
_SAME_IOU = 0.3


@dataclass(slots=True)
class _Attempt:
    """Time of the last search for a track, and the number of consecutive misses."""

    at_ns: int
    misses: int = 0


class LocalSearch(MotionSearch):
    """Searches the pictures of one camera; see :class:`edge.vision.findings.FaceSearch`.

    ``near`` detects single faces in small windows. ``interval_s`` is the shortest interval between two searches for one
    face, ``scan_s`` that between two searches of the whole picture, both in seconds. ``min_hits`` is the number of
    detections after which a face counts: until then it is searched for in every frame.
    """

    def __init__(self, scan: Scan, *, near: FaceDetector, interval_s: float, scan_s: float, min_hits: int) -> None:
        self._detector = near
        self._interval_s = interval_s
        self._scan_s = scan_s
        self._min_hits = min_hits
        super().__init__(scan, pause_s=interval_s)

    def reset(self) -> None:
        """Start again with a search of the whole picture."""
        super().reset()
        self._attempts: dict[str, _Attempt] = {}

    def look(self, view: FrameView, tracks: Sequence[Track], followed: Collection[str]) -> SearchResult | None:
        """Search the whole picture, or around known faces and in moving regions, if that is due."""
        now_ns = view.now_ns
        known = [track.at(now_ns).scaled(1 / view.scale) for track in tracks if not track.missed]
        places = self._candidates.places(known, self._smallest(view), now_ns)
        if self._is_scan_due(view, places):
            for place in places:
                self._candidates.record(place, now_ns, missed=True)
            return self._scan.run(view, tracks, self._scan.plan(view))
        due = [track for track in tracks if self._is_due(track, now_ns, is_followed=track.id in followed)]
        new = None if _is_broad(places, view) else self._new_faces(view, places, known)
        if not due and new is None:
            return None
        detections = [each for track in due for each in self._near(view, track)]
        self._record(due, detections, now_ns)
        return SearchResult(distinct([*detections, *(new or [])]), frozenset(track.id for track in due))

    def _is_scan_due(self, view: FrameView, places: Sequence[Box]) -> bool:
        since_s = self._scan.since_s(view.now_ns)
        if since_s >= self._scan_s:
            return True
        return _is_broad(places, view) and since_s >= max(_BROAD_S, self._scan.plan(view).interval_s)

    def _smallest(self, view: FrameView) -> float:
        """Return the side of the smallest face in pixels of the small picture."""
        return self._scan.min_face * float(min(view.grey.shape))

    def _is_due(self, track: Track, now_ns: int, *, is_followed: bool) -> bool:
        attempt = self._attempts.get(track.id)
        since_ns = now_ns - (track.detected_ns if attempt is None else max(attempt.at_ns, track.detected_ns))
        if track.hits < self._min_hits:
            return attempt is None or attempt.misses <= _TRIES
        if is_followed:
            return since_ns >= _CONFIRM_S * _NS
        if since_ns >= self._interval_s * _NS:
            return True
        if attempt is not None and attempt.misses:
            return attempt.misses <= _TRIES
        distance = math.hypot(track.speed_x, track.speed_y) * since_ns / _NS
        return distance > _FAR * max(track.box.width, track.box.height)

    def _near(self, view: FrameView, track: Track) -> list[Detection]:
        """Find faces of the track's size around its expected position; small ones in the full picture."""
        box, attempt = track.at(view.now_ns), self._attempts.get(track.id)
        misses = 0 if attempt is None else attempt.misses
        factor, reduced = view.scale, _FINE if misses else _SIDE
        side = max(box.width, box.height)
        full = side / factor < reduced
        scale = 1.0 if full else factor
        room = _AROUND * side * (1 + min(misses, _TRIES) / 2)
        area = Box(box.x - room, box.y - room, side + 2 * room, side + 2 * room).scaled(1 / scale)
        sizes = (reduced * _SMALLER, reduced * _LARGER)
        detections = self._in(self._detector, view, area, reduced * scale / side, sizes, full=full)
        return [each.scaled(scale) for each in detections]

    def _record(self, due: Sequence[Track], detections: Sequence[Detection], now_ns: int) -> None:
        attempts = {}
        for track in due:
            hit = any(track.at(now_ns).iou(each.box) >= _SAME_IOU for each in detections)
            before = self._attempts.get(track.id)
            attempts[track.id] = _Attempt(now_ns, 0 if hit else 1 + (0 if before is None else before.misses))
        recent = {name: each for name, each in self._attempts.items() if now_ns - each.at_ns < self._scan_s * _NS}
        self._attempts = {**recent, **attempts}

    def _new_faces(self, view: FrameView, places: Sequence[Box], known: Sequence[Box]) -> list[Detection] | None:
        """Find faces in ``places``, which may show new faces; ``None`` if there are no places."""
        grey, now_ns, smallest = view.grey, view.now_ns, self._smallest(view)
        if not places:
            return None
        faces = []
        for place in places:
            is_small = place.area <= _FINE_SHARE * grey.size
            finely = is_small and self._candidates.misses(place) >= _FINELY
            detections = self._within(view, place, smallest, finely=finely)
            is_old = all(any(each.box.iou(other) >= _SAME_IOU for other in known) for each in detections)
            self._candidates.record(place, now_ns, missed=is_old)
            faces += [each.scaled(view.scale) for each in detections]
        return faces

    def _within(self, view: FrameView, region: Box, smallest: float, *, finely: bool) -> list[Detection]:
        """Find faces in and around ``region``, in pixels of the small picture; ``finely`` doubles its scale at most."""
        zoom = min(2.0, view.scale) if finely else 1.0
        scale = view.scale if zoom > 1 else 1.0
        room = max(_MARGIN * max(region.width, region.height), smallest / 2)
        area = Box(region.x - room, region.y - room, region.width + 2 * room, region.height + 2 * room)
        largest = 2 * smallest if finely else float(max(view.grey.shape))
        detections = self._in(
            self._scan.detector,
            view,
            area.scaled(scale),
            zoom / scale,
            (smallest * zoom, largest * zoom),
            full=zoom > 1,
        )
        return [each.scaled(1 / scale) for each in detections]

    def _in(
        self, detector: FaceDetector, view: FrameView, area: Box, zoom: float, sizes: tuple[float, float], *, full: bool
    ) -> list[Detection]:
        """Find faces in ``area``, in its pixels; it is scaled by ``zoom``, to which ``sizes`` refer."""
        grey, left, top = view.part(area, zoom, full=full)
        if not grey.size:
            return []
        return [each.moved(left, top, 1 / zoom) for each in detector.detect(grey, sizes=sizes)]


def _is_broad(places: Sequence[Box], view: FrameView) -> bool:
    return sum(place.area for place in places) > _BROAD * view.grey.size
