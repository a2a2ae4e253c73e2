"""Search of the whole picture, at the width and interval that the budget allows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from edge.core.types import Box, Light
from edge.vision.budget import NARROWEST
from edge.vision.findings import SearchResult
from edge.vision.reduce import width_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.core.protocols import FaceDetector
    from edge.core.types import Detection
    from edge.vision.budget import ScanBudget, ScanPlan
    from edge.vision.track import Track
    from edge.vision.view import FrameView

_NS = 1_000_000_000
_DARK_WIDTH = 640
"""Largest width in the dark, in pixels: a wider picture adds noise rather than faces."""
_FOUND = 0.75
"""Share of the detector's smallest size from which on a face is expected to be found."""
_STEP = 64
"""Unit of the sides of searched parts, in pixels, since each size of input needs a network of its own."""
_MOST_OF_IT = 0.5
_ROOM = 0.4
"""Margin around a searched area, as a share of its sides."""
_PART_COSTS = 4000
"""Fixed cost of a part, as the number of pixels that take the same time."""
_BORDER = 0.1
"""Distance to the border of a part, as a share of the face's side, below which a face may be cut."""
_SAME_IOU = 0.3


class Scan:
    """Searches the whole pictures of one camera.

    Args:
        detector: detects the faces of a picture.
        budget: decides about width and interval.
        min_face: smallest face as a share of the picture's shorter side.
        width: of the searched picture in pixels; 0: as ``min_face`` needs.
        careful: reduce pictures by averaging all pixels, as for single pictures.
        least: lowest score of a detection, in normal light and in the dark.
    """

    def __init__(
        self,
        detector: FaceDetector,
        *,
        budget: ScanBudget,
        min_face: float,
        width: int = 0,
        careful: bool = False,
        least: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        self.detector = detector
        self.min_face = min_face
        self._budget = budget
        self._width = width
        self._careful = careful
        self._least = least
        self._last_ns: int | None = None

    def reset(self) -> None:
        """Forget the time of the last search."""
        self._last_ns = None

    def width(self, width: int, height: int) -> int:
        """Return the width of a search of a frame of ``width`` by ``height`` pixels if the budget allows it."""
        if self._width:
            return min(width, self._width)
        return min(width, max(NARROWEST, width_for(width, height, self.min_face, self.detector.smallest)))

    def since_s(self, now_ns: int) -> float:
        """Return the seconds since the last search; infinite if there was none or time went backwards."""
        if self._last_ns is None or now_ns < self._last_ns:
            return float("inf")
        return (now_ns - self._last_ns) / _NS

    def plan(self, view: FrameView) -> ScanPlan:
        """Return width and interval of the next search."""
        frame = view.frame
        return self._budget.plan(self.width(frame.width, frame.height), frame.height / frame.width, view.now_ns)

    def run_in(
        self, view: FrameView, tracks: Sequence[Track], plan: ScanPlan, areas: Sequence[Box]
    ) -> SearchResult | None:
        """Search only around ``areas``, in pixels of the frame; ``None`` if the whole picture costs little more."""
        frame = view.frame
        scale = self._width_of(view, plan) / frame.width
        parts = _parts(areas, frame.width, frame.height, _STEP / scale)
        if sum(part.area + _PART_COSTS / scale**2 for part in parts) > _MOST_OF_IT * frame.width * frame.height:
            return None
        whole: list[Detection] = []
        self._budget.begin()
        for part in parts:
            picture = view.cut(part, scale, colour=self.detector.colour)
            factor = part.width / picture.shape[1]
            detections = (each.moved(part.x, part.y, factor) for each in self.detector.detect(picture))
            whole += (each for each in detections if _is_whole(each.box, part, frame.width, frame.height))
        self._budget.spend()
        least = _FOUND * self.detector.smallest / scale
        inside = (
            track.id
            for track in tracks
            if max(track.box.width, track.box.height) >= least
            and any(_holds(part, track.at(view.now_ns).clipped(frame.width, frame.height)) for part in parts)
        )
        return SearchResult(distinct(whole), frozenset(inside))

    def _width_of(self, view: FrameView, plan: ScanPlan) -> int:
        return plan.width if view.exposure.light is Light.NORMAL else min(plan.width, _DARK_WIDTH)

    def run(self, view: FrameView, tracks: Sequence[Track], plan: ScanPlan) -> SearchResult:
        """Search the whole picture; tracks that are too small for this width do not count as looked for."""
        frame, self._last_ns = view.frame, view.now_ns
        width = self._width_of(view, plan)
        self._budget.begin()
        picture = view.whole(width, colour=self.detector.colour, careful=self._careful)
        factor = frame.width / picture.shape[1]
        least_score = self._least[view.exposure.light is not Light.NORMAL]
        detections = tuple(each.scaled(factor) for each in self.detector.detect(picture) if each.score >= least_score)
        full_width = self.width(frame.width, frame.height)
        self._budget.end(picture.shape[1], picture.shape[0], full_width=full_width, now_ns=view.now_ns)
        least = _FOUND * self.detector.smallest * factor
        return SearchResult(detections, frozenset(t.id for t in tracks if max(t.box.width, t.box.height) >= least))


def distinct(detections: Sequence[Detection]) -> tuple[Detection, ...]:
    """Return ``detections`` without those that overlap an earlier one: two searches may find the same face."""
    unique: list[Detection] = []
    for each in detections:
        if all(each.box.iou(other.box) < _SAME_IOU for other in unique):
            unique.append(each)
    return tuple(unique)


def _parts(areas: Sequence[Box], width: int, height: int, step: float) -> list[Box]:
    """Return parts of the picture that contain the areas with a margin; overlapping ones are merged.

    Their sides are multiples of ``step``.
    """
    parts: list[Box] = []
    for area in areas:
        part = _stepped(area.expanded(_ROOM), width, height, step)
        while overlapping := [other for other in parts if other.iou(part) > 0]:
            parts = [other for other in parts if other not in overlapping]
            part = _stepped(_hull([part, *overlapping]), width, height, step)
        parts.append(part)
    return parts


def _hull(boxes: Sequence[Box]) -> Box:
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    right, bottom = max(box.x + box.width for box in boxes), max(box.y + box.height for box in boxes)
    return Box(left, top, right - left, bottom - top)


def _stepped(box: Box, width: int, height: int, step: float) -> Box:
    (x, across), (y, down) = (
        _span(begin, length, limit, step)
        for begin, length, limit in ((box.x, box.width, width), (box.y, box.height, height))
    )
    return Box(x, y, across, down)


def _span(begin: float, length: float, limit: int, step: float) -> tuple[int, int]:
    size = min(limit, math.ceil(math.ceil(length / step) * step))
    return min(max(0, round(begin + (length - size) / 2)), limit - size), size


def _is_whole(box: Box, part: Box, width: int, height: int) -> bool:
    """Return whether a face is far enough from the border of a part not to be cut."""
    room = _BORDER * max(box.width, box.height)
    return (
        (box.x > part.x + room or part.x <= 0)
        and (box.y > part.y + room or part.y <= 0)
        and (box.x + box.width < part.x + part.width - room or part.x + part.width >= width)
        and (box.y + box.height < part.y + part.height - room or part.y + part.height >= height)
    )


def _holds(area: Box, box: Box) -> bool:
    """Return whether ``box`` is inside ``area``, so that its face would be found there."""
    return (
        area.x <= box.x
        and area.y <= box.y
        and box.x + box.width <= area.x + area.width
        and box.y + box.height <= area.y + area.height
    )
