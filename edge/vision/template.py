"""Template matching of known faces from frame to frame by normalised cross-correlation.

One face costs a tenth of a detector's search in a small window, independent of its pose and the number of others. A
face whose appearance has changed, because it left, turned or moved too fast, is not followed, and a detector has to
search for it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2

from edge.inference.preprocess import cut_square

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from edge.core.types import Box

_SIDE = 16
"""Side in pixels to which a face is reduced."""
_REACH = 6
"""Search range around the expected position, in pixels of that reduction: 0.375 of the face's side."""
_ALIKE = 0.72
"""Lowest correlation of a face with itself some frames later."""
_FLAT = 2.0
"""Standard deviation in grey levels below which a patch is too flat to correlate."""


class TemplateFollower:
    """Holds a small picture of each face, in memory only, for as long as its track exists."""

    def __init__(self) -> None:
        self._faces: dict[str, tuple[NDArray[np.uint8], float, float]] = {}

    def reset(self) -> None:
        """Forget every face."""
        self._faces.clear()

    def learn(self, track_id: str, grey: NDArray[np.uint8], box: Box) -> None:
        """Store the appearance of the face in ``box``, in pixels of ``grey`` ``(height, width)`` uint8."""
        side = max(box.width, box.height)
        patch = cut_square(grey, box.centre, side, _SIDE)
        if patch.std() >= _FLAT:
            self._faces[track_id] = patch, *_cut_off(box, side)
        else:
            self._faces.pop(track_id, None)

    def keep(self, track_ids: Iterable[str]) -> None:
        """Forget the faces of all other tracks."""
        live = set(track_ids)
        self._faces = {track_id: patch for track_id, patch in self._faces.items() if track_id in live}

    def follow(self, track_id: str, grey: NDArray[np.uint8], expected: Box) -> Box | None:
        """Return the face's box in ``grey`` ``(h, w)`` uint8 near ``expected``; ``None`` if nothing there matches."""
        if track_id not in self._faces:
            return None
        patch, patch_x, patch_y = self._faces[track_id]
        reach = max(expected.width, expected.height) * (1 + 2 * _REACH / _SIDE)
        area = cut_square(grey, expected.centre, reach, _SIDE + 2 * _REACH)
        correlation = cv2.matchTemplate(area, patch, cv2.TM_CCOEFF_NORMED)
        _, best, _, (column, row) = cv2.minMaxLoc(correlation)
        if not best >= _ALIKE:  # a flat window gives NaN
            return None
        x = column + _vertex(correlation[row, :], column) - _REACH
        y = row + _vertex(correlation[:, column], row) - _REACH
        step, (area_x, area_y) = round(reach) / len(area), _cut_off(expected, reach)
        return replace(expected, x=expected.x + x * step + area_x - patch_x, y=expected.y + y * step + area_y - patch_y)


def _cut_off(box: Box, side: float) -> tuple[float, float]:
    """Return the offset of the centre of a crop, which consists of whole pixels, from the box's centre."""
    x, y = (round(middle - side / 2) + round(side) / 2 - middle for middle in box.centre)
    return x, y


def _vertex(values: NDArray[Any], at: int) -> float:
    """Return the offset from the peak of the vertex of the parabola through it and its two neighbours."""
    if not 0 < at < len(values) - 1:
        return 0.0
    before, peak, after = (float(value) for value in values[at - 1 : at + 2])
    bend = before - 2 * peak + after
    return 0.0 if bend >= -1e-9 else max(-0.5, min(0.5, (before - after) / (2 * bend)))
