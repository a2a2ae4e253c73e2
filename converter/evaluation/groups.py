"""Figures of the device's answers by group of faces, and whether the groups differ by more than chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from converter.evaluation.divisions import NOT_MEASURED
from converter.evaluation.judged import at_mix
from converter.progress import bar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet
    from converter.evaluation.bootstrap import Bootstrap
    from converter.evaluation.deployed import Answers
    from converter.evaluation.divisions import Division
    from converter.evaluation.judged import Judged

LEAST = 30
"""Number of faces below which a group does not count for the largest difference."""
_SHUFFLES = 5000


def groups(found: Answers, faces: FaceSet, divided: Sequence[Division], bootstrap: Bootstrap) -> dict[str, Any]:
    """Measure every head by group, as plain values; figures are those of :meth:`Judged.figures`.

    A group without a labelled face of a head has ``null`` for it.
    """
    judged = found.judged(faces)
    return {
        "divisions": [
            {
                "name": division.name,
                "measure": division.measure,
                "without": division.without,
                "groups": [
                    {
                        "name": group.name,
                        "low": group.low,
                        "high": group.high,
                        "n": int(group.members.sum()),
                        "heads": {
                            head: one.take(group.members).figures(bootstrap, faces.classes)
                            for head, one in judged.items()
                        },
                    }
                    for group in division.groups
                ],
                "heads": {head: difference(one, division, bootstrap.seed) for head, one in judged.items()},
            }
            for division in bar(tuple(divided), "groups")
        ],
        "not_measured": [*NOT_MEASURED, *_without_pose(divided)],
    }


def difference(judged: Judged, division: Division, seed: int) -> Mapping[str, Any] | None:
    """Return the largest difference of accuracy at the same mix between two groups, and how often chance exceeds it.

    Chance shuffles the right answers among the faces of each class, so that neither the mix of classes nor the
    difficulty of a class counts as a difference. Groups of fewer than :data:`LEAST` faces are left out; the result is
    ``None`` if fewer than two remain.
    """
    k = len(judged.mix)
    members = [group.members & (judged.labels >= 0) for group in division.groups]
    kept = [rows for rows in members if rows.sum() >= LEAST]
    if len(kept) < 2:
        return None
    sizes = np.array([[(judged.labels[rows] == number).sum() for rows in kept] for number in range(k)])
    right = np.array([[judged.right[rows & (judged.labels == number)].sum() for rows in kept] for number in range(k)])
    generator = np.random.default_rng(seed)
    shuffled = np.stack(
        [generator.multivariate_hypergeometric(sizes[number], right[number].sum(), _SHUFFLES) for number in range(k)],
        axis=1,
    )
    observed = _range(right[None], sizes, judged.mix)[0]
    as_much = int((_range(shuffled, sizes, judged.mix) >= observed - 1e-12).sum())
    return {"difference": round(float(observed), 4), "by_chance": round((1 + as_much) / (1 + _SHUFFLES), 4)}


def _range(right: NDArray[np.int64], sizes: NDArray[np.int64], mix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the range of accuracy at the same mix, from right answers ``(b, k, g)`` of ``sizes`` ``(k, g)``."""
    recall = np.where(sizes > 0, right / np.maximum(sizes, 1), np.nan)
    accuracy = at_mix(np.swapaxes(recall, 1, 2), mix)
    found: NDArray[np.float64] = accuracy.max(axis=1) - accuracy.min(axis=1)
    return found


def _without_pose(divided: Sequence[Division]) -> list[str]:
    if any(division.name == "turn" for division in divided):
        return []
    return ["pose: no detector with landmarks was given (--detector)"]
