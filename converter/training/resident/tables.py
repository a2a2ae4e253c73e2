"""Values that differ between the steps of an epoch, computed on the host and read on the device by step number."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from converter.training import mixup
from converter.training.averaging import decay_at
from converter.training.mixup import Blend

if TYPE_CHECKING:
    from converter.training.recipe import Recipe


class StepValues(NamedTuple):
    """Numbers of one step: learning rates ``(groups,)``, the average's movement ``()``, the blend if any."""

    rates: Tensor
    movement: Tensor
    blend: Blend | None


class StepTables:
    """Learning rates, movements of the average and blends of an epoch's ``steps``; their addresses never change."""

    def __init__(self, recipe: Recipe, steps: int, groups: int, device: torch.device) -> None:
        self._recipe, self._steps = recipe, steps
        self._rates = torch.zeros(steps, groups, device=device)
        self._movements = torch.zeros(steps, device=device)
        self._shares = torch.zeros(steps, device=device)
        self._partners = torch.zeros(steps, recipe.batch_size, dtype=torch.int64, device=device)

    def fill(self, first: int, schedule: torch.optim.lr_scheduler.LRScheduler) -> None:
        """Fill the tables for the epoch that begins with step ``first`` of the run.

        ``schedule`` moves on by the whole epoch, as it would step by step.
        """
        numbers = range(first, first + self._steps)
        rates = []
        with warnings.catch_warnings():
            # the warning is about the optimiser's own step, which the resident path never calls
            warnings.simplefilter("ignore")
            for _ in range(self._steps):
                rates.append([group["lr"] for group in schedule.optimizer.param_groups])
                schedule.step()
        self._rates.copy_(torch.tensor(rates))
        # the average is updated in every step; the first update copies the weights
        decays = [decay_at(number, self._recipe.ema_decay) if number else 0.0 for number in numbers]
        self._movements.copy_(1 - torch.tensor(decays))
        if self._recipe.mixup > 0:
            recipe = self._recipe
            blends = [mixup.draw(recipe.mixup, recipe.seed, number, recipe.batch_size) for number in numbers]
            self._shares.copy_(torch.tensor([blend.share for blend in blends]))
            self._partners.copy_(torch.stack([blend.partners for blend in blends]))

    def at(self, step: Tensor) -> StepValues:
        """Read the numbers of ``step``, an index ``(1,)`` on the device."""
        rates, movement = self._rates.index_select(0, step).squeeze(0), self._movements.index_select(0, step).squeeze(0)
        if self._recipe.mixup == 0:
            return StepValues(rates, movement, None)
        share, partners = (table.index_select(0, step).squeeze(0) for table in (self._shares, self._partners))
        return StepValues(rates, movement, Blend(share, partners))
