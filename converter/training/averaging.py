"""Exponential moving average of the weights; validation, checkpoints and models use the average.

An average of constant decay remembers the initial weights for a multiple of ``1 / (1 - decay)`` steps, and a small data
set has fewer steps than that. Therefore the decay rises to its value: after ``n`` updates the average covers about the
last ``n / 9`` steps (the rule of TensorFlow's ``ExponentialMovingAverage`` with ``num_updates``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from lightning.pytorch.callbacks import WeightAveraging

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn


def decay_at(updates: int, decay: float) -> float:
    """Return the share of the average that an update keeps, after ``updates`` earlier ones; at most ``decay``."""
    return min(decay, (1 + updates) / (10 + updates))


class MovingAverage(WeightAveraging):
    """Average of a run's weights and batch norm statistics, updated after every step.

    Validation and checkpoints see the average; a checkpoint holds the weights themselves as ``current_model_state``.
    """

    def __init__(self, decay: float) -> None:
        def update(averages: Sequence[Tensor], values: Sequence[Tensor], updates: Tensor | int) -> None:
            average_into(averages, values, decay_at(int(updates), decay))

        super().__init__(multi_avg_fn=update)

    @property
    def averaged(self) -> nn.Module:
        """Return the averaged copy of the task; available once the run has started."""
        return self._average_model.module

    def set_update_count(self, updates: int) -> None:
        """Record that other code has already applied ``updates`` updates to the average."""
        self._average_model.n_averaged.fill_(updates)
        self._latest_update_step = updates


@torch.no_grad()
def average_into(averages: Sequence[Tensor], values: Sequence[Tensor], decay: float) -> None:
    """Move each tensor of ``averages`` towards its value; integer tensors, which count batches, are copied."""
    floating = [tensor.is_floating_point() for tensor in averages]
    means, current = ([t for t, f in zip(tensors, floating, strict=True) if f] for tensors in (averages, values))
    if means:
        torch._foreach_lerp_(means, current, 1 - decay)
    for average, value, mean in zip(averages, values, floating, strict=True):
        if not mean:
            average.copy_(value)
