"""Comparison of the network's confidence with the agreement of the annotators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

EDGES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Bounds of the bins of agreement, each including its upper end; ten annotators vote, so values are tenths."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_NORMAL_95 = 1.959964
_LEAST = 10
"""Number of pictures below which a correlation is meaningless."""


def certainty(
    probabilities: NDArray[np.float32], votes: NDArray[np.float32], majority: NDArray[np.int64]
) -> dict[str, Any] | None:
    """Return confidence by the annotators' agreement, and rank correlation of the two entropies, as plain values.

    ``probabilities`` and ``votes`` ``(n, 7)`` are distributions; rows of votes that are all zero are left out, and the
    result is ``None`` if all are. Agreement is the share of the most frequent vote. ``majority`` ``(n,)`` is the true
    class, -1 if unknown; accuracy is over the rest. The correlation is Spearman's and ``None`` if all annotators, or
    all predictions, are equally certain.
    """
    voted = votes.sum(axis=1) > 0
    if not voted.any():
        return None
    probabilities, votes, majority = probabilities[voted], votes[voted], majority[voted]
    # rounded in float64: seven tenths in float32 are more than 0.7 and would be in the next bin
    bins = np.digitize(votes.max(axis=1).astype(np.float64).round(4), EDGES[1:-1], right=True)
    of_votes, of_prediction = entropy(votes), entropy(probabilities)
    return {
        "n": len(votes),
        "mean_vote_entropy_bits": round(float(of_votes.mean()), 4),
        "mean_prediction_entropy_bits": round(float(of_prediction.mean()), 4),
        **_spearman(of_votes, of_prediction),
        "agreement": [_bin(index, bins == index, probabilities, majority) for index in range(len(EDGES) - 1)],
    }


def entropy(shares: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the Shannon entropy of distributions ``(n, 7)`` in bits: 0 for one certain class, log2 7 for uniform."""
    from scipy.stats import entropy as shannon

    return np.asarray(shannon(shares.astype(np.float64), base=2, axis=1))


def _bin(
    index: int, members: NDArray[np.bool_], probabilities: NDArray[np.float32], majority: NDArray[np.int64]
) -> dict[str, Any]:
    confidence = probabilities[members].max(axis=1).astype(np.float64)
    scored = members & (majority >= 0)
    right = probabilities[scored].argmax(axis=1) == majority[scored]
    some = bool(members.any())
    return {
        "over": EDGES[index],
        "up_to": EDGES[index + 1],
        "n": int(members.sum()),
        "confidence": round(float(confidence.mean()), 4) if some else None,
        "confidence_quantiles": np.quantile(confidence, QUANTILES).round(4).tolist() if some else None,
        "n_scored": int(scored.sum()),
        "accuracy": round(float(right.mean()), 4) if scored.any() else None,
    }


def _spearman(first: NDArray[np.float64], second: NDArray[np.float64]) -> dict[str, Any]:
    """Return the rank correlation with its 95 % interval after Bonett and Wright (2000), both ``None`` if undefined."""
    if len(first) <= _LEAST or not np.ptp(first) or not np.ptp(second):
        return {"spearman": None, "spearman_interval": None}
    from scipy.stats import spearmanr

    value = float(spearmanr(first, second).statistic)
    reach = _NORMAL_95 * ((1 + value**2 / 2) / (len(first) - 3)) ** 0.5
    middle = np.arctanh(np.clip(value, -1 + 1e-9, 1 - 1e-9))
    bounds = np.tanh([middle - reach, middle + reach])
    return {"spearman": round(value, 4), "spearman_interval": bounds.round(4).tolist()}
