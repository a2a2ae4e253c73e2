"""Prior of a head: the label frequencies of its training data, and how much of them to take out of the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from converter.evaluation.accuracy import recall_by_name
from converter.measure import measure
from edge.inference.calibration import Prior, PriorScore
from edge.inference.postprocess import adjusted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet

OFFERED = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Strengths with figures in the manifest, beside that of `audience`."""
STRENGTHS = tuple(round(float(strength), 2) for strength in np.linspace(0, 1, 21))
TOLERANCE = 0.01
"""Accuracy that `audience` may cost."""


def shares_of(faces: FaceSet, head: str) -> NDArray[np.float64]:
    """Return the share of each label in the training target of ``head``, ``(7,)``: original labels, or votes.

    A label that never occurs counts as one picture.
    """
    if head == "fer2013":
        counts = np.bincount(faces.labels[faces.labels >= 0], minlength=faces.votes.shape[1]).astype(np.float64)
    else:
        counts = faces.votes.sum(axis=0, dtype=np.float64)
    counts = np.maximum(counts, 1)
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares


def curve(
    logits: NDArray[np.float32],
    truth: NDArray[np.int64],
    shares: NDArray[np.float64],
    strengths: tuple[float, ...] = STRENGTHS,
) -> list[PriorScore]:
    """Measure ``logits`` ``(n, 7)``, already divided by the temperature, under each strength of the adjustment."""
    return [_score(logits, truth, shares, strength) for strength in strengths]


def choose(scores: list[PriorScore], tolerance: float = TOLERANCE) -> float:
    """Return the strength of the best balanced accuracy among those that cost at most ``tolerance`` of accuracy."""
    (plain,) = (score for score in scores if score.strength == 0)
    affordable = [score for score in scores if score.accuracy >= plain.accuracy - tolerance]
    return max(affordable, key=lambda score: (score.balanced_accuracy, -score.strength)).strength


def prior(
    logits: NDArray[np.float32],
    truth: NDArray[np.int64],
    shares: NDArray[np.float64],
    *,
    split: str,
    tolerance: float = TOLERANCE,
) -> Prior:
    """Return the prior of a head with its figures on ``split``; arguments as in :func:`curve` and :func:`choose`."""
    audience = choose(curve(logits, truth, shares), tolerance)
    return Prior(
        shares=tuple(round(float(share), 5) for share in shares),
        audience=audience,
        split=split,
        scores=tuple(curve(logits, truth, shares, tuple(sorted({*OFFERED, audience})))),
    )


def _score(
    logits: NDArray[np.float32], truth: NDArray[np.int64], shares: NDArray[np.float64], strength: float
) -> PriorScore:
    moved = adjusted(logits, tuple(shares.tolist()), strength)
    scores = measure(moved, truth, head="", labels="", temperature=1.0)
    return PriorScore(
        strength=strength,
        n=scores.n,
        accuracy=round(scores.accuracy, 4),
        balanced_accuracy=round(scores.balanced_accuracy, 4),
        ece=round(scores.ece, 4),
        recall=recall_by_name(scores),
    )
