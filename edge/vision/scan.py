"""Search the whole picture, as wide and as often as its budget allows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from edge.core.types import Box, Light
from edge.vision.budget import NARROWEST
from edge.vision.findings import Findings
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
"""In the dark a wider picture has more noise in it than faces."""
_FOUND = 0.75
"""A face is expected to be found from this part of the detector's smallest size on."""
_STEP = 64
"""Sides of a part that is searched are multiples of this many pixels, since a network is laid out for each size."""
_MOST_OF_IT = 0.5
_ROOM = 0.4
"""Room around an area that is searched, as a share of its sides."""
_PART_COSTS = 4000
"""Pixels that could be searched in the time that each part takes beside its pixels."""
_BORDER = 0.1
"""A face that is nearer to the border of a part than this share of its side may be cut."""
_SAME_IOU = 0.3


class Scan:
    """One camera's searches of the whole picture.

    Args:
        detector: finds the faces of a picture.
        budget: says how wide and how often.
        min_face: smallest face as a share of the picture's shorter side.
        width: pixels across that are searched; 0: as far as ``min_face`` needs.
        careful: reduce pictures by the mean of all pixels, as single pictures deserve.
        least: score below which finds are left out, in ordinary light and in the dark.
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
        """Forget when the last one was."""
        self._last_ns = None

    def width(self, width: int, height: int) -> int:
        """Return how wide a frame of ``width`` by ``height`` pixels is searched where the budget allows it."""
        if self._width:
            return min(width, self._width)
        return min(width, max(NARROWEST, width_for(width, height, self.min_face, self.detector.smallest)))

    def since_s(self, now_ns: int) -> float:
        """Return the seconds since the last one; infinite where there was none, or time went back."""
        if self._last_ns is None or now_ns < self._last_ns:
            return float("inf")
        return (now_ns - self._last_ns) / _NS

    def plan(self, view: FrameView) -> ScanPlan:
        """Return how wide and how soon after the last one the next one is."""
        frame = view.frame
        return self._budget.plan(self.width(frame.width, frame.height), frame.height / frame.width, view.now_ns)

    def run_in(self, view: FrameView, tracks: Sequence[Track], plan: ScanPlan, areas: Sequence[Box]) -> Findings | None:
        """Search only around ``areas``, in pixels of the frame; ``None`` where all of the picture costs little more."""
        frame = view.frame
        scale = self._width_of(view, plan) / frame.width
        parts = _parts(areas, frame.width, frame.height, _STEP / scale)
        if sum(part.area + _PART_COSTS / scale**2 for part in parts) > _MOST_OF_IT * frame.width * frame.height:
            return None
        found: list[Detection] = []
        self._budget.begin()
        for part in parts:
            picture = view.cut(part, scale, colour=self.detector.colour)
            factor = part.width / picture.shape[1]
            detections = (each.moved(part.x, part.y, factor) for each in self.detector.detect(picture))
            found += (each for each in detections if _is_whole(each.box, part, frame.width, frame.height))
        self._budget.spend()
        least = _FOUND * self.detector.smallest / scale
        inside = (
            track.id
            for track in tracks
            if max(track.box.width, track.box.height) >= least
            and any(_holds(part, track.at(view.now_ns).clipped(frame.width, frame.height)) for part in parts)
        )
        return Findings(distinct(found), frozenset(inside))

    def _width_of(self, view: FrameView, plan: ScanPlan) -> int:
        return plan.width if view.exposure.light is Light.NORMAL else min(plan.width, _DARK_WIDTH)

    def run(self, view: FrameView, tracks: Sequence[Track], plan: ScanPlan) -> Findings:
        """Search now; tracks that are too small for this search's width are not counted as looked for."""
        frame, self._last_ns = view.frame, view.now_ns
        width = self._width_of(view, plan)
        self._budget.begin()
        picture = view.whole(width, colour=self.detector.colour, careful=self._careful)
        factor = frame.width / picture.shape[1]
        least_score = self._least[view.exposure.light is not Light.NORMAL]
        found = tuple(each.scaled(factor) for each in self.detector.detect(picture) if each.score >= least_score)
        wanted = self.width(frame.width, frame.height)
        self._budget.end(picture.shape[1], picture.shape[0], wanted=wanted, now_ns=view.now_ns)
        least = _FOUND * self.detector.smallest * factor
        return Findings(found, frozenset(t.id for t in tracks if max(t.box.width, t.box.height) >= least))


def distinct(found: Sequence[Detection]) -> tuple[Detection, ...]:
    """Leave out what an earlier one overlaps: two searches may find the same face."""
    kept: list[Detection] = []
    for each in found:
        if all(each.box.iou(other.box) < _SAME_IOU for other in kept):
            kept.append(each)
    return tuple(kept)


def _parts(areas: Sequence[Box], width: int, height: int, step: float) -> list[Box]:
    """Return parts of the picture that hold the areas with room around them; those that overlap are made one.

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
    """Return whether a face keeps away from the border of a part, where it may be cut."""
    room = _BORDER * max(box.width, box.height)
    return (
        (box.x > part.x + room or part.x <= 0)
        and (box.y > part.y + room or part.y <= 0)
        and (box.x + box.width < part.x + part.width - room or part.x + part.width >= width)
        and (box.y + box.height < part.y + part.height - room or part.y + part.height >= height)
    )


def _holds(area: Box, box: Box) -> bool:
    """Return whether ``box`` lies within ``area``, so that its face would be found there."""
    return (
        area.x <= box.x
        and area.y <= box.y
        and box.x + box.width <= area.x + area.width
        and box.y + box.height <= area.y + area.height
    )
