"""Quality of a head's answers, over all faces or over some of them, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from converter.evaluation.bootstrap import FIGURES, tally
from converter.measure import BINS, confidence_bins
from edge.inference.calibration import MIN_CONFIDENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from converter.evaluation.bootstrap import Bootstrap

SURE = 0.8
"""Confidence from which a wrong answer counts as certain."""
_DRAWS = 500
_LEAST_PROBABILITY = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Answers of one head with the true classes.

    ``probabilities`` ``(n, k)``; ``labels`` ``(n,)``, -1 if unknown; ``refused`` ``(n,)`` marks faces rejected as
    non-faces; ``mix`` ``(k,)`` is the share of each class among the labels of the whole split.
    """

    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]
    refused: NDArray[np.bool_] | None
    mix: NDArray[np.float64]

    @classmethod
    def of(
        cls, probabilities: NDArray[np.float32], labels: NDArray[np.int64], refused: NDArray[np.bool_] | None
    ) -> Self:
        """Create the answers of a whole split; its own labels give the mix."""
        counts = np.bincount(labels[labels >= 0], minlength=probabilities.shape[1])
        return cls(probabilities, labels, refused, counts / counts.sum())

    def take(self, rows: NDArray[np.bool_]) -> Judged:
        """Return the answers for some faces; the mix remains that of the whole split."""
        refused = None if self.refused is None else self.refused[rows]
        return Judged(self.probabilities[rows], self.labels[rows], refused, self.mix)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Return a mask ``(n,)`` of the right answers; False without a label."""
        found: NDArray[np.bool_] = self.probabilities.argmax(axis=1) == self.labels
        return found

    def figures(self, bootstrap: Bootstrap, classes: Sequence[str]) -> dict[str, Any] | None:
        """Measure the labelled faces, as plain values, or return ``None`` if there are none.

        Every figure is ``[value, lower bound, upper bound]``. Shares have Wilson's interval, the others that of the
        bootstrap. The shares ``wrong``, ``sure_and_wrong``, ``unclear`` and ``refused`` are of all faces: answers at or
        above the device's threshold that are wrong, those at or above :data:`SURE`, those below the threshold, and
        faces that are refused, whatever their answer. ``same_mix`` is the mean of the recalls, weighted by the mix of
        the whole split. ``ece_by_chance`` is the calibration error of a perfectly calibrated model on as few faces: its
        mean, and the value that 1 in 20 draws exceeds.
        """
        known = self.labels >= 0
        if not known.any():
            return None
        if not known.all():
            return self.take(known).figures(bootstrap, classes)
        confidence, right, n = self.probabilities.max(axis=1), self.right, len(self.labels)
        shares = {
            "accuracy": right,
            "wrong": ~right & (confidence >= MIN_CONFIDENCE),
            "sure_and_wrong": ~right & (confidence >= SURE),
            "unclear": confidence < MIN_CONFIDENCE,
            "refused": self.refused,
        }
        resampled = self._resampled(bootstrap)
        return {
            "n": n,
            **{
                name: None if which is None else wilson(which.sum(), n, bootstrap.level)
                for name, which in shares.items()
            },
            **resampled,
            "ece_by_chance": self._by_chance(bootstrap.seed),
            "recall": {
                str(name): wilson(right[rows].sum(), rows.sum(), bootstrap.level) if rows.any() else None
                for number, name in enumerate(classes)
                for rows in [self.labels == number]
            },
            "faces": {str(name): int((self.labels == number).sum()) for number, name in enumerate(classes)},
        }

    def _resampled(self, bootstrap: Bootstrap) -> dict[str, list[float]]:
        """Return the figures that are no plain shares of faces."""
        n, k = self.probabilities.shape
        # logarithms of probabilities are logits of temperature 1
        measured = tally(np.log(np.maximum(self.probabilities, _LEAST_PROBABILITY)), self.labels, 1.0)
        excess = self.probabilities.max(axis=1) - self.right

        def statistic(rows: NDArray[np.int64]) -> NDArray[np.float64]:
            found = measured(rows)
            recall = found[:, len(FIGURES) : len(FIGURES) + k]
            return np.column_stack(
                [
                    found[:, FIGURES.index("balanced_accuracy")],
                    at_mix(recall, self.mix),
                    found[:, FIGURES.index("ece")],
                    excess[rows].mean(axis=1),
                ]
            )

        values, bounds = statistic(np.arange(n)[None])[0], bootstrap.intervals(n, statistic)
        names = ("balanced_accuracy", "same_mix", "ece", "overconfidence")
        return {
            name: [round(float(number), 4) for number in (value, *pair)]
            for name, value, pair in zip(names, values, bounds, strict=True)
        }

    def _by_chance(self, seed: int) -> list[float]:
        index, confidence, _ = confidence_bins(self.probabilities, self.labels)
        drawn = np.random.default_rng(seed).random((_DRAWS, len(confidence))) < confidence
        gaps = confidence - drawn
        sums = sum(np.abs(gaps[:, index == number].sum(axis=1)) for number in range(BINS))
        errors = np.asarray(sums) / len(confidence)
        return [round(float(errors.mean()), 4), round(float(np.quantile(errors, 0.95)), 4)]


def at_mix(recall: NDArray[np.float64], mix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of recalls ``(..., k)`` weighted by ``mix`` ``(k,)``; a class without a recall (NaN) is left out.

    It is NaN where none of the classes of the mix has a recall.
    """
    weights = np.where(np.isnan(recall), 0.0, mix)
    total = weights.sum(axis=-1)
    mean: NDArray[np.float64] = np.where(
        total > 0, np.nansum(recall * weights, axis=-1) / np.maximum(total, 1e-12), np.nan
    )
    return mean


def wilson(count: int, n: int, level: float) -> list[float]:
    """Return the share ``count / n`` with the bounds of Wilson's interval (1927)."""
    from scipy.stats import binomtest

    bounds = binomtest(int(count), int(n)).proportion_ci(level, method="wilson")
    return [round(float(value), 4) for value in (count / n, bounds.low, bounds.high)]
