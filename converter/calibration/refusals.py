"""Logistic rule that distinguishes faces from other objects by the network's own outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from converter.calibration.logistic import logistic
from edge.inference.calibration import Refusal
from edge.inference.postprocess import evidence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Signs = Mapping[str, NDArray[np.float32]]

LOST = 0.01
"""Share of faces that may be refused."""
_FOLDS = 5
_PENALTY = 2e-5
_CUT = 0.001
"""Values are clipped to these quantiles of the fitted data."""


def fit(faces: Signs, face_rows: NDArray[np.int64], others: Signs, other_pictures: NDArray[np.int64]) -> Refusal:
    """Fit the rule to signs ``(n,)`` by name of faces and of other objects, with equal weight for both.

    ``face_rows`` and ``other_pictures`` give the picture of each. The figures are cross-validated: five folds by
    picture give every detection an evidence from a rule that has not seen its picture; then the threshold is chosen on
    half of the pictures and its losses and refusals are counted on the other half, in both directions.
    """
    inside, outside = _out_of_fold(faces, face_rows, others, other_pictures)
    lost, refused = [], []
    for half in (0, 1):
        least = np.quantile(inside[face_rows % 2 == half], LOST)
        lost.append(float((inside[face_rows % 2 != half] < least).mean()))
        refused.append(float((outside[other_pictures % 2 != half] < least).mean()))
    made = _fit(faces, others)
    figures = {
        "faces": float(len(inside)),
        "lost": round(float(np.mean(lost)), 4),
        "non_faces": float(len(outside)),
        "refused": round(float(np.mean(refused)), 4),
    }
    values = {name: getattr(made, name) for name in ("bias", "weights", "bounds")}
    return Refusal(**values, least=round(float(np.quantile(inside, LOST)), 4), figures=figures)


def shares_below(rule: Refusal, found: Signs) -> float:
    """Return the share of detections that ``rule`` refuses."""
    return round(float((evidence(rule, found) < 0).mean()), 4)


def _out_of_fold(
    faces: Signs, face_rows: NDArray[np.int64], others: Signs, other_pictures: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    inside, outside = np.zeros(len(face_rows)), np.zeros(len(other_pictures))
    for fold in range(_FOLDS):
        mine, theirs = face_rows % _FOLDS == fold, other_pictures % _FOLDS == fold
        made = _fit(_take(faces, ~mine), _take(others, ~theirs))
        if mine.any():
            inside[mine] = evidence(made, _take(faces, mine))
        if theirs.any():
            outside[theirs] = evidence(made, _take(others, theirs))
    return inside, outside


def _take(found: Signs, rows: NDArray[np.bool_]) -> dict[str, NDArray[np.float32]]:
    return {name: values[rows] for name, values in found.items()}


def _fit(faces: Signs, others: Signs) -> Refusal:
    """Fit a logistic regression on the signs, each clipped to its bounds first."""
    names = list(faces)
    table = np.concatenate([np.column_stack([side[name] for name in names]) for side in (faces, others)])
    low, high = np.quantile(table, [_CUT, 1 - _CUT], axis=0)
    count = len(next(iter(faces.values())))
    sign = np.where(np.arange(len(table)) < count, 1.0, -1.0)
    weight = np.where(sign > 0, 0.5 / count, 0.5 / (len(table) - count))
    bias, weights = logistic(np.clip(table.astype(np.float64), low, high), sign, weight, _PENALTY)
    return Refusal(
        bias=round(bias, 4),
        weights={name: round(float(value), 4) for name, value in zip(names, weights, strict=True)},
        bounds={
            name: (round(float(least), 4), round(float(most), 4))
            for name, least, most in zip(names, low, high, strict=True)
        },
        least=0.0,
    )
