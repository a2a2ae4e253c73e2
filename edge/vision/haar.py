"""OpenCV's frontal face cascade (Viola and Jones, 2001; Lienhart and Maydt, 2002) as a face detector."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from edge.errors import HardwareUnavailable
from edge.types import Box, Detection

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DETECTABLE = 24
"""Pixels a side of the smallest face that the cascade finds: its window (Lienhart and Maydt, 2002)."""
CASCADE = "haarcascade_frontalface_default.xml"
_EXPECTED = 2
"""Where a face is expected, so many fewer overlapping hits make one: below 48 pixels the cascade takes steps of two
pixels, and a small picture gives a quarter of the hits of the full one."""


class HaarDetector:
    """Searches a grey picture for upright frontal faces from ``min_face`` of its shorter side on."""

    name = "haar"
    colour = False
    smallest = float(DETECTABLE)

    def __init__(self, *, min_face: float, scale_factor: float = 1.1, min_neighbors: int = 5) -> None:
        self._min_face = min_face
        self._scale_factor = scale_factor
        self._min_neighbors = min_neighbors
        self._cascade = _load_cascade()

    def detect(self, picture: NDArray[np.uint8], *, sizes: tuple[float, float] | None = None) -> list[Detection]:
        """Return square boxes in pixels of ``picture`` ``(height, width)`` uint8 grey, largest first."""
        grey = picture
        least, most = sizes or (min(grey.shape) * self._min_face, min(grey.shape))
        smallest, largest = max(20, round(least)), round(most)
        if largest < smallest or min(grey.shape) < smallest:
            return []
        found = self._cascade.detectMultiScale(
            grey,
            scaleFactor=self._scale_factor,
            minNeighbors=self._min_neighbors if sizes is None else max(1, self._min_neighbors - _EXPECTED),
            minSize=(smallest, smallest),
            maxSize=(largest, largest),
        )
        boxes = [Box(*(float(value) for value in rectangle)) for rectangle in found]
        return [Detection(box) for box in sorted(boxes, key=lambda box: (-box.area, box.x, box.y))]


def _load_cascade() -> cv2.CascadeClassifier:
    if not hasattr(cv2, "CascadeClassifier"):
        msg = f"OpenCV {cv2.__version__} has no Haar cascades: pip install 'opencv-python-headless>=4.9,<5'"
        raise HardwareUnavailable(msg)
    folders = [Path("/usr/share/opencv4/haarcascades")]  # Debian's own build keeps them there
    wheel_data = getattr(cv2, "data", None)  # set by PyPI's wheels only
    if wheel_data is not None:
        folders.insert(0, Path(wheel_data.haarcascades))
    path = next((folder / CASCADE for folder in folders if (folder / CASCADE).is_file()), None)
    if path is None:
        msg = f"{CASCADE} not found in {folders[0]}: pip install 'opencv-python-headless>=4.9,<5'"
        raise HardwareUnavailable(msg)
    return cv2.CascadeClassifier(str(path))
