"""Pictures of the same photograph: equal, mirrored, or in another crop, brightness or size.

The search has two steps, one fast and one precise. Thumbnails of 12 pixels a side, of mean 0 and norm 1, are compared
pairwise by matrix products, which are then correlations. A thumbnail is the sum of an even and an odd half about its
vertical axis; its correlation with a mirrored one is that of the even halves minus that of the odd ones, so two small
products give both. Similar pictures are then aligned at full size by the affine map of the highest correlation
(Evangelidis and Psarakis, 2008: OpenCV's ``findTransformECC``).
"""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from converter.datasets.faces import SIZE
from converter.progress import bar

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALL = 12
ALIGNMENT_THRESHOLD = 0.88
"""Correlation of thumbnails from which two pictures are aligned.

Each hundredth from 0.86 to 0.93 has about 40 FER2013 pairs with another crop of the photograph, of some 100,000 between
Training and PublicTest, but below 0.88 so many other pairs that aligning them takes longer than all the rest.
"""
ALIKE = 0.97
"""Correlation, of thumbnails or aligned pictures, from which two pictures are one photograph.

Correlations of aligned FER2013 pairs have two clusters, with the fewest pairs between 0.95 and 0.97. Of the pairs
inspected, 24 of 28 from 0.96 to 0.97 were one photograph, 48 of 48 from 0.97 to 0.98, and 59 of the 60 nearest above
0.97. Thumbnails alone suffice if no map is found: 7 of 7 such pairs from 0.97 on.
"""
BLANK = 2.0
"""Standard deviation in grey levels below which a picture is blank.

FER2013 has twelve of 0 and one of 0.6; the next, from 9 on, are dark faces.
"""
_ROWS = 1024
_STEPS = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-3)
_BLUR = 3
_STRETCH, _SHIFT = 0.35, SIZE / 4
"""Bounds of the map: no true pair needed more than 0.27 or 8 pixels; larger maps leave too little to compare."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of pictures ``(m,)`` of one photograph: rows ``first`` < ``second``, and their similarity.

    ``likeness`` is the higher of both correlations, ``mirrored`` whether one is flipped left to right, ``exact``
    whether all grey levels are then equal.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    likeness: NDArray[np.float32]
    mirrored: NDArray[np.bool_]
    exact: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.first)

    def take(self, mask: NDArray[np.bool_] | NDArray[np.int64]) -> Pairs:
        """Return the pairs at ``mask``."""
        return Pairs(self.first[mask], self.second[mask], self.likeness[mask], self.mirrored[mask], self.exact[mask])

    def at(self, rows: NDArray[np.int64]) -> Pairs:
        """Return the pairs with picture ``i`` renumbered to ``rows[i]`` of a larger set."""
        return Pairs(rows[self.first], rows[self.second], self.likeness, self.mirrored, self.exact)


def blank(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return a mask ``(n,)`` of the blank pictures of ``(n, 48, 48)`` uint8."""
    deviations = [float(picture.std()) for picture in pixels]
    return np.array(deviations, np.float64) < BLANK


def find(pixels: NDArray[np.uint8]) -> Pairs:
    """Return all pairs of pictures ``(n, 48, 48)`` uint8 of one photograph; blank pictures match none."""
    shown = np.flatnonzero(~blank(pixels))
    starts = range(0, len(shown), _ROWS)
    blocks = itertools.combinations_with_replacement(starts, 2)
    pairs = _candidates(pixels[shown], [(slice(top, top + _ROWS), slice(left, left + _ROWS)) for top, left in blocks])
    return _one_photograph(pixels, pairs.at(shown))


