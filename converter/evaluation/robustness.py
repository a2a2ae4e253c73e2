"""Accuracy of a model on pictures that are worse than those of the data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from converter.datasets.faces import truth
from converter.evaluation.bootstrap import accuracies
from converter.evaluation.disturbances import DISTURBANCES
from converter.measure import rank
from converter.progress import bar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet
    from converter.evaluation.bootstrap import Bootstrap
    from converter.evaluation.disturbances import Disturbance
    from converter.evaluation.subject import Subject

UNDISTURBED = "none"


def robustness(
    subject: Subject, faces: FaceSet, bootstrap: Bootstrap, disturbances: Iterable[Disturbance] = DISTURBANCES
) -> list[dict[str, Any]]:
    """Return every head's accuracy under each disturbance, one row of plain values each; the first is undisturbed."""
    rows = [_row(subject.logits(faces.pixels), faces, bootstrap, UNDISTURBED)]
    for found in bar(tuple(disturbances), "robustness"):
        logits = subject.logits(found.apply(faces.pixels), f"{found.kind}, {found.strength}")
        rows.append(_row(logits, faces, bootstrap, found.kind, amount=found.amount, strength=found.strength))
    return rows


def _row(
    logits: Mapping[str, NDArray[np.float32]],
    faces: FaceSet,
    bootstrap: Bootstrap,
    kind: str,
    *,
    amount: float = 0.0,
    strength: str = "as it is",
) -> dict[str, Any]:
    return {"kind": kind, "amount": amount, "strength": strength, "heads": accuracy_of(logits, faces, bootstrap)}


def accuracy_of(
    logits: Mapping[str, NDArray[np.float32]], faces: FaceSet, bootstrap: Bootstrap
) -> dict[str, dict[str, Any]]:
    """Return accuracy and balanced accuracy of each head with their intervals; a head without labels is left out."""
    heads = {head: _accuracies(values, truth(faces, head), bootstrap) for head, values in logits.items()}
    return {head: figures for head, figures in heads.items() if figures}


def _accuracies(logits: NDArray[np.float32], labels: NDArray[np.int64], bootstrap: Bootstrap) -> dict[str, Any]:
    usable = labels >= 0
    if not usable.any():
        return {}
    labels = labels[usable]
    statistic = accuracies(rank(logits[usable])[:, 0], labels)
    names = ("accuracy", "balanced_accuracy")
    values = statistic(np.arange(len(labels))[None])[0]
    bounds = bootstrap.intervals(len(labels), statistic)
    return {
        **{name: round(float(value), 4) for name, value in zip(names, values, strict=True)},
        "interval": {name: np.round(pair, 4).tolist() for name, pair in zip(names, bounds, strict=True)},
    }
