"""Record of the metrics of each epoch, with a chart that is redrawn during training."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Any, TypeVar

import lightning

from converter.outputs import write_bytes
from converter.plots import curves
from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from converter.training.tensorboard import TensorBoardLog

_VAL, _LOSS = "val_", "val_loss"
T = TypeVar("T")


class History(lightning.Callback):
    """Callback that keeps one row per epoch, also across a resume, and writes ``history.csv`` and ``curves.png``.

    The files are in ``out``. ``patience`` ends the run after that many epochs without improvement; 0 never does. A
    ``board`` receives each row as well.
    """

    def __init__(
        self, out: Path, heads: tuple[str, ...], patience: int = 0, board: TensorBoardLog | None = None
    ) -> None:
        self._out, self._heads, self._patience, self._board = out, heads, patience, board
        self._losses: list[Tensor] = []
        self.rows: list[dict[str, float]] = []

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, index: int) -> None:
        """Store a batch's loss."""
        del trainer, module, batch, index
        self._losses.append(outputs["loss"].detach())

    def on_validation_epoch_end(self, trainer: Any, module: Any) -> None:
        """Complete the epoch's row; this runs before the checkpoint is written, which therefore contains it.

        Raises:
            InputError: the losses are no longer finite, or the files cannot be written.
        """
        if trainer.sanity_checking or not self._losses:
            return
        loss = float(sum(float(value) for value in self._losses) / len(self._losses))
        self._losses.clear()
        metrics = trainer.callback_metrics
        logged = {name: float(metrics[name]) for name in columns(self._heads) if name in metrics}
        # the means of the training epoch are logged only after validation
        seen = {f"train_{head}": share for head, share in module.train_accuracies().items()}
        row = {**logged, **seen, "epoch": trainer.current_epoch + 1, "train_loss": loss}
        refuse_non_finite(row, self._out)
        self.rows.append(row)
        if trainer.is_global_zero:
            write_rows(self._out, self.rows, self._heads)
            if self._board is not None:
                self._board.add(row)
        if stalled(self.rows, self._patience):
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """Return the state for the checkpoint."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state from a checkpoint."""
        self.rows = list(state_dict["rows"])


def columns(heads: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of the history: ``epoch``, the losses, and the accuracies of each head."""
    return ("epoch", "train_loss", "val_loss", *(f"{stage}_{head}" for head in heads for stage in ("train", "val")))


def write_rows(out: Path, rows: Sequence[Mapping[str, float]], heads: Sequence[str]) -> None:
    """Write ``history.csv`` and ``curves.png`` into ``out``.

    Raises:
        InputError: they cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, columns(heads))
    writer.writeheader()
    writer.writerows(rows)
    write_bytes(out / "history.csv", text.getvalue().encode())
    write_bytes(out / "curves.png", curves(rows))


def refuse_non_finite(row: Mapping[str, float], out: Path) -> None:
    """Stop a run whose losses are no longer finite, before its weights overwrite the last good ones.

    Raises:
        InputError: a loss is NaN or infinite; the message says what to do.
    """
    for name in ("train_loss", "val_loss"):
        value = row.get(name, 0.0)
        if not math.isfinite(value):
            stage = "training" if name == "train_loss" else "validation"
            msg = (
                f"{out}: epoch {row['epoch']:.0f}: the loss in {stage} is {value}: training has "
                "diverged, and the same command would diverge again: lower --learning-rate and choose another --out"
            )
            raise InputError(msg)


def stalled(rows: Sequence[Mapping[str, float]], patience: int) -> bool:
    """Return whether the last ``patience`` epochs did not improve the mean accuracy of the heads; never with 0."""
    if patience < 1 or len(rows) <= patience:
        return False
    means = [_mean(row) for row in rows]
    return max(means[-patience:]) <= max(means[:-patience])


def accuracies(row: Mapping[str, T]) -> dict[str, T]:
    """Return the validation accuracy of each head from a row in memory or as read from the file."""
    return {name.removeprefix(_VAL): value for name, value in row.items() if name.startswith(_VAL) and name != _LOSS}


def _mean(row: Mapping[str, float]) -> float:
    shares = accuracies(row)
    return sum(shares.values()) / max(1, len(shares))
