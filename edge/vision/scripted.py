"""Detector and classifier that follow a script, so that the loop can run without a cascade or a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.core.types import EMOTIONS, SEVEN, Box, Detection, Emotion, Reading, Scores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from edge.core.contrast import Contrast
    from edge.core.labels import LabelSet


class BrightDetector:
    """Detects every bright rectangle on a dark background as a face, for drawn test scenes."""

    name = "bright"
    colour = False
    smallest = 24.0

    def __init__(self, threshold: int = 128) -> None:
        self._threshold = threshold
        self.calls = 0

    def detect(self, picture: NDArray[np.uint8], *, sizes: tuple[float, float] | None = None) -> list[Detection]:
        """Return boxes around connected areas above the threshold in ``picture`` ``(h, w)``; ``sizes`` is ignored."""
        import cv2

        del sizes
        self.calls += 1
        mask = (picture > self._threshold).astype("uint8")
        count, _, areas, _ = cv2.connectedComponentsWithStats(mask)
        return [Detection(Box(*(float(value) for value in areas[index][:4]))) for index in range(1, count)]


class ScriptedClassifier:
    """Returns the scores of ``script`` for each crop; by default a happy face, less certain the darker it is."""

    input_size = 48
    crop_margin = 0.0
    contrast: Contrast | None = None

    def __init__(
        self, script: Callable[[NDArray[np.uint8]], Scores] | None = None, *, labels: LabelSet = SEVEN
    ) -> None:
        self.labels = labels
        self._script = script or _brightness_is_happiness
        self.crops_seen = 0
        self.closed = False

    def classify(self, crops: Sequence[NDArray[np.uint8]]) -> list[Scores]:
        """Return one :class:`Scores` per crop, in order."""
        self.crops_seen += len(crops)
        return [self._script(crop) for crop in crops]

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> list[Reading]:
        """Return the same scores as readings without evidence."""
        return [Reading(scores) for scores in self.classify(crops)]

    def close(self) -> None:
        """Mark the classifier as closed."""
        self.closed = True


def _brightness_is_happiness(crop: NDArray[np.uint8]) -> Scores:
    share = float(crop.mean()) / 255
    rest = (1 - share) / (len(EMOTIONS) - 1)
    return Scores.of(share if emotion is Emotion.HAPPY else rest for emotion in EMOTIONS)
