"""Remembers what training logged, epoch by epoch, and draws it while training goes on."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import lightning

from converter.architectures.heads import HEADS
from converter.outputs import write_bytes
from converter.plots import curves

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

COLUMNS = ("epoch", "train_loss", "val_loss", *(f"val_{head}" for head in HEADS))


class History(lightning.Callback):
    """Keeps one row an epoch, also across a resume, and writes ``history.csv`` and ``curves.png`` into ``out``."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._losses: list[Tensor] = []
        self.rows: list[dict[str, float]] = []

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, index: int) -> None:
        """Note a batch's loss."""
        del trainer, module, batch, index
        self._losses.append(outputs["loss"].detach())

    def on_validation_epoch_end(self, trainer: Any, module: Any) -> None:
        """Close the epoch's row; this comes before the checkpoint is written, which so contains it."""
        del module
        if trainer.sanity_checking or not self._losses:
            return
        loss = float(sum(float(value) for value in self._losses) / len(self._losses))
        self._losses.clear()
        logged = {name: float(trainer.callback_metrics[name]) for name in COLUMNS if name in trainer.callback_metrics}
        self.rows.append({**logged, "epoch": trainer.current_epoch + 1, "train_loss": loss})
        self._write()

    def state_dict(self) -> dict[str, Any]:
        """What the checkpoint keeps."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.rows = list(state_dict["rows"])

    def _write(self) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS)
        writer.writeheader()
        writer.writerows(self.rows)
        write_bytes(self._out / "history.csv", text.getvalue().encode())
        write_bytes(self._out / "curves.png", curves(self.rows))
