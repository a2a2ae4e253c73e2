"""Decides where in a frame to look for faces, and looks there: known ones close by, new ones where something moves.

The whole picture is searched at the start and then every ``scan_s``. In between each known face is looked for again
around where it should be, at its own size, and newcomers within what moves: searching the whole picture costs as much
as dozens of the small searches, and in most frames nothing is new.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import cv2

from edge.preprocess import to_grey
from edge.types import Box
from edge.vision.newcomers import Newcomers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from edge.protocols import FaceDetector
    from edge.types import Frame
    from edge.vision.track import Track

_NS = 1_000_000_000
_SIDE = 28
"""Pixels a side to which a known face is reduced; the cascade's own window has 24."""
_FINE = 62
"""The same after a look in vain: from 48 pixels on, twice its window, the cascade takes steps of one pixel and not of
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
_TRIES = 3
"""A face that was not found is sought again at once so many times, ever further around, then as rarely as others."""
_SAME_IOU = 0.3


@dataclass(slots=True)
class _Look:
    """When a track was looked for last, and how often in a row in vain."""

    at_ns: int
    vain: int = 0


class Search:
    """One camera's search; times are the frames' own and go forward.

    ``interval_s`` is the least time between two looks at one place, ``scan_s`` that between two searches of the whole
    picture, ``min_face`` the smallest face as a share of the picture's shorter side, ``min_hits`` how often a face must
    be found to count: until then it is looked for in every frame.
    """

    def __init__(
        self, detector: FaceDetector, *, interval_s: float, scan_s: float, min_face: float, min_hits: int
    ) -> None:
        self._detector = detector
        self._interval_ns = int(interval_s * _NS)
        self._scan_ns = int(scan_s * _NS)
        self._min_face = min_face
        self._min_hits = min_hits
        self._news = Newcomers(pause_s=interval_s)
        self.reset()

    def reset(self) -> None:
        """Begin anew with the whole picture."""
        self._news.reset()
        self._looks: dict[str, _Look] = {}
        self._scanned_ns: int | None = None

    @property
    def still(self) -> bool:
        """True where nothing moved in the last frame."""
        return self._news.still

    def look(self, frame: Frame, grey: NDArray[np.uint8], tracks: Sequence[Track]) -> list[Box] | None:
        """Faces found in ``frame``, in its pixels, each once; ``None`` where nothing was to be looked for.

        ``grey`` is its reduced picture, ``tracks`` are the faces that are known.
        """
        now_ns = frame.monotonic_ns
        self._news.update(grey, now_ns)
        if self._scanned_ns is None or not 0 <= now_ns - self._scanned_ns < self._scan_ns:
            self._scanned_ns = now_ns
            return [box.scaled(frame.width / grey.shape[1]) for box in self._detector.detect(grey)]
        due = [track for track in tracks if self._is_due(track, now_ns)]
        newcomers = self._newcomers(frame, grey, tracks, now_ns)
        if not due and newcomers is None:
            return None
        found = [box for track in due for box in self._near(frame, grey, track)]
        self._note(due, found, now_ns)
        return _distinct([*found, *(newcomers or [])])

    def _is_due(self, track: Track, now_ns: int) -> bool:
        look = self._looks.get(track.id)
        since_ns = now_ns - (track.detected_ns if look is None else max(look.at_ns, track.detected_ns))
        if since_ns >= self._interval_ns or track.hits < self._min_hits:
            return True
        if look is not None and look.vain:
            return look.vain <= _TRIES
        gone = math.hypot(track.speed_x, track.speed_y) * since_ns / _NS
        return gone > _FAR * max(track.box.width, track.box.height)

    def _near(self, frame: Frame, grey: NDArray[np.uint8], track: Track) -> list[Box]:
        """Faces of about its size around where it should be; small ones are looked for in the full picture."""
        box, look = track.at(frame.monotonic_ns), self._looks.get(track.id)
        vain = 0 if look is None else look.vain
        factor, reduced = frame.width / grey.shape[1], _FINE if vain else _SIDE
        side = max(box.width, box.height)
        picture, scale = (grey, factor) if side / factor >= reduced else (frame.image, 1.0)
        room = _AROUND * side * (1 + min(vain, _TRIES) / 2)
        area = Box(box.x - room, box.y - room, side + 2 * room, side + 2 * room).scaled(1 / scale)
        sizes = (reduced * _SMALLER, reduced * _LARGER)
        return [found.scaled(scale) for found in self._in(picture, area, reduced * scale / side, sizes)]

    def _note(self, due: Sequence[Track], found: Sequence[Box], now_ns: int) -> None:
        looks = {}
        for track in due:
            hit = any(track.at(now_ns).iou(box) >= _SAME_IOU for box in found)
            before = self._looks.get(track.id)
            looks[track.id] = _Look(now_ns, 0 if hit else 1 + (0 if before is None else before.vain))
        fresh = {name: look for name, look in self._looks.items() if now_ns - look.at_ns < self._scan_ns}
        self._looks = {**fresh, **looks}

    def _newcomers(
        self, frame: Frame, grey: NDArray[np.uint8], tracks: Sequence[Track], now_ns: int
    ) -> list[Box] | None:
        """Faces where somebody new may be; ``None`` where nobody may."""
        factor = frame.width / grey.shape[1]
        smallest = self._min_face * min(grey.shape)
        known = [track.at(now_ns).scaled(1 / factor) for track in tracks]
        places = self._news.places(known, smallest, now_ns)
        if not places:
            return None
        found = []
        for place in places:
            is_small = place.area <= _FINE_SHARE * grey.size
            finely = is_small and self._news.vain(place) >= _FINELY
            boxes = self._within(frame, grey, place, smallest, finely=finely)
            is_old = all(any(box.iou(other) >= _SAME_IOU for other in known) for box in boxes)
            self._news.searched(place, now_ns, in_vain=is_old)
            found += [box.scaled(factor) for box in boxes]
        return found

    def _within(
        self, frame: Frame, grey: NDArray[np.uint8], region: Box, smallest: float, *, finely: bool
    ) -> list[Box]:
        """Faces in ``region`` and a little around it, in pixels of ``grey``; ``finely`` at up to twice its size."""
        factor = frame.width / grey.shape[1]
        zoom = min(2.0, factor) if finely else 1.0
        picture, scale = (frame.image, factor) if zoom > 1 else (grey, 1.0)
        room = max(_MARGIN * max(region.width, region.height), smallest / 2)
        area = Box(region.x - room, region.y - room, region.width + 2 * room, region.height + 2 * room)
        largest = 2 * smallest if finely else float(max(grey.shape))
        found = self._in(picture, area.scaled(scale), zoom / scale, (smallest * zoom, largest * zoom))
        return [box.scaled(1 / scale) for box in found]

    def _in(self, picture: NDArray[np.uint8], area: Box, zoom: float, sizes: tuple[float, float]) -> list[Box]:
        """Faces in ``area`` of ``picture``, in its pixels; it is searched at ``zoom``, to which ``sizes`` refer."""
        left, top = (max(0, round(value)) for value in (area.x, area.y))
        right, bottom = (max(0, round(value)) for value in (area.x + area.width, area.y + area.height))
        part = picture[top:bottom, left:right]
        if min(part.shape) < 2:
            return []
        grey = to_grey(part)
        if zoom != 1.0:
            size = (max(2, round(grey.shape[1] * zoom)), max(2, round(grey.shape[0] * zoom)))
            grey = cast("NDArray[np.uint8]", cv2.resize(grey, size, interpolation=cv2.INTER_AREA))
        found = self._detector.detect(grey, sizes=sizes)
        return [Box(left + box.x / zoom, top + box.y / zoom, box.width / zoom, box.height / zoom) for box in found]


def _distinct(boxes: Sequence[Box]) -> list[Box]:
    """Without those that an earlier one overlaps: two searches may find the same face."""
    kept: list[Box] = []
    for box in boxes:
        if all(box.iou(other) < _SAME_IOU for other in kept):
            kept.append(box)
    return kept
