"""Training history for TensorBoard, an optional package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge.core.errors import HardwareUnavailable
from edge.system.installation import repairing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FOLDER = "tensorboard"


def require() -> Any:
    """Return PyTorch's writer class for TensorBoard.

    Raises:
        HardwareUnavailable: TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        msg = f"--tensorboard: TensorBoard is not installed: {repairing('tensorboard')}"
        raise HardwareUnavailable(msg) from error
    return SummaryWriter


class TensorBoardLog:
    """Writes one point per epoch for each column of the history into ``out/tensorboard``.

    Points that an interrupted run wrote after its last checkpoint are left out of the curves (``purge_step``).
    """

    def __init__(self, out: Path, epochs_done: int) -> None:
        self._writer = require()(str(out / FOLDER), purge_step=epochs_done + 1)

    def add(self, row: Mapping[str, float]) -> None:
        """Add one epoch to the curves."""
        for name, value in row.items():
            if name != "epoch":
                stage, _, figure = name.partition("_")
                self._writer.add_scalar(f"{figure}/{stage}", value, int(row["epoch"]))
        self._writer.flush()
