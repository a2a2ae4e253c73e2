"""Remembers what training logged, epoch by epoch, and draws it while training goes on."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import lightning

from converter.outputs import write_bytes
from converter.plots import curves

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor


class History(lightning.Callback):
    """Keeps one row an epoch, also across a resume, and writes ``history.csv`` and ``curves.png`` into ``out``."""

    def __init__(self, out: Path, heads: tuple[str, ...]) -> None:
        self._out = out
        accuracies = (f"{stage}_{head}" for head in heads for stage in ("train", "val"))
        self._columns = ("epoch", "train_loss", "val_loss", *accuracies)
        self._losses: list[Tensor] = []
        self.rows: list[dict[str, float]] = []

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, index: int) -> None:
        """Note a batch's loss."""
        del trainer, module, batch, index
        self._losses.append(outputs["loss"].detach())

    def on_validation_epoch_end(self, trainer: Any, module: Any) -> None:
        """Close the epoch's row; this comes before the checkpoint is written, which so contains it."""
        if trainer.sanity_checking or not self._losses:
            return
        loss = float(sum(float(value) for value in self._losses) / len(self._losses))
        self._losses.clear()
        metrics = trainer.callback_metrics
        logged = {name: float(metrics[name]) for name in self._columns if name in metrics}
        # the epoch's own means are logged only after validation
        seen = {f"train_{head}": float(module.accuracies[f"train_{head}"].compute()) for head in module.head_names}
        self.rows.append({**logged, **seen, "epoch": trainer.current_epoch + 1, "train_loss": loss})
        if trainer.is_global_zero:
            self._write()

    def state_dict(self) -> dict[str, Any]:
        """What the checkpoint keeps."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.rows = list(state_dict["rows"])

    def _write(self) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, self._columns)
        writer.writeheader()
        writer.writerows(self.rows)
        write_bytes(self._out / "history.csv", text.getvalue().encode())
        write_bytes(self._out / "curves.png", curves(self.rows))
