"""Temperature for each face, fitted so that the confidence in degraded faces matches their accuracy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from converter.calibration.views import PLAIN, bound_of
from converter.measure import calibration_error
from edge.inference.calibration import Certainty
from edge.inference.postprocess import temperature
from edge.inference.preprocess import softmax

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_ROUNDS = 7
_RATE = 0.6
"""Rate at which a view beyond its error bound gains weight (Freund and Schapire, 1997: multiplicative weights)."""
_PENALTY = 1e-3
_RESERVE = 0.9
"""Factor that tightens the bound of plain faces, so that it holds on faces that were not fitted."""
_MOST_WEIGHT = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Signs:
    """One view of the labelled faces: ``logits`` ``(n, k)`` and the three signs ``(n,)``."""

    logits: NDArray[np.float32]
    spread: NDArray[np.float32]
    detail: NDArray[np.float64]
    tilt: NDArray[np.float64]

    def take(self, rows: NDArray[np.bool_]) -> Signs:
        """Return the faces at ``rows``."""
        return Signs(self.logits[rows], self.spread[rows], self.detail[rows], self.tilt[rows])

    def probabilities(self, certainty: Certainty, offset: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return probabilities ``(n, k)``; ``offset`` ``(k,)`` is subtracted by the prior's adjustment."""
        divisor = temperature(certainty, spread=self.spread, detail=self.detail, tilt=self.tilt)
        return softmax((self.logits / np.asarray(divisor)[:, None]).astype(np.float32) - offset)


def fit(
    found: Mapping[str, Signs], truth: NDArray[np.int64], offset: NDArray[np.float32], *, head: str | None, split: str
) -> Certainty:
    """Fit the temperature of each face on all views, and measure it with two held-out halves of the faces in turn.

    ``truth`` ``(n,)`` is the true class; ``head`` names the other head whose entropy is a sign. The likelihood is that
    of the data's own prior; ``offset`` ``(k,)``, subtracted by the adjustment, counts when errors are measured. Views
    whose calibration error exceeds its bound weigh more in the next round; the round with the smallest worst error is
    used. The halves are fitted with the weights of that round.
    """
    plain = _plain(found[PLAIN], truth)
    certainty, weights = _fit(found, truth, offset, head)
    shares = {name: np.zeros_like(signs.logits) for name, signs in found.items()}
    start = np.array([np.log(certainty.temperature), certainty.spread, certainty.detail, certainty.tilt])
    for fold in (0, 1):
        rows = np.arange(len(truth)) % 2 == fold
        part = _Table.of({name: signs.take(rows) for name, signs in found.items()}, truth[rows], certainty.usual_detail)
        half = _certainty(part.minimum(weights, start), certainty.usual_detail, head)
        for name, signs in found.items():
            shares[name][~rows] = signs.take(~rows).probabilities(half, offset)
    errors = {
        name: (
            round(calibration_error(signs.probabilities(plain, offset), truth), 4),
            round(calibration_error(shares[name], truth), 4),
        )
        for name, signs in found.items()
    }
    return replace(certainty, split=split, errors=errors)


def _plain(signs: Signs, truth: NDArray[np.int64]) -> Certainty:
    """Fit one temperature for all faces, the most likely on the plain view."""
    made = _Table.of({PLAIN: signs}, truth, 0.0).minimum([1.0], np.array([-0.8]))
    return Certainty(temperature=float(np.exp(made[0])))


def _fit(
    found: Mapping[str, Signs], truth: NDArray[np.int64], offset: NDArray[np.float32], head: str | None
) -> tuple[Certainty, Sequence[float]]:
    """Return the temperatures of the best round and the weight of each view in it."""
    usual = round(float(np.median(found[PLAIN].detail)), 4)
    table = _Table.of(found, truth, usual)
    weights, values = np.ones(len(found)), np.array([-0.8, 0.0, 0.0, 0.0])
    bounds = np.array([(_RESERVE if name == PLAIN else 1.0) * bound_of(name) for name in found])
    rounds: list[tuple[float, Certainty, Sequence[float]]] = []
    for _ in range(_ROUNDS):
        values = table.minimum(weights.tolist(), values)
        made = _certainty(values, usual, head)
        errors = [calibration_error(signs.probabilities(made, offset), truth) for signs in found.values()]
        excess = np.array(errors) / bounds
        rounds.append((float(excess.max()), made, weights.tolist()))
        weights = weights * np.exp(_RATE * excess)
        weights /= weights.mean()
    _, certainty, chosen = min(rounds, key=lambda one: one[0])
    return certainty, chosen


def _certainty(values: NDArray[np.float64], usual: float, head: str | None) -> Certainty:
    base, spread, detail, tilt = (round(float(value), 4) for value in values)
    return Certainty(
        temperature=round(float(np.exp(base)), 4),
        head=head,
        spread=spread,
        detail=detail,
        usual_detail=usual,
        tilt=tilt,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """All views concatenated: ``signs`` ``(m, 4)``, ones first, ``logits`` ``(m, k)``, ``right`` ``(m,)``.

    ``views`` is the number of views, each with the same number of faces.
    """

    signs: NDArray[np.float32]
    logits: NDArray[np.float32]
    right: NDArray[np.int64]
    views: int

    @classmethod
    def of(cls, found: Mapping[str, Signs], truth: NDArray[np.int64], usual: float) -> _Table:
        """Concatenate the ``views``; ``usual`` is the detail below which a crop lacks it."""
        signs = [
            np.column_stack([np.ones(len(truth)), one.spread, np.maximum(0, usual - one.detail), one.tilt])
            for one in found.values()
        ]
        logits = np.concatenate([one.logits for one in found.values()])
        return cls(np.concatenate(signs).astype(np.float32), logits, np.tile(truth, len(found)), len(found))

    def minimum(self, weights: Sequence[float], start: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the minimum of the weighted negative log likelihood: log temperature, then the signs' weights.

        The result has as many values as ``start``.
        """
        from scipy.optimize import minimize

        weight = np.repeat(np.asarray(weights, np.float32), len(self.right) // self.views)
        weight /= weight.sum()
        signs, rows = self.signs[:, : len(start)], np.arange(len(self.right))

        def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            divided = self.logits * np.exp(-(signs @ values.astype(np.float32)))[:, None]
            likely = softmax(divided)
            chance = likely[rows, self.right]
            slope = -((likely * divided).sum(axis=1) - divided[rows, self.right]) * weight
            penalty = np.concatenate([[0.0], values[1:]])
            total = -float((weight * np.log(chance + 1e-12)).sum()) + _PENALTY * float((penalty**2).sum())
            return total, (signs.T @ slope).astype(np.float64) + 2 * _PENALTY * penalty

        bounds = [(-3.0, 3.0), *[(0.0, _MOST_WEIGHT)] * (len(start) - 1)]
        return np.asarray(minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x)
