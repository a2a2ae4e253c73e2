"""Look for known faces close by and for new ones where something moves: for detectors that search a picture slowly.

The whole picture is searched at the start and then every ``scan_s``, or sooner where most of it moves. In between known
faces are followed by how they look; each is looked for again now and then, or at once when it is lost, around where it
should be and at its own size, and newcomers within what moves: searching the whole picture costs as much as dozens of
the small searches, and in most frames nothing is new.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.core.types import Box
from edge.vision.findings import Findings
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
"""Pixels a side to which a known face is reduced; the cascade's own window has 20."""
_FINE = 48
"""The same after a look in vain: from 40 pixels on, twice its window, the cascade takes steps of one pixel and not of
two, and so has four times as many windows."""
_AROUND = 0.4
"""Room around it in which it is looked for again, as a share of its side."""
_SMALLER, _LARGER = 0.78, 1.3
"""How much it may have shrunk or grown since."""
_MARGIN = 0.25
"""A newcomer is searched for so far beyond what moves, as a share of it."""
_FAR = 0.15
"""A face that has moved so far, as a share of its side, is looked for before its time."""
_FINELY = 2
"""A place where something moves was searched so often in vain when it is searched finely, for the smaller faces."""
_FINE_SHARE = 0.25
"""Larger places, such as all of a picture whose camera was moved, would cost as much as many frames."""
_CONFIRM_S = 0.6
"""A known face that is followed is confirmed so often."""
_BROAD = 0.4
"""Where more than this share of the picture moves, all of it is searched, and not more often than the budget allows."""
_BROAD_S = 0.4
_TRIES = 3
"""A face that was not found is sought again at once so many times, ever further around, then as rarely as others."""
_SAME_IOU = 0.3


@dataclass(slots=True)
class _Look:
    """When a track was looked for last, and how often in a row in vain."""

    at_ns: int
    vain: int = 0


