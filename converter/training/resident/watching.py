"""Validation schedule and progress bar of a run on the resident path."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import lightning
from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Callable


class TimedValidation(lightning.Callback):
    """Callback that validates at most every ``seconds``, and after the last epoch; checkpoints and curves follow.

    With 0 seconds every epoch is validated.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._last = -float("inf")

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Start measuring."""
        del trainer, module
        self._last = self._clock()

    def on_train_epoch_start(self, trainer: Any, module: Any) -> None:
        """Enable or skip Lightning's validation after this epoch."""
        del module
        is_due = self._clock() - self._last >= self._seconds
        if is_due:
            self._last = self._clock()
        is_last = trainer.current_epoch + 1 >= trainer.max_epochs
        # Lightning validates if this divides the number of the epoch, counted from 1
        trainer.check_val_every_n_epoch = 1 if is_due or is_last else trainer.max_epochs + 1


class EpochBar(lightning.Callback):
    """Progress bar over the epochs; Lightning's own synchronises after every batch, this one after every epoch."""

    def __init__(self) -> None:
        self._bar: Any = None

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Start the bar at the current epoch of a resumed run."""
        del module
        self._bar = tqdm(
            desc="training",
            total=trainer.max_epochs,
            initial=trainer.current_epoch,
            unit=" epochs",
            disable=None if trainer.is_global_zero else True,
            leave=False,
        )

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        """Count an epoch."""
        del trainer, module
        self._bar.update()

    def on_validation_end(self, trainer: Any, module: Any) -> None:
        """Show the accuracies."""
        if self._bar is not None and not trainer.sanity_checking:
            metrics = trainer.callback_metrics
            self._bar.set_postfix({head: f"{float(metrics[f'val_{head}']):.3f}" for head in module.head_names})

    def on_train_end(self, trainer: Any, module: Any) -> None:
        """Remove the bar."""
        del trainer, module
        self._bar.close()

    def on_exception(self, trainer: Any, module: Any, exception: BaseException) -> None:
        """Remove the bar before the error is printed."""
        del trainer, module, exception
        if self._bar is not None:
            self._bar.close()