def recurring(measured: NDArray[np.uint8], known: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return a mask ``(n,)`` of the ``measured`` pictures ``(n, 48, 48)`` whose photograph is among ``known``."""
    pixels = np.concatenate([measured, known])
    shown = np.flatnonzero(~blank(pixels))
    first = int(np.searchsorted(shown, len(measured)))
    others = slice(first, len(shown))
    blocks = [(slice(top, min(top + _ROWS, first)), others) for top in range(0, first, _ROWS)]
    found = np.zeros(len(measured), bool)
    found[_one_photograph(pixels, _candidates(pixels[shown], blocks).at(shown)).first] = True
    return found


def _one_photograph(pixels: NDArray[np.uint8], pairs: Pairs) -> Pairs:
    """Return those of the pairs with similar thumbnails that are one photograph."""
    exact = _equal(pixels, pairs)
    likeness = np.where(exact, 1, pairs.likeness).astype(np.float32)
    doubtful = np.flatnonzero(likeness < ALIKE)
    likeness[doubtful] = np.maximum(likeness[doubtful], _overlaid(pixels, pairs.take(doubtful)))
    found = Pairs(pairs.first, pairs.second, likeness, pairs.mirrored, exact)
    return found.take(likeness >= ALIKE)


def photographs(n: int, pairs: Pairs) -> NDArray[np.int64]:
    """Return a photograph number for each picture ``(n,)``, equal for pictures linked by ``pairs``, also indirectly."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(len(pairs), bool), (pairs.first, pairs.second)), shape=(n, n))
    return np.asarray(connected_components(links, directed=False)[1], np.int64)


def _halves(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the even and odd parts of the thumbnails ``(n, 72)``: their products add up to correlations."""
    block = SIZE // SMALL
    small = pixels.reshape(len(pixels), SMALL, block, SMALL, block).mean(axis=(2, 4), dtype=np.float32)
    small -= small.mean(axis=(1, 2), keepdims=True)
    small /= np.maximum(np.sqrt((small**2).sum(axis=(1, 2), keepdims=True)), 1e-6)
    small /= np.float32(np.sqrt(2))
    left, right = small[:, :, : SMALL // 2], small[:, :, ::-1][:, :, : SMALL // 2]
    return (left + right).reshape(len(pixels), -1), (left - right).reshape(len(pixels), -1)


def _candidates(pixels: NDArray[np.uint8], blocks: list[tuple[slice, slice]]) -> Pairs:
    """Return pairs of thumbnails, plain or mirrored, that need alignment, one from each side of a block."""
    even, odd = _halves(pixels)
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.bool_]]] = []
    for top, left in bar(blocks, "comparing thumbnails", len(blocks), " blocks"):
        evens, odds = (half[top] @ half[left].T for half in (even, odd))
        first, second = np.nonzero(evens + np.abs(odds) > ALIGNMENT_THRESHOLD)
        above = first + top.start < second + left.start
        first, second = first[above], second[above]
        turned = odds[first, second]
        likeness = evens[first, second] + np.abs(turned)
        parts.append((first + top.start, second + left.start, likeness, turned < 0))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else [np.empty(0, int)] * 4
    first, second, likeness, mirrored = columns
    return Pairs(first, second, likeness.astype(np.float32), mirrored.astype(bool), np.zeros(len(first), bool))


def _second(pixels: NDArray[np.uint8], row: int, *, mirrored: bool) -> NDArray[np.uint8]:
    return np.ascontiguousarray(pixels[row][:, ::-1]) if mirrored else pixels[row]


def _equal(pixels: NDArray[np.uint8], pairs: Pairs) -> NDArray[np.bool_]:
    each = zip(pairs.first, pairs.second, pairs.mirrored, strict=True)
    return np.array([np.array_equal(pixels[i], _second(pixels, j, mirrored=m)) for i, j, m in each], bool)


def _overlaid(pixels: NDArray[np.uint8], pairs: Pairs) -> NDArray[np.float32]:
    """Return the highest correlation ``(m,)`` of each pair at full size under an affine map, 0 if none is found."""

    def correlation(first: int, second: int, mirrored: bool) -> float:  # noqa: FBT001 - called by map
        start = np.eye(2, 3, dtype=np.float32)
        other = _second(pixels, second, mirrored=mirrored)
        try:
            found, change = cv2.findTransformECC(
                pixels[first], other, start, cv2.MOTION_AFFINE, _STEPS, np.empty(0, np.uint8), _BLUR
            )
        except cv2.error:  # raised if the map does not converge
            return 0.0
        change = np.abs(change - np.eye(2, 3))
        return found if change[:, :2].max() <= _STRETCH and change[:, 2].max() <= _SHIFT else 0.0

    with ThreadPoolExecutor() as pool:  # OpenCV releases the interpreter's lock
        found = pool.map(correlation, pairs.first, pairs.second, pairs.mirrored)
        return np.array(list(bar(found, "laying pictures over each other", len(pairs), " pairs")), np.float32)
