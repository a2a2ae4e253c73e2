"""Follow known faces from frame to frame by how they looked when they were found last (normalised cross-correlation).

One face costs a tenth of a detector's search in a small window, whatever its pose and the number of others. A face that
does not look like itself any more, because it left, turned or moved too fast, is not followed: a detector has to look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2

from edge.preprocess import cut_square
from edge.types import Box

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

_SIDE = 16
"""Pixels a side to which a face is reduced."""
_REACH = 6
"""How far around its expected place it is looked for, in pixels of that reduction: 0.375 of its side."""
_ALIKE = 0.72
"""Least correlation of a face with itself some frames later."""
_FLAT = 2.0
"""Standard deviation in grey levels below which there is nothing to correlate."""


class TemplateFollower:
    """Remember a small picture of each face, in memory only, for as long as its track lives."""

    def __init__(self) -> None:
        self._faces: dict[str, NDArray[np.uint8]] = {}

    def reset(self) -> None:
        """Forget every face."""
        self._faces.clear()

    def learn(self, track_id: str, grey: NDArray[np.uint8], box: Box) -> None:
        """Remember how the face in ``box`` looks, in pixels of ``grey`` ``(height, width)``."""
        patch = cut_square(grey, box.centre, max(box.width, box.height), _SIDE)
        if patch.std() >= _FLAT:
            self._faces[track_id] = patch
        else:
            self._faces.pop(track_id, None)

    def keep(self, track_ids: Iterable[str]) -> None:
        """Forget the faces of all other tracks."""
        live = set(track_ids)
        self._faces = {track_id: patch for track_id, patch in self._faces.items() if track_id in live}

    def follow(self, track_id: str, grey: NDArray[np.uint8], expected: Box) -> Box | None:
        """Return where the face is now, near ``expected``; ``None`` where nothing there looks like it."""
        patch = self._faces.get(track_id)
        if patch is None:
            return None
        side = max(expected.width, expected.height)
        area = cut_square(grey, expected.centre, side * (1 + 2 * _REACH / _SIDE), _SIDE + 2 * _REACH)
        likeness = cv2.matchTemplate(area, patch, cv2.TM_CCOEFF_NORMED)
        _, best, _, (column, row) = cv2.minMaxLoc(likeness)
        if not best >= _ALIKE:  # a flat window gives NaN
            return None
        x = column + _vertex(likeness[row, :], column) - _REACH
        y = row + _vertex(likeness[:, column], row) - _REACH
        step = side / _SIDE
        return Box(expected.x + x * step, expected.y + y * step, expected.width, expected.height)


def _vertex(values: NDArray[Any], at: int) -> float:
    """Return how far the top of the parabola through the peak and its two neighbours is from the peak."""
    if not 0 < at < len(values) - 1:
        return 0.0
    before, peak, after = (float(value) for value in values[at - 1 : at + 2])
    bend = before - 2 * peak + after
    return 0.0 if bend >= -1e-9 else max(-0.5, min(0.5, (before - after) / (2 * bend)))
