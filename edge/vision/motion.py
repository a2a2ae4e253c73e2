"""Where a picture has changed: differences of brightness in coarse cells, blind to noise and to the light as a whole.

A reference picture follows slowly what stays; what moves stands out from it. Cells are means over many pixels, which
takes a sensor's noise away, and the median of their changes is taken off, which takes a change of light away.
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
"""Side of a cell in pixels of the reduced picture."""
_LEAST_CHANGE = 8.0
"""In grey levels; whoever stands out less from the wall is found when the whole picture is searched."""
_FOLLOW_S = 1.0
"""Time constant with which the reference follows."""
_JOIN = np.ones((3, 3), np.uint8)
"""Changes so near each other are one."""
_SPARSE = 3
"""Every so manieth cell is enough for the median."""
_NS = 1_000_000_000


class Motion:
    """Takes in each frame's reduced picture; ``regions`` says where something moves that is not hidden."""

    def __init__(self) -> None:
        self._reference: NDArray[np.float32] | None = None
        self._changed: NDArray[np.bool_] = np.zeros((0, 0), bool)
        self._cells: NDArray[np.float32] | None = None
        self._last_ns = 0

    @property
    def still(self) -> bool:
        """True where no cell has changed."""
        return not self._changed.any()

    def reset(self) -> None:
        """Forget what was there."""
        self._reference = None

    def update(self, grey: NDArray[np.uint8], now_ns: int) -> None:
        """Compare ``grey`` ``(height, width)`` with what was there before."""
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
        """Rectangles around what moves outside ``hidden``, in pixels of the picture, the largest first.

        What has no room for a face of ``smallest`` pixels a side, or fills less than a quarter of it, is left out: such
        are the edges of a known head that moves.
        """
        if not self._changed.any():
            return []
        moving = self._changed.astype(np.uint8)
        for box in hidden:
            moving[_cells(box)] = 0
        least = max(1.0, (smallest / CELL) ** 2 / 4)
        if int(moving.sum()) < least:
            return []
        count, _, found, _ = cv2.connectedComponentsWithStats(cv2.dilate(moving, _JOIN))
        boxes = [Box(*(float(value) * CELL for value in found[part][:4])) for part in range(1, count)]
        large = [box for box in boxes if min(box.width, box.height) >= smallest]
        return sorted((box for box in large if int(moving[_cells(box)].sum()) >= least), key=lambda box: -box.area)

    def changed(self, box: Box) -> bool:
        """Return whether anything in ``box`` moves, in pixels of the picture."""
        return bool(self._changed[_cells(box)].any())

    def settle(self, box: Box) -> None:
        """What is in ``box`` has been looked at: from now on it counts as what was there."""
        if self._reference is not None and self._cells is not None:
            self._reference[_cells(box)] = self._cells[_cells(box)]


def _cells(box: Box) -> tuple[slice, slice]:
    """Rows and columns of the cells that a box in pixels touches."""
    rows, columns = (
        slice(max(0, int(start // CELL)), max(0, int((start + length) // CELL) + 1))
        for start, length in ((box.y, box.height), (box.x, box.width))
    )
    return rows, columns


def _median(values: NDArray[np.float32]) -> np.float32:
    """Without NumPy's care for gaps and even numbers, which takes longer than the rest of the comparison."""
    flat = values.ravel()
    middle: np.float32 = np.partition(flat, flat.size // 2)[flat.size // 2]
    return middle
