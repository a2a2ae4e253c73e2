"""Detection of motion by differences of brightness in coarse cells, robust against noise and changes of light.

A reference picture slowly adapts to the current one; motion is a difference to it. Cells are means over many pixels,
which removes the sensor's noise, and the median of their changes is subtracted, which removes changes of light.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np

from edge.core.types import Box

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

CELL = 4
"""Side of a cell, in pixels of the reduced picture."""
_LEAST_CHANGE = 8.0
"""Smallest change in grey levels; people with less contrast are found by searches of the whole picture."""
_FOLLOW_S = 1.0
"""Time constant of the reference, in seconds."""
_JOIN = np.ones((3, 3), np.uint8)
"""Kernel that joins changes near each other."""
_SPARSE = 3
"""Step between sampled cells, which is fine enough for the median."""
_NS = 1_000_000_000


class Motion:
    """Processes each frame's reduced picture; ``regions`` returns the moving regions."""

    def __init__(self) -> None:
        self._reference: NDArray[np.float32] | None = None
        self._changed: NDArray[np.bool_] = np.zeros((0, 0), bool)
        self._cells: NDArray[np.float32] | None = None
        self._last_ns = 0

    @property
    def still(self) -> bool:
        """Return whether no cell has changed."""
        return not self._changed.any()

    def reset(self) -> None:
        """Forget the reference."""
        self._reference = None

    def update(self, grey: NDArray[np.uint8], now_ns: int) -> None:
        """Compare ``grey`` ``(height, width)`` uint8 with the reference."""
        size = (max(1, grey.shape[1] // CELL), max(1, grey.shape[0] // CELL))
        cells = cast("NDArray[np.float32]", cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32))
        self._cells = cells
        seconds, self._last_ns = (now_ns - self._last_ns) / _NS, now_ns
        if self._reference is None or self._reference.shape != cells.shape:
            self._reference, self._changed = cells.copy(), np.zeros(cells.shape, bool)
            return
        change = cells - self._reference
        change -= _median(change[::_SPARSE, ::_SPARSE])
        self._changed = np.abs(change) > _LEAST_CHANGE
        follow = 1 - math.exp(-max(0.0, seconds) / _FOLLOW_S)
        cv2.accumulateWeighted(cells, cast("Any", self._reference), follow)

    def regions(self, hidden: Iterable[Box], smallest: float) -> list[Box]:
        """Return rectangles around motion outside ``hidden``, in pixels of the picture, the largest first.

        Regions that are smaller than a face of ``smallest`` pixels, or filled by less than a quarter of one, are
        omitted: they are the edges of a known head that moves.
        """
        if not self._changed.any():
            return []
        moving = self._changed.astype(np.uint8)
        for box in hidden:
            moving[_cells(box)] = 0
        least = max(1.0, (smallest / CELL) ** 2 / 4)
        if int(moving.sum()) < least:
            return []
        count, _, stats, _ = cv2.connectedComponentsWithStats(cv2.dilate(moving, _JOIN))
        boxes = [Box(*(float(value) * CELL for value in stats[part][:4])) for part in range(1, count)]
        large = [box for box in boxes if min(box.width, box.height) >= smallest]
        return sorted((box for box in large if int(moving[_cells(box)].sum()) >= least), key=lambda box: -box.area)

    def changed(self, box: Box) -> bool:
        """Return whether anything in ``box`` moves, in pixels of the picture."""
        return bool(self._changed[_cells(box)].any())

    def settle(self, box: Box) -> None:
        """Copy the current picture in ``box`` into the reference, because it has been searched."""
        if self._reference is not None and self._cells is not None:
            self._reference[_cells(box)] = self._cells[_cells(box)]


def _cells(box: Box) -> tuple[slice, slice]:
    """Return the rows and columns of the cells that a box in pixels touches."""
    rows, columns = (
        slice(max(0, int(start // CELL)), max(0, int((start + length) // CELL) + 1))
        for start, length in ((box.y, box.height), (box.x, box.width))
    )
    return rows, columns


def _median(values: NDArray[np.float32]) -> np.float32:
    """Return the upper median, without NumPy's handling of NaN and even counts, which would dominate the cost."""
    flat = values.ravel()
    middle: np.float32 = np.partition(flat, flat.size // 2)[flat.size // 2]
    return middle
