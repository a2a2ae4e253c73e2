"""How right and how calibrated predictions are: pure functions over arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge.preprocess import softmax
from edge.types import EMOTIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 15
_TEMPERATURES = np.exp(np.linspace(np.log(0.2), np.log(5.0), 161))


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """One head on one split.

    ``confusion`` ``(7, 7)`` counts truth in rows, prediction in columns; ``recall`` is NaN for absent emotions.
    ``ece_raw`` is the expected calibration error before, ``ece`` after division by ``temperature``.
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
    confusion: NDArray[np.int64]


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
    ranked = np.argsort(-logits, axis=1, kind="stable")
    counts = confusion(ranked[:, 0], truth)
    recall, f1 = _recall_and_f1(counts)
    return Measurement(
        head=head,
        labels=labels,
        n=len(truth),
        temperature=temperature,
        accuracy=float((ranked[:, 0] == truth).mean()),
        top2=float((ranked[:, :2] == truth[:, None]).any(axis=1).mean()),
        balanced_accuracy=float(np.nanmean(recall)),
        macro_f1=float(np.nanmean(f1)),
        ece_raw=calibration_error(softmax(logits), truth),
        ece=calibration_error(softmax(logits, temperature=temperature), truth),
        recall=tuple(float(value) for value in recall),
        confusion=counts,
    )


def confusion(predicted: NDArray[np.int64], truth: NDArray[np.int64]) -> NDArray[np.int64]:
    """Counts ``(7, 7)``: truth in rows, prediction in columns."""
    k = len(EMOTIONS)
    return np.bincount(truth * k + predicted, minlength=k * k).reshape(k, k)


def _recall_and_f1(counts: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Per emotion; NaN where the truth has none of it."""
    right, of_truth, of_prediction = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    absent = of_truth == 0
    recall = np.where(absent, np.nan, right / np.maximum(of_truth, 1))
    f1 = np.where(absent, np.nan, 2 * right / np.maximum(of_truth + of_prediction, 1))
    return recall, f1


def reliability(probabilities: NDArray[np.float32], truth: NDArray[np.int64], bins: int = BINS) -> NDArray[np.float64]:
    """Rows ``(count, mean confidence, accuracy)`` of equal-width confidence bins from 0 to 1; empty bins are zeros."""
    confidence, right = probabilities.max(axis=1).astype(np.float64), probabilities.argmax(axis=1) == truth
    index = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    count = np.bincount(index, minlength=bins)
    sums = np.stack([np.bincount(index, weights=values, minlength=bins) for values in (confidence, right)])
    return np.column_stack([count, *(sums / np.maximum(count, 1))])


def calibration_error(probabilities: NDArray[np.float32], truth: NDArray[np.int64], bins: int = BINS) -> float:
    """Expected calibration error (Guo et al., 2017): mean gap of confidence and accuracy, weighted by bin size."""
    count, confidence, accuracy = reliability(probabilities, truth, bins).T
    return float((count * np.abs(confidence - accuracy)).sum() / max(count.sum(), 1))


def fit_temperature(logits: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    """The temperature of least negative log likelihood on a grid of 2 % steps from 0.2 to 5 (Guo et al., 2017)."""
    usable = truth >= 0
    logits, truth = logits[usable], truth[usable]
    rows = np.arange(len(truth))

    def loss(temperature: float) -> float:
        return -float(np.log(softmax(logits, temperature=temperature)[rows, truth] + 1e-12).mean())

    return round(float(min(_TEMPERATURES, key=loss)), 4)
