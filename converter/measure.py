"""Accuracy and calibration of predictions: pure functions on arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge.inference.preprocess import softmax

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 15
_TEMPERATURES = np.exp(np.linspace(np.log(0.2), np.log(5.0), 161))


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """Measurement of one head on one split.

    ``confusion`` ``(7, 7)`` counts truth in rows, prediction in columns; ``recall`` is NaN for absent emotions,
    ``precision`` for those that are never predicted. ``ece_raw`` is the expected calibration error before, ``ece``
    after division by ``temperature``.
    """

    head: str
    labels: str
    n: int
    temperature: float
    accuracy: float
    top2: float
    balanced_accuracy: float
    macro_f1: float
    ece_raw: float
    ece: float
    recall: tuple[float, ...]
    precision: tuple[float, ...]
    confusion: NDArray[np.int64]


class Rates(NamedTuple):
    """Rates of confusion matrices ``(..., 7, 7)``: per matrix ``(...)``, per emotion ``(..., 7)``."""

    accuracy: NDArray[np.float64]
    balanced_accuracy: NDArray[np.float64]
    macro_f1: NDArray[np.float64]
    recall: NDArray[np.float64]
    precision: NDArray[np.float64]


def measure(
    logits: NDArray[np.float32], truth: NDArray[np.int64], *, head: str, labels: str, temperature: float
) -> Measurement:
    """Measure ``logits`` ``(n, 7)`` against ``truth`` ``(n,)``; rows of truth -1 are left out.

    Raises:
        ValueError: no row has a label.
    """
    usable = truth >= 0
    logits, truth = logits[usable], truth[usable]
    if not len(truth):
        msg = f"no labels of set {labels} to measure the {head} head against"
        raise ValueError(msg)
    ranked = rank(logits)
    counts = confusion(ranked[:, 0], truth, logits.shape[1])
    matrix_rates = rates(counts)
    return Measurement(
        head=head,
        labels=labels,
        n=len(truth),
        temperature=temperature,
        accuracy=float(matrix_rates.accuracy),
        top2=float((ranked[:, :2] == truth[:, None]).any(axis=1).mean()),
        balanced_accuracy=float(matrix_rates.balanced_accuracy),
        macro_f1=float(matrix_rates.macro_f1),
        ece_raw=calibration_error(softmax(logits), truth),
        ece=calibration_error(softmax(logits, temperature=temperature), truth),
        recall=tuple(float(value) for value in matrix_rates.recall),
        precision=tuple(float(value) for value in matrix_rates.precision),
        confusion=counts,
    )


def rank(logits: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the classes ``(n, 7)`` from the most to the least likely, ties in label order."""
    return np.argsort(-logits, axis=1, kind="stable")


def confusion(predicted: NDArray[np.int64], truth: NDArray[np.int64], k: int = 7) -> NDArray[np.int64]:
    """Return the counts ``(k, k)`` of ``k`` classes: truth in rows, prediction in columns."""
    return np.bincount(truth * k + predicted, minlength=k * k).reshape(k, k)


def rates(counts: NDArray[np.int64]) -> Rates:
    """Return the rates of confusion matrices ``(..., 7, 7)``, each of at least one picture.

    Balanced accuracy and macro F1 are means over the emotions that the truth has; recall is NaN for the others, and
    precision for emotions that are never predicted.
    """
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    of_truth, of_prediction = counts.sum(axis=-1), counts.sum(axis=-2)
    absent = of_truth == 0
    recall = np.where(absent, np.nan, right / np.maximum(of_truth, 1))
    f1 = np.where(absent, np.nan, 2 * right / np.maximum(of_truth + of_prediction, 1))
    return Rates(
        accuracy=right.sum(axis=-1) / of_truth.sum(axis=-1),
        balanced_accuracy=np.nanmean(recall, axis=-1),
        macro_f1=np.nanmean(f1, axis=-1),
        recall=recall,
        precision=np.where(of_prediction == 0, np.nan, right / np.maximum(of_prediction, 1)),
    )


def confidence_bins(
    probabilities: NDArray[np.float32], truth: NDArray[np.int64], bins: int = BINS
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return per picture ``(n,)`` its equal-width confidence bin, its confidence, and whether it is right."""
    confidence, right = probabilities.max(axis=1).astype(np.float64), probabilities.argmax(axis=1) == truth
    return np.minimum((confidence * bins).astype(np.int64), bins - 1), confidence, right


def reliability(probabilities: NDArray[np.float32], truth: NDArray[np.int64], bins: int = BINS) -> NDArray[np.float64]:
    """Return ``(count, mean confidence, accuracy)`` of equal-width confidence bins, ``(bins, 3)``; zeros if empty."""
    index, confidence, right = confidence_bins(probabilities, truth, bins)
    count = np.bincount(index, minlength=bins)
    sums = np.stack([np.bincount(index, weights=values, minlength=bins) for values in (confidence, right)])
    return np.column_stack([count, *(sums / np.maximum(count, 1))])


def calibration_error(probabilities: NDArray[np.float32], truth: NDArray[np.int64], bins: int = BINS) -> float:
    """Return the expected calibration error (Guo et al., 2017): confidence minus accuracy, weighted by bin size."""
    count, confidence, accuracy = reliability(probabilities, truth, bins).T
    return float((count * np.abs(confidence - accuracy)).sum() / max(count.sum(), 1))


def fit_temperature(logits: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    """Return the temperature of least negative log likelihood on a grid from 0.2 to 5 (Guo et al., 2017)."""
    usable = truth >= 0
    logits, truth = logits[usable], truth[usable]
    rows = np.arange(len(truth))

    def loss(temperature: float) -> float:
        return -float(np.log(softmax(logits, temperature=temperature)[rows, truth] + 1e-12).mean())

    return round(float(min(_TEMPERATURES, key=loss)), 4)
