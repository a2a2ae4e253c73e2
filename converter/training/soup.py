"""Averages of the weights of several networks of one architecture (model soups; Wortsman et al., 2022)."""

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
    """Return the average of checkpoints by their weights, which are taken as shares of their sum.

    Statistics of batch norms are averaged like weights; counts are those of the last. The recipe is the last one's.
    A face output is left out: it is for one network alone.

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
            msg = f"{path}: {_described(trained)}, but {first}: {_described(reference)}: only like networks average"
            raise InputError(msg)
        for name, values in trained.network.state_dict().items():
            part = values * shares[path] if values.is_floating_point() else values
            state[name] = state[name] + part if name in state and values.is_floating_point() else part.clone()
    last = list(networks.values())[-1]
    with torch.no_grad():
        last.network.load_state_dict(state)
    said = "average of " + " and ".join(f"{checkpoint.name_of(path)} ({share:.2f})" for path, share in shares.items())
    epochs = sum(trained.epochs_seen for trained in networks.values())
    return replace(last, recipe=replace(last.recipe, start=said), epochs_seen=epochs, face=None)


def _described(trained: Trained) -> str:
    return f"{trained.recipe.architecture} with {', '.join(trained.head_names)}"
