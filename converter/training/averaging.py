"""The exponential moving average of the weights, which is what validation, checkpoints and models hold.

An average of constant decay remembers the initial weights for a multiple of ``1 / (1 - decay)`` steps; a small data set
does not take that many. So the decay rises to its value: after ``n`` updates the average reaches back about ``n / 9``
steps (the rule of TensorFlow's ``ExponentialMovingAverage`` with ``num_updates``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from lightning.pytorch.callbacks import WeightAveraging

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn


def decay_at(updates: int, decay: float) -> float:
    """The share of the average that is kept at an update, after ``updates`` earlier ones; never above ``decay``."""
    return min(decay, (1 + updates) / (10 + updates))


class MovingAverage(WeightAveraging):
    """Keeps the average of a run's weights and batch norm statistics, updated after every step.

    Validation and checkpoints see the average; a checkpoint holds the weights themselves as ``current_model_state``.
    """

    def __init__(self, decay: float) -> None:
        def update(averages: Sequence[Tensor], values: Sequence[Tensor], updates: Tensor | int) -> None:
            average_into(averages, values, decay_at(int(updates), decay))

        super().__init__(multi_avg_fn=update)

    @property
    def averaged(self) -> nn.Module:
        """The averaged copy of the task of a run that has begun."""
        return self._average_model.module

    def moved_on(self, updates: int) -> None:
        """Note that the average, which has been moved by other means, has had so many updates."""
        self._average_model.n_averaged.fill_(updates)
        self._latest_update_step = updates


@torch.no_grad()
def average_into(averages: Sequence[Tensor], values: Sequence[Tensor], decay: float) -> None:
    """Move each of ``averages`` towards its value; whole numbers, which count batches, are taken over."""
    floating = [tensor.is_floating_point() for tensor in averages]
    means, current = ([t for t, f in zip(tensors, floating, strict=True) if f] for tensors in (averages, values))
    if means:
        torch._foreach_lerp_(means, current, 1 - decay)
    for average, value, mean in zip(averages, values, floating, strict=True):
        if not mean:
            average.copy_(value)
