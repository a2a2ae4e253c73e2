"""Decide which found box is which marked face (pure).

A box is a face from an intersection over union of 0.4 on, or where its centre lies within a quarter of the face's size
of the face's centre and its size is 0.4 to 2.2 times the face's: detectors frame a head differently.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from edge.core.types import Box

SAME_IOU = 0.4
_NEAR_SCORE = 0.39
_NEAR = 0.25
_SIZES = (0.4, 2.2)


def scores(marked: Sequence[Box], found: Sequence[Box]) -> NDArray[np.float64]:
    """Return the agreement of each marked with each found box, ``(marked, found)``; 0 for different faces."""
    a, b = _array(marked)[:, None, :], _array(found)[None, :, :]
    sides = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.prod(np.maximum(sides, 0.0), axis=-1)
    area_a, area_b = np.prod(a[..., 2:], axis=-1), np.prod(b[..., 2:], axis=-1)
    iou = shared / np.maximum(area_a + area_b - shared, 1e-9)
    size = np.sqrt(area_a)
    off = np.max(np.abs(a[..., :2] + a[..., 2:] / 2 - b[..., :2] - b[..., 2:] / 2), axis=-1)
    ratio = np.sqrt(np.maximum(area_b, 0.0)) / np.maximum(size, 1e-9)
    near = (off < size * _NEAR) & (ratio > _SIZES[0]) & (ratio < _SIZES[1])
    return np.where(iou >= SAME_IOU, iou, np.where(near, _NEAR_SCORE, 0.0))


def matches(marked: Sequence[Box], found: Sequence[Box], kept: Mapping[int, int] | None = None) -> dict[int, int]:
    """Return the index of the found box for each found marked one; each box is used once, the best pairs first.

    Pairs in ``kept`` come before all others while they still agree, so that a followed face does not jump to its
    neighbour's box (as in CLEAR MOT: Bernardin and Stiefelhagen, 2008).
    """
    if not marked or not found:
        return {}
    table = scores(marked, found)
    chosen = {m: f for m, f in (kept or {}).items() if table[m, f] > 0}
    used = set(chosen.values())
    rows, columns = np.nonzero(table)
    pairs = sorted(zip(table[rows, columns], rows.tolist(), columns.tolist(), strict=True), reverse=True)
    for _, m, f in pairs:
        if m not in chosen and f not in used:
            chosen[m] = f
            used.add(f)
    return chosen


def _array(boxes: Sequence[Box]) -> NDArray[np.float64]:
    return np.array([(box.x, box.y, box.width, box.height) for box in boxes], np.float64).reshape(-1, 4)
