"""Search the whole picture, as wide and as often as its budget allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.types import Light
from edge.vision.budget import NARROWEST
from edge.vision.findings import Findings
from edge.vision.reduce import width_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.protocols import FaceDetector
    from edge.vision.budget import Plan, ScanBudget
    from edge.vision.track import Track
    from edge.vision.view import View

_NS = 1_000_000_000
_DARK_WIDTH = 640
"""In the dark a wider picture has more noise in it than faces."""
_FOUND = 0.75
"""A face is expected to be found from this part of the detector's smallest size on."""


class Scan:
    """One camera's searches of the whole picture.

    Args:
        detector: finds the faces of a picture.
        budget: says how wide and how often.
        min_face: smallest face as a share of the picture's shorter side.
        width: pixels across that are searched; 0: as far as ``min_face`` needs.
        careful: reduce pictures by the mean of all pixels, as single pictures deserve.
    """

    def __init__(
        self, detector: FaceDetector, *, budget: ScanBudget, min_face: float, width: int = 0, careful: bool = False
    ) -> None:
        self.detector = detector
        self.min_face = min_face
        self._budget = budget
        self._width = width
        self._careful = careful
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

    def plan(self, view: View) -> Plan:
        """Return how wide and how soon after the last one the next one is."""
        frame = view.frame
        return self._budget.plan(self.width(frame.width, frame.height), frame.height / frame.width, view.now_ns)

    def run(self, view: View, tracks: Sequence[Track], plan: Plan) -> Findings:
        """Search now; tracks that are too small for this search's width are not counted as looked for."""
        frame, self._last_ns = view.frame, view.now_ns
        width = plan.width if view.exposure.light is Light.NORMAL else min(plan.width, _DARK_WIDTH)
        self._budget.begin()
        picture = view.whole(width, colour=self.detector.colour, careful=self._careful)
        factor = frame.width / picture.shape[1]
        found = tuple(each.scaled(factor) for each in self.detector.detect(picture))
        wanted = self.width(frame.width, frame.height)
        self._budget.end(picture.shape[1], picture.shape[0], wanted=wanted, now_ns=view.now_ns)
        least = _FOUND * self.detector.smallest * factor
        return Findings(found, frozenset(t.id for t in tracks if max(t.box.width, t.box.height) >= least))