class LocalSearch(MotionSearch):
    """Search one camera's pictures; see :class:`edge.vision.findings.FaceSearch`.

    ``near`` looks for single faces in small windows. ``interval_s`` is the least time between two looks at one place,
    ``scan_s`` that between two searches of the whole picture, ``min_hits`` how often a face must be found to count:
    until then it is looked for in every frame.
    """

    def __init__(self, scan: Scan, *, near: FaceDetector, interval_s: float, scan_s: float, min_hits: int) -> None:
        self._detector = near
        self._interval_s = interval_s
        self._scan_s = scan_s
        self._min_hits = min_hits
        super().__init__(scan, pause_s=interval_s)

    def reset(self) -> None:
        """Begin anew with the whole picture."""
        super().reset()
        self._looks: dict[str, _Look] = {}

    def look(self, view: FrameView, tracks: Sequence[Track], followed: Collection[str]) -> Findings | None:
        """Search the whole picture, or around known faces and in what moves, where that is due."""
        now_ns = view.now_ns
        known = [track.at(now_ns).scaled(1 / view.scale) for track in tracks if not track.missed]
        places = self._news.places(known, self._smallest(view), now_ns)
        if self._is_scan_due(view, places):
            for place in places:
                self._news.searched(place, now_ns, in_vain=True)
            return self._scan.run(view, tracks, self._scan.plan(view))
        due = [track for track in tracks if self._is_due(track, now_ns, is_followed=track.id in followed)]
        newcomers = None if _is_broad(places, view) else self._newcomers(view, places, known)
        if not due and newcomers is None:
            return None
        found = [each for track in due for each in self._near(view, track)]
        self._note(due, found, now_ns)
        return Findings(distinct([*found, *(newcomers or [])]), frozenset(track.id for track in due))

    def _is_scan_due(self, view: FrameView, places: Sequence[Box]) -> bool:
        since_s = self._scan.since_s(view.now_ns)
        if since_s >= self._scan_s:
            return True
        return _is_broad(places, view) and since_s >= max(_BROAD_S, self._scan.plan(view).interval_s)

    def _smallest(self, view: FrameView) -> float:
        """Return the side of the smallest face in pixels of the small picture."""
        return self._scan.min_face * float(min(view.grey.shape))

    def _is_due(self, track: Track, now_ns: int, *, is_followed: bool) -> bool:
        look = self._looks.get(track.id)
        since_ns = now_ns - (track.detected_ns if look is None else max(look.at_ns, track.detected_ns))
        if track.hits < self._min_hits:
            return look is None or look.vain <= _TRIES
        if is_followed:
            return since_ns >= _CONFIRM_S * _NS
        if since_ns >= self._interval_s * _NS:
            return True
        if look is not None and look.vain:
            return look.vain <= _TRIES
        gone = math.hypot(track.speed_x, track.speed_y) * since_ns / _NS
        return gone > _FAR * max(track.box.width, track.box.height)

    def _near(self, view: FrameView, track: Track) -> list[Detection]:
        """Find faces of about its size around where it should be; small ones are looked for in the full picture."""
        box, look = track.at(view.now_ns), self._looks.get(track.id)
        vain = 0 if look is None else look.vain
        factor, reduced = view.scale, _FINE if vain else _SIDE
        side = max(box.width, box.height)
        full = side / factor < reduced
        scale = 1.0 if full else factor
        room = _AROUND * side * (1 + min(vain, _TRIES) / 2)
        area = Box(box.x - room, box.y - room, side + 2 * room, side + 2 * room).scaled(1 / scale)
        sizes = (reduced * _SMALLER, reduced * _LARGER)
        found = self._in(self._detector, view, area, reduced * scale / side, sizes, full=full)
        return [each.scaled(scale) for each in found]

    def _note(self, due: Sequence[Track], found: Sequence[Detection], now_ns: int) -> None:
        looks = {}
        for track in due:
            hit = any(track.at(now_ns).iou(each.box) >= _SAME_IOU for each in found)
            before = self._looks.get(track.id)
            looks[track.id] = _Look(now_ns, 0 if hit else 1 + (0 if before is None else before.vain))
        fresh = {name: look for name, look in self._looks.items() if now_ns - look.at_ns < self._scan_s * _NS}
        self._looks = {**fresh, **looks}

    def _newcomers(self, view: FrameView, places: Sequence[Box], known: Sequence[Box]) -> list[Detection] | None:
        """Find faces in ``places``, where somebody new may be; ``None`` where there are none."""
        grey, now_ns, smallest = view.grey, view.now_ns, self._smallest(view)
        if not places:
            return None
        found = []
        for place in places:
            is_small = place.area <= _FINE_SHARE * grey.size
            finely = is_small and self._news.vain(place) >= _FINELY
            detections = self._within(view, place, smallest, finely=finely)
            is_old = all(any(each.box.iou(other) >= _SAME_IOU for other in known) for each in detections)
            self._news.searched(place, now_ns, in_vain=is_old)
            found += [each.scaled(view.scale) for each in detections]
        return found

    def _within(self, view: FrameView, region: Box, smallest: float, *, finely: bool) -> list[Detection]:
        """Find faces in and around ``region``, in pixels of the small picture; ``finely`` at up to twice its size."""
        zoom = min(2.0, view.scale) if finely else 1.0
        scale = view.scale if zoom > 1 else 1.0
        room = max(_MARGIN * max(region.width, region.height), smallest / 2)
        area = Box(region.x - room, region.y - room, region.width + 2 * room, region.height + 2 * room)
        largest = 2 * smallest if finely else float(max(view.grey.shape))
        found = self._in(
            self._scan.detector,
            view,
            area.scaled(scale),
            zoom / scale,
            (smallest * zoom, largest * zoom),
            full=zoom > 1,
        )
        return [each.scaled(1 / scale) for each in found]

    def _in(
        self, detector: FaceDetector, view: FrameView, area: Box, zoom: float, sizes: tuple[float, float], *, full: bool
    ) -> list[Detection]:
        """Find faces in ``area``, in its pixels; it is searched at ``zoom``, to which ``sizes`` refer."""
        grey, left, top = view.part(area, zoom, full=full)
        if not grey.size:
            return []
        return [each.moved(left, top, 1 / zoom) for each in detector.detect(grey, sizes=sizes)]


def _is_broad(places: Sequence[Box], view: FrameView) -> bool:
    return sum(place.area for place in places) > _BROAD * view.grey.size
