"""Average of the weights of several networks of one architecture (model soups; Wortsman et al., 2022)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from converter.training import checkpoint
from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from converter.training.checkpoint import Trained


def averaged(weights: Mapping[Path, float]) -> Trained:
    """Return the average of checkpoints by ``weights``, which are normalised to a sum of 1.

    Batch norm statistics are averaged like weights; counters and the recipe are those of the last checkpoint.
    A face output is left out because it belongs to one network.

    Raises:
        InputError: a checkpoint cannot be read, or the networks differ in architecture or heads.
    """
    total = sum(weights.values())
    shares = {path: weight / total for path, weight in weights.items()}
    networks = {path: checkpoint.load(path) for path in shares}
    (first, reference), *_ = networks.items()
    state: dict[str, Tensor] = {}
    for path, trained in networks.items():
        if (trained.recipe.architecture, trained.head_names) != (reference.recipe.architecture, reference.head_names):
            msg = f"{path}: {_described(trained)}, but {first}: {_described(reference)}: these cannot be averaged"
            raise InputError(msg)
        for name, values in trained.network.state_dict().items():
            weighted = values * shares[path] if values.is_floating_point() else values
            state[name] = state[name] + weighted if name in state and values.is_floating_point() else weighted.clone()
    last = list(networks.values())[-1]
    with torch.no_grad():
        last.network.load_state_dict(state)
    description = "average of " + " and ".join(
        f"{checkpoint.name_of(path)} ({share:.2f})" for path, share in shares.items()
    )
    epochs = sum(trained.epochs_seen for trained in networks.values())
    return replace(last, recipe=replace(last.recipe, start=description), epochs_seen=epochs, face=None)


def _described(trained: Trained) -> str:
    return f"{trained.recipe.architecture} with {', '.join(trained.head_names)}"
