"""Task that trains a whole epoch on the device as one Lightning training step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from converter.training.averaging import MovingAverage
from converter.training.resident import graph
from converter.training.resident.step import TrainingStep
from converter.training.resident.tables import StepTables
from converter.training.resident.update import OptimizerUpdate
from converter.training.task import ExpressionTask
from converter.training.views import mix

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from converter.training.resident.faces import ResidentFaces


class ResidentTask(ExpressionTask):
    """Trains like :class:`ExpressionTask`, with an epoch of ``steps`` in one call.

    Lightning needs about a millisecond of Python for each batch, half the time of a whole step on a large GPU.
    Therefore its loop sees one batch per epoch, :class:`ResidentFaces`; its counters are advanced as if it had seen
    them all.
    """

    def __init__(self, recipe: dict[str, Any], *, bare: bool = False, steps: int) -> None:
        super().__init__(recipe, bare=bare)
        self.automatic_optimization = False
        self._steps = steps
        self._step: TrainingStep | None = None
        self._tables: StepTables | None = None
        self._run: Callable[[], None] | None = None
        self._shares = torch.zeros(len(self.head_names))

    def total_steps(self) -> int:
        """Return the number of steps of the whole run."""
        return self._steps * self.recipe.epochs

    def on_train_start(self) -> None:
        """Restore the number of completed steps of a resumed run, whichever path it used before."""
        super().on_train_start()
        loop = self.trainer.fit_loop.epoch_loop
        taken = loop.automatic_optimization.optim_progress.optimizer_steps
        loop.manual_optimization.optim_step_progress.total.completed = taken

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Set no seeds; each step sets its own."""

    def training_step(self, faces: ResidentFaces, _index: int) -> Tensor:  # type: ignore[override]
        """Train on every batch of the epoch and return their mean loss."""
        first, seed = self.global_step, self.recipe.seed
        averaging = next(callback for callback in self.trainer.callbacks if isinstance(callback, MovingAverage))
        with torch.autocast(self.device.type, enabled=False):
            # the work on the host comes first, while the device still computes the previous epoch
            drawn = faces.draw(self.current_epoch)
            step = self._prepared(faces, averaging, first)
            faces.show(drawn)
            if self._run is None:
                self._run = graph.capture(step, step.changed) if self.device.type == "cuda" else step
            step.begin()
            for number in range(first, first + self._steps):
                torch.manual_seed(mix(seed, number))  # for dropout; a replayed graph uses it as well
                self._run()
            step.finish()
        self._count(averaging, first + self._steps)
        return self._note_epoch(step)

    def train_accuracies(self) -> dict[str, float]:
        """Return the share of right answers of each head in the last epoch."""
        return dict(zip(self.head_names, self._shares.tolist(), strict=True))

    def _prepared(self, faces: ResidentFaces, averaging: MovingAverage, first: int) -> TrainingStep:
        """Return the step with its tables filled for the epoch that begins with step ``first`` of the run."""
        optimizer, schedule = self.trainer.optimizers[0], self.lr_schedulers()
        if self._step is None or self._tables is None:
            self._tables = StepTables(self.recipe, self._steps, len(optimizer.param_groups), self.device)
            self._step = TrainingStep(
                self,
                averaging.averaged,
                faces,
                self._tables,
                OptimizerUpdate(optimizer),
                precision=self.trainer.precision,
            )
        self._tables.fill(first, schedule)
        return self._step

    def _count(self, averaging: MovingAverage, taken: int) -> None:
        """Advance the counters to ``taken`` steps, of which Lightning counts one batch."""
        loop, more = self.trainer.fit_loop.epoch_loop, self._steps - 1
        loop.batch_progress.increment_by(more, is_last_batch=True)
        loop._batches_that_stepped += more  # noqa: SLF001 - Lightning stores it in its checkpoints
        loop.scheduler_progress.increment_by(self._steps)
        optimizing = loop.automatic_optimization.optim_progress.optimizer
        optimizing.step.increment_by(self._steps)
        optimizing.zero_grad.increment_by(self._steps)
        loop.manual_optimization.optim_step_progress.total.completed = taken
        averaging.set_update_count(taken)

    def _note_epoch(self, step: TrainingStep) -> Tensor:
        pictures = self._steps * self.recipe.batch_size
        loss = step.loss / self._steps
        self._shares = step.hits / step.seen.clamp_min(1)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=pictures)
        for head, share in zip(self.head_names, self._shares, strict=True):
            self.log(f"train_{head}", share, on_step=False, on_epoch=True, batch_size=pictures)
        return loss
