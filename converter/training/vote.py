"""Soft vote of several networks: the mean of their probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from converter.datasets.faces import truth
from converter.training.teachers import probabilities

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet
    from converter.training.checkpoint import Trained

VOTE = "soft vote"
MIRRORED = "soft vote, and mirrored"


def measure_vote(networks: Mapping[str, Trained], faces: FaceSet) -> dict[str, dict[str, float]]:
    """Return the accuracies per head of each network, of their vote, and of their vote on both mirror images."""
    shares = {name: probabilities(trained, faces.pixels) for name, trained in networks.items()}
    mirrored = [probabilities(trained, faces.pixels[:, :, ::-1].copy()) for trained in networks.values()]
    heads = next(iter(networks.values())).head_names
    shares[VOTE] = np.mean(list(shares.values()), axis=0)
    shares[MIRRORED] = (shares[VOTE] + np.mean(mirrored, axis=0)) / 2
    return {name: _accuracies(accuracies, faces, heads) for name, accuracies in shares.items()}


def _accuracies(shares: NDArray[np.float32], faces: FaceSet, heads: tuple[str, ...]) -> dict[str, float]:
    accuracies: dict[str, float] = {}
    for index, head in enumerate(heads):
        labels = truth(faces, head)
        known = labels >= 0
        if known.any():
            accuracies[head] = round(float((shares[known, index].argmax(axis=1) == labels[known]).mean()), 4)
    return accuracies
