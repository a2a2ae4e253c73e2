"""The task whose training step, for Lightning, is a whole epoch on the device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from converter.training.averaging import MovingAverage
from converter.training.resident import graph
from converter.training.resident.step import Step
from converter.training.resident.tables import Tables
from converter.training.resident.update import Update
from converter.training.task import ExpressionTask
from converter.training.views import mix

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from converter.training.resident.faces import ResidentFaces


class ResidentTask(ExpressionTask):
    """Learns what :class:`ExpressionTask` does, an epoch of ``steps`` in one call.

    Lightning needs about a millisecond of Python for each batch, half of what a whole step takes on a large GPU. So its
    loop sees one batch an epoch, :class:`ResidentFaces`; its counts are moved on as if it had seen them all.
    """

    def __init__(self, recipe: dict[str, Any], *, bare: bool = False, steps: int) -> None:
        super().__init__(recipe, bare=bare)
        self.automatic_optimization = False
        self._steps = steps
        self._step: Step | None = None
        self._tables: Tables | None = None
        self._run: Callable[[], None] | None = None
        self._shares = torch.zeros(len(self.head_names))

    def total_steps(self) -> int:
        """Return the number of steps of the whole run."""
        return self._steps * self.recipe.epochs

    def on_train_start(self) -> None:
        """Take over how many steps a resumed run has taken, on whichever path."""
        super().on_train_start()
        loop = self.trainer.fit_loop.epoch_loop
        taken = loop.automatic_optimization.optim_progress.optimizer_steps
        loop.manual_optimization.optim_step_progress.total.completed = taken

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Leave the seeds to the steps."""

    def training_step(self, faces: ResidentFaces, _index: int) -> Tensor:  # type: ignore[override]
        """Learn from every batch of the epoch; returns their mean loss."""
        first, seed = self.global_step, self.recipe.seed
        averaging = next(callback for callback in self.trainer.callbacks if isinstance(callback, MovingAverage))
        with torch.autocast(self.device.type, enabled=False):
            # all that the host computes comes first, while the device still works on the epoch before
            drawn = faces.draw(self.current_epoch)
            step = self._prepared(faces, averaging, first)
            faces.show(drawn)
            if self._run is None:
                self._run = graph.captured(step, step.changed) if self.device.type == "cuda" else step
            step.begin()
            for number in range(first, first + self._steps):
                torch.manual_seed(mix(seed, number))  # for dropout; a replayed graph follows it, too
                self._run()
            step.finish()
        self._count(averaging, first + self._steps)
        return self._note_epoch(step)

    def train_accuracies(self) -> dict[str, float]:
        """Return the share of right answers of each head in the last epoch."""
        return dict(zip(self.head_names, self._shares.tolist(), strict=True))

    def _prepared(self, faces: ResidentFaces, averaging: MovingAverage, first: int) -> Step:
        """Return the step, its tables filled for the epoch that begins with step ``first`` of the run."""
        optimizer, schedule = self.trainer.optimizers[0], self.lr_schedulers()
        if self._step is None or self._tables is None:
            self._tables = Tables(self.recipe, self._steps, len(optimizer.param_groups), self.device)
            self._step = Step(
                self,
                averaging.averaged,
                faces,
                self._tables,
                Update(optimizer),
                precision=self.trainer.precision,
            )
        self._tables.fill(first, schedule)
        return self._step

    def _count(self, averaging: MovingAverage, taken: int) -> None:
        """Move counts on to ``taken`` steps, one batch of which Lightning counts itself."""
        loop, more = self.trainer.fit_loop.epoch_loop, self._steps - 1
        loop.batch_progress.increment_by(more, is_last_batch=True)
        loop._batches_that_stepped += more  # noqa: SLF001 - Lightning keeps it in its checkpoints
        loop.scheduler_progress.increment_by(self._steps)
        optimizing = loop.automatic_optimization.optim_progress.optimizer
        optimizing.step.increment_by(self._steps)
        optimizing.zero_grad.increment_by(self._steps)
        loop.manual_optimization.optim_step_progress.total.completed = taken
        averaging.moved_on(taken)

    def _note_epoch(self, step: Step) -> Tensor:
        pictures = self._steps * self.recipe.batch_size
        loss = step.loss / self._steps
        self._shares = step.hits / step.seen.clamp_min(1)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=pictures)
        for head, share in zip(self.head_names, self._shares, strict=True):
            self.log(f"train_{head}", share, on_step=False, on_epoch=True, batch_size=pictures)
        return loss
