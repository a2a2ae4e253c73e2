"""One training step as a function without arguments: capture on CUDA, called directly on other devices."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import torch
from torch.nn.utils import clip_grad_norm_

if TYPE_CHECKING:
    from torch import Tensor

    from converter.training.resident.faces import ResidentFaces
    from converter.training.resident.tables import StepTables
    from converter.training.resident.update import OptimizerUpdate
    from converter.training.task import ExpressionTask


class TrainingStep:
    """Gathers a batch, learns from it, updates the average, and counts, all on the device without synchronising.

    ``average`` is the averaged copy of ``task``. The position in the epoch is on the device; it returns to 0 after the
    last step of the epoch. :attr:`changed` are the tensors that a step writes.
    """

    def __init__(
        self,
        task: ExpressionTask,
        average: torch.nn.Module,
        faces: ResidentFaces,
        tables: StepTables,
        update: OptimizerUpdate,
        *,
        precision: str,
    ) -> None:
        self._task, self._faces, self._tables, self._update = task, faces, tables, update
        self._has_bfloat16 = precision == "bf16-mixed"
        self._device = task.device
        values, means = _tensors(task), _tensors(average)
        pairs = list(zip(means, values, strict=True))
        self._means = [mean for mean, _ in pairs if mean.is_floating_point()]
        self._values = [value for _, value in pairs if value.is_floating_point()]
        self._counts = [pair for pair in pairs if not pair[0].is_floating_point()]
        self._position = torch.zeros(1, dtype=torch.int64, device=self._device)
        heads = len(task.head_names)
        self.loss = torch.zeros((), device=self._device)
        """Sum of the losses of the steps since :meth:`begin`."""
        self.hits, self.seen = (torch.zeros(heads, dtype=torch.int64, device=self._device) for _ in range(2))
        """Right answers and labelled pictures of each head, since :meth:`begin`."""
        own = [self._position, self.loss, self.hits, self.seen]
        self.changed: list[Tensor] = [*values, *means, *update.state, *own]

    def __call__(self) -> None:
        """Run the step."""
        entry = self._tables.at(self._position)
        batch = self._faces.batch(self._position)
        for parameter in self._update.parameters:
            parameter.grad = None
        # without the cache of cast weights, which would outlive the update if an outer autocast is active
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._has_bfloat16, cache_enabled=False):
            outputs, loss = self._task.learn(batch, batch.pictures, entry.blend)
        loss.backward()
        if self._task.recipe.gradient_clip > 0:
            clip_grad_norm_(self._update.parameters, self._task.recipe.gradient_clip)
        self._update(entry.rates)
        with torch.no_grad():
            self._average(entry.movement)
            self.loss.add_(loss.detach())
            for index, truth in enumerate(self._task.truths(batch)):
                self.hits[index].add_((outputs[index].argmax(dim=1) == truth).sum())
                self.seen[index].add_((truth >= 0).sum())
            self._position.add_(1).remainder_(self._faces.steps)

    def begin(self) -> None:
        """Set the sums back to 0."""
        for total in (self.loss, self.hits, self.seen):
            total.zero_()

    def finish(self) -> None:
        """OptimizerUpdate the counts of batches and of updates, which no step reads."""
        self._update.finish(self._faces.steps)
        for mean, value in self._counts:
            mean.copy_(value)

    def _average(self, movement: Tensor) -> None:
        """Move the average towards the weights with three kernels for all tensors."""
        way = torch._foreach_sub(self._values, self._means)  # noqa: SLF001 - it has no public name
        torch._foreach_mul_(way, movement)
        torch._foreach_add_(self._means, way)


def _tensors(module: torch.nn.Module) -> list[Tensor]:
    return [tensor.detach() for tensor in chain(module.parameters(), module.buffers())]
