"""A trained network back from its checkpoint, ready to measure or to convert."""

from __future__ import annotations

import hashlib
import io
import pickle
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from converter.datasets.faces import SIZE
from converter.outputs import write_bytes
from converter.training.task import ExpressionTask
from edge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from converter.training.recipe import Recipe

_BATCH = 256


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A network in evaluation mode with averaged weights, its recipe, and the number of epochs it has seen."""

    network: nn.Module
    recipe: Recipe
    epochs_seen: int

    @property
    def head_names(self) -> tuple[str, ...]:
        """The heads that the network has, in the order of its outputs."""
        return tuple(self.network.head_names)

    @property
    def parameters(self) -> int:
        """Number of trained values."""
        return sum(parameter.numel() for parameter in self.network.parameters() if parameter.requires_grad)

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one face."""
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            self.network(torch.zeros(1, 1, SIZE, SIZE))
        return int(counter.get_total_flops()) // 2

    @property
    def fingerprint(self) -> str:
        """What tells these weights from any others."""
        digest = hashlib.sha256()
        for name, values in self.network.state_dict().items():
            digest.update(name.encode())
            digest.update(values.float().numpy().tobytes())
        return digest.hexdigest()

    def logits(self, pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Logits ``(n, 7)`` of each head in float32 for ``(n, 48, 48)`` uint8 grey."""
        parts: list[tuple[Any, ...]] = []
        with torch.inference_mode():
            for start in range(0, len(pixels), _BATCH):
                batch = torch.from_numpy(pixels[start : start + _BATCH]).unsqueeze(1).float() / 255
                parts.append(self.network(batch))
        return {
            head: np.concatenate([part[index].numpy() for part in parts]).astype(np.float32)
            for index, head in enumerate(self.head_names)
        }


def load(path: Path) -> Trained:
    """Read a checkpoint of :func:`converter.training.train.train`; its weights are the exponential average.

    Raises:
        InputError: it is missing, no checkpoint, or of another kind of network.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        task = ExpressionTask(content["hyper_parameters"]["recipe"], bare=True)
        task.load_state_dict(content["state_dict"])
        epochs_seen = int(content["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"])
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror or error}"
        raise InputError(msg) from error
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, RuntimeError) as error:
        cause = " ".join(str(error).split())[:120]
        msg = f"{path}: is no checkpoint of face-convert train: {type(error).__name__}: {cause}"
        raise InputError(msg) from error
    return Trained(task.network.eval(), task.recipe, epochs_seen)


def save(path: Path, trained: Trained, notes: Mapping[str, str | int] | None = None) -> None:
    """Write a network as a checkpoint that :func:`load` reads; it cannot be resumed, for it keeps no optimiser.

    ``notes`` says beside it where the weights come from.

    Raises:
        InputError: ``path`` cannot be written.
    """
    stream = io.BytesIO()
    content = {
        "state_dict": {f"network.{name}": values for name, values in trained.network.state_dict().items()},
        "hyper_parameters": {"recipe": asdict(trained.recipe)},
        "loops": {"fit_loop": {"epoch_progress": {"current": {"processed": trained.epochs_seen}}}},
        "notes": dict(notes or {}),
    }
    torch.save(content, stream)
    write_bytes(path, stream.getvalue())
