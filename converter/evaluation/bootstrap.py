"""Uncertainty of a figure on other pictures of the same kind: percentile bootstrap (Efron, 1979)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from converter.measure import BINS, confidence_bins, rank, rates
from edge.inference.preprocess import softmax

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

FIGURES = ("accuracy", "top2", "balanced_accuracy", "macro_f1", "ece_raw", "ece")
"""First columns of a head's :func:`tally`; recall and precision of each emotion follow."""
_AT_ONCE = 1_000_000


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Resampling of the pictures with replacement, ``resamples`` times; ``level`` is the coverage."""

    resamples: int = 2000
    level: float = 0.95
    seed: int = 1

    def intervals(self, n: int, statistic: Callable[[NDArray[np.int64]], NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return lower and upper bounds ``(k, 2)`` of the ``k`` figures that ``statistic`` returns.

        ``statistic`` takes picture numbers ``(b, n)``, one resample a row, and returns ``(b, k)``. A resample in which
        a figure is undefined (NaN) does not count for it; the bounds are NaN if it is undefined in all.
        """
        generator = np.random.default_rng(self.seed)
        block = max(1, _AT_ONCE // n)
        sizes = [min(block, self.resamples - start) for start in range(0, self.resamples, block)]
        found = np.concatenate([statistic(generator.integers(0, n, (size, n))) for size in sizes])
        bounds = np.full((found.shape[1], 2), np.nan)
        defined = ~np.isnan(found).all(axis=0)
        tail = (1 - self.level) / 2
        bounds[defined] = np.nanquantile(found[:, defined], (tail, 1 - tail), axis=0).T
        return bounds


def tally(
    logits: NDArray[np.float32], truth: NDArray[np.int64], temperature: float
) -> Callable[[NDArray[np.int64]], NDArray[np.float64]]:
    """Return the statistic of one head: :data:`FIGURES`, recall and precision of resamples of ``logits`` ``(n, 7)``.

    It uses the definitions of :func:`converter.measure.measure`, but for all resamples at once. ``truth`` ``(n,)`` has
    no -1.
    """
    k = logits.shape[1]
    ranked = rank(logits)
    cell, top2 = truth * k + ranked[:, 0], (ranked[:, :2] == truth[:, None]).any(axis=1)
    gaps = [_gaps(softmax(logits, temperature=t), truth) for t in (1.0, temperature)]

    def statistic(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        found = rates(_count(cell, rows, k * k).astype(np.int64).reshape(-1, k, k))
        errors = [np.abs(_count(index, rows, BINS, gap)).sum(axis=1) / rows.shape[1] for index, gap in gaps]
        whole = [found.accuracy, top2[rows].mean(axis=1), found.balanced_accuracy, found.macro_f1, *errors]
        return np.column_stack([*whole, found.recall, found.precision])

    return statistic


def accuracies(
    predicted: NDArray[np.int64], truth: NDArray[np.int64], k: int = 7
) -> Callable[[NDArray[np.int64]], NDArray[np.float64]]:
    """Return the statistic of accuracy and balanced accuracy alone, of ``k`` classes."""
    cell = truth * k + predicted

    def statistic(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        found = rates(_count(cell, rows, k * k).astype(np.int64).reshape(-1, k, k))
        return np.column_stack([found.accuracy, found.balanced_accuracy])

    return statistic


def _gaps(
    probabilities: NDArray[np.float32], truth: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return bin and confidence minus correctness of each picture: their sums by bin give the calibration error."""
    index, confidence, right = confidence_bins(probabilities, truth)
    return index, confidence - right


def _count(
    index: NDArray[np.int64], rows: NDArray[np.int64], size: int, weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return for each resample the (weighted) number of occurrences of each index below ``size``, ``(b, size)``."""
    b = len(rows)
    flat = (np.arange(b)[:, None] * size + index[rows]).ravel()
    chosen = None if weights is None else weights[rows].ravel()
    return np.bincount(flat, weights=chosen, minlength=b * size).reshape(b, size).astype(np.float64)
