"""A temperature for each face: fitted so that spoiled faces are read with as little certainty as they deserve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from converter.calibration.views import PLAIN, PLAIN_BOUND, SPOILED_BOUND
from converter.measure import calibration_error
from edge.calibration import Certainty
from edge.postprocess import detail_of, entropy, temperature, tilt_of
from edge.preprocess import softmax

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_ROUNDS = 12
_RATE = 0.4
"""How fast a view whose error is beyond its bound gains weight (Freund and Schapire, 1997: multiplicative weights)."""
_PENALTY = 1e-3
_MOST_WEIGHT = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Signs:
    """One view of the faces that have a label: ``logits`` ``(n, k)`` and the three signs ``(n,)``."""

    logits: NDArray[np.float32]
    spread: NDArray[np.float32]
    detail: NDArray[np.float64]
    tilt: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        logits: NDArray[np.float32],
        other: NDArray[np.float32] | None,
        other_temperature: float,
        crops: Sequence[NDArray[np.uint8]],
    ) -> Signs:
        """Signs of ``crops`` ``(n, s, s)``; ``other`` ``(n, k)`` are the other head's logits, where there is one."""
        spread = np.zeros(len(logits), np.float32)
        if other is not None:
            spread = entropy(softmax(other, temperature=other_temperature))
        detail, tilt = (np.array([measure(crop) for crop in crops]) for measure in (detail_of, tilt_of))
        return cls(logits, spread, detail, tilt)

    def take(self, rows: NDArray[np.bool_]) -> Signs:
        """The faces at ``rows``."""
        return Signs(self.logits[rows], self.spread[rows], self.detail[rows], self.tilt[rows])

    def probabilities(self, certainty: Certainty, offset: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities ``(n, k)``; ``offset`` ``(k,)`` is what the prior's adjustment subtracts."""
        divisor = temperature(certainty, spread=self.spread, detail=self.detail, tilt=self.tilt)
        return softmax((self.logits / np.asarray(divisor)[:, None]).astype(np.float32) - offset)


def fit(
    found: Mapping[str, Signs], truth: NDArray[np.int64], offset: NDArray[np.float32], *, head: str | None, split: str
) -> Certainty:
    """Fit the temperature of each face on all views, and measure it with two halves of the faces held out in turn.

    ``truth`` ``(n,)`` is what is right; ``head`` names the other head whose entropy is a sign. Views whose calibration
    error exceeds its bound weigh more in the next round; the round whose worst error is least counts.
    """
    plain = _plain(found, truth, offset)
    certainty = _fit(found, truth, offset, head)
    shares: dict[str, NDArray[np.float32]] = {name: np.zeros_like(signs.logits) for name, signs in found.items()}
    halves = np.arange(len(truth)) % 2 == 0
    for rows in (halves, ~halves):
        half = _fit({name: signs.take(rows) for name, signs in found.items()}, truth[rows], offset, head)
        for name, signs in found.items():
            shares[name][~rows] = signs.take(~rows).probabilities(half, offset)
    errors = {
        name: (
            round(calibration_error(signs.probabilities(plain, offset), truth), 4),
            round(calibration_error(shares[name], truth), 4),
        )
        for name, signs in found.items()
    }
    return Certainty(**{**_values(certainty), "split": split, "errors": errors})


def _plain(found: Mapping[str, Signs], truth: NDArray[np.int64], offset: NDArray[np.float32]) -> Certainty:
    """One temperature for all faces, the likeliest on the plain view."""
    one = _minimum({PLAIN: found[PLAIN]}, truth, offset, {PLAIN: 1.0}, free=1)
    return Certainty(temperature=float(np.exp(one[0])))


def _fit(
    found: Mapping[str, Signs], truth: NDArray[np.int64], offset: NDArray[np.float32], head: str | None
) -> Certainty:
    usual = float(np.median(found[PLAIN].detail))
    weights = dict.fromkeys(found, 1.0)
    best: tuple[float, Certainty] | None = None
    for _ in range(_ROUNDS):
        values = _minimum(found, truth, offset, weights, usual=usual)
        made = _certainty(values, usual, head)
        excess = {
            name: calibration_error(signs.probabilities(made, offset), truth)
            / (PLAIN_BOUND if name == PLAIN else SPOILED_BOUND)
            for name, signs in found.items()
        }
        worst = max(excess.values())
        if best is None or worst < best[0]:
            best = worst, made
        weights = {name: weights[name] * float(np.exp(_RATE * excess[name])) for name in weights}
        total = sum(weights.values()) / len(weights)
        weights = {name: weight / total for name, weight in weights.items()}
    if best is None:
        raise ValueError
    return best[1]


def _certainty(values: NDArray[np.float64], usual: float, head: str | None) -> Certainty:
    base, spread, detail, tilt = (round(float(value), 4) for value in values)
    return Certainty(
        temperature=round(float(np.exp(base)), 4),
        head=head,
        spread=spread,
        detail=detail,
        usual_detail=round(usual, 4),
        tilt=tilt,
    )


def _values(certainty: Certainty) -> dict[str, float | str | None]:
    names = ("temperature", "head", "spread", "detail", "usual_detail", "tilt", "most")
    return {name: getattr(certainty, name) for name in names}


def _minimum(
    found: Mapping[str, Signs],
    truth: NDArray[np.int64],
    offset: NDArray[np.float32],
    weights: Mapping[str, float],
    *,
    usual: float = 0.0,
    free: int = 4,
) -> NDArray[np.float64]:
    """Where the weighted negative log likelihood is least: the temperature's logarithm, ``free - 1`` of the weights."""
    from scipy.optimize import minimize

    signs = np.concatenate(
        [
            np.column_stack([np.ones(len(truth)), one.spread, np.maximum(0, usual - one.detail), one.tilt])
            for one in found.values()
        ]
    )
    logits = np.concatenate([one.logits for one in found.values()]).astype(np.float64)
    right = np.tile(truth, len(found))
    weight = np.repeat([weights[name] for name in found], len(truth))
    weight /= weight.sum()
    rows = np.arange(len(right))

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        divided = logits * np.exp(-(signs[:, : len(values)] @ values))[:, None]
        shifted = divided - offset
        shifted -= shifted.max(axis=1, keepdims=True)
        exponential = np.exp(shifted)
        total = exponential.sum(axis=1)
        likelihood = shifted[rows, right] - np.log(total)
        missing = exponential / total[:, None]
        missing[rows, right] -= 1
        slope = -(missing * divided).sum(axis=1) * weight
        penalty = np.concatenate([[0.0], values[1:]])
        gradient = signs[:, : len(values)].T @ slope + 2 * _PENALTY * penalty
        return float(-(weight * likelihood).sum() + _PENALTY * (penalty**2).sum()), gradient

    bounds = [(-3.0, 3.0), *[(0.0, _MOST_WEIGHT)] * (free - 1)]
    made = minimize(loss, np.array([-0.8, *[0.0] * (free - 1)]), jac=True, bounds=bounds, method="L-BFGS-B")
    return np.asarray(made.x)
