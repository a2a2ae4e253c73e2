"""Trained networks loaded from checkpoints, for evaluation or conversion."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from lightning.fabric.plugins import TorchCheckpointIO
from torch.utils.flop_counter import FlopCounterMode

from converter.architectures.face import FaceLayer, with_face
from converter.datasets.faces import SIZE
from converter.datasets.record import checked
from converter.outputs import write_bytes
from converter.shortened import shortened
from converter.training.task import ExpressionTask
from edge.core.errors import EdgeError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import nn

    from converter.training.recipe import Recipe

_BATCH = 256


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A network in evaluation mode with averaged weights, its recipe, and the number of epochs it was trained for.

    ``data`` is the record of its training data (:func:`converter.datasets.record.record_of`), or ``None`` for a
    checkpoint of an earlier version without one.
    """

    network: nn.Module
    recipe: Recipe
    epochs_seen: int
    data: Mapping[str, Any] | None = None
    face: FaceLayer | None = None
    """The layer of the output that says whether it is a face (``face-convert face-output``)."""

    @property
    def whole(self) -> nn.Module:
        """The network with its face output, where it has one."""
        return self.network if self.face is None else with_face(self.network, self.face)

    @property
    def head_names(self) -> tuple[str, ...]:
        """Return the names of the network's heads, in the order of its outputs."""
        return tuple(self.network.head_names)

    @property
    def device(self) -> torch.device:
        """Return the device of the network's weights."""
        device: torch.device = next(self.network.parameters()).device
        return device

    def to(self, device: torch.device) -> Trained:
        """Move the network to ``device``, in the memory format that is fastest there, and return this object."""
        self.network.to(device, memory_format=torch.preserve_format if device.type == "cpu" else torch.channels_last)
        return self

    @property
    def parameters(self) -> int:
        """Return the number of trained values."""
        return sum(parameter.numel() for parameter in self.network.parameters() if parameter.requires_grad)

    @property
    def macs(self) -> int:
        """Return the multiply-accumulate operations for one face."""
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            self.network(torch.zeros(1, 1, SIZE, SIZE, device=self.device))
        return int(counter.get_total_flops()) // 2

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 of the names and values of the weights, as hexadecimal digits."""
        digest = hashlib.sha256()
        for name, values in self.network.state_dict().items():
            digest.update(name.encode())
            digest.update(values.float().cpu().numpy().tobytes())
        return digest.hexdigest()

    def logits(self, pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Return the logits ``(n, 7)`` of each head in float32 for ``(n, 48, 48)`` uint8 grey."""
        parts: list[tuple[Any, ...]] = []
        with torch.inference_mode():
            for start in range(0, len(pixels), _BATCH):
                batch = torch.from_numpy(pixels[start : start + _BATCH]).to(self.device).unsqueeze(1).float() / 255
                parts.append(self.network(batch))
        return {
            head: np.concatenate([part[index].cpu().numpy() for part in parts]).astype(np.float32)
            for index, head in enumerate(self.head_names)
        }


def load(path: Path) -> Trained:
    """Load a checkpoint of :func:`converter.training.train.train`; its weights are the exponential average.

    Raises:
        InputError: it is missing, no checkpoint, of another kind of network, or its weights are not finite numbers.
    """
    content = read(path, "is no checkpoint of face-convert train")
    try:
        task = ExpressionTask(content["hyper_parameters"]["recipe"], bare=True)
        task.load_state_dict(content["state_dict"])
        epochs_seen = int(content["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"])
    except EdgeError as error:
        msg = f"{path}: {error}"
        raise InputError(msg) from error
    except Exception as error:  # a forged file can raise anything while the network is built
        msg = f"{path}: is no checkpoint of face-convert train: {_cause(error)}"
        raise InputError(msg) from error
    if not all(bool(values.isfinite().all()) for values in task.network.state_dict().values()):
        msg = f"{path}: holds weights that are not numbers (NaN or infinite): choose another checkpoint"
        raise InputError(msg)
    face = _face_in(content, path)
    trained = Trained(task.network.eval(), task.recipe, epochs_seen, record_in(content, path), face)
    try:
        trained.whole.eval()
    except InputError as error:
        msg = f"{path}: {error}"
        raise InputError(msg) from error
    return trained


def _face_in(content: Mapping[str, Any], path: Path) -> FaceLayer | None:
    kept = content.get("face")
    if kept is None:
        return None
    try:
        weight, bias = kept["weight"].float().numpy(), float(kept["bias"])
        record = dict(kept["record"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        msg = f"{path}: its face output cannot be read: {_cause(error)}"
        raise InputError(msg) from error
    if weight.ndim != 1 or not np.isfinite(weight).all() or not np.isfinite(bias):
        msg = f"{path}: its face output holds weights that are not numbers, or not one a feature: train it again"
        raise InputError(msg)
    return FaceLayer(weight, bias, record)


def record_in(content: Mapping[str, Any], path: Path) -> dict[str, Any] | None:
    """Return the data record in a checkpoint's ``content``, or ``None`` if it was written without one.

    Raises:
        InputError: the record is invalid; the message names ``path``.
    """
    record = content["hyper_parameters"].get("data")
    if record is None:
        return None
    try:
        return checked(record)
    except InputError as error:
        msg = f"{path}: {error}"
        raise InputError(msg) from error


def read(path: Path, refusal: str) -> dict[str, Any]:
    """Return the content of a checkpoint; only tensors and plain values are unpickled.

    Raises:
        InputError: the file is missing or damaged, holds anything else, or unpacks to far more than its size; the
            message contains ``refusal``.
    """
    try:
        path.open("rb").close()
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror or error}"
        raise InputError(msg) from error
    try:
        _refuse_packed(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises errors without a common class for a damaged file
        msg = f"{path}: {refusal}: {_cause(error)}"
        raise InputError(msg) from error
    if not isinstance(content, dict):
        msg = f"{path}: {refusal}: holds a {type(content).__name__}"
        raise InputError(msg)
    return content


def name_of(path: Path) -> str:
    """Return the name of a checkpoint: that of its run's folder for ``best`` and ``last``, else its own."""
    return path.resolve().parent.name if path.stem in {"best", "last"} else path.stem


def _refuse_packed(path: Path) -> None:
    """Raise ``ValueError`` for a compressed file; PyTorch compresses nothing, and unpacking could fill the memory."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(part.file_size for part in archive.infolist())
    if unpacked > 2 * path.stat().st_size:
        msg = f"unpacks to {unpacked} bytes"
        raise ValueError(msg)


def _cause(error: Exception) -> str:
    return f"{type(error).__name__}: {shortened(error, 120)}"


def save(path: Path, trained: Trained, notes: Mapping[str, str | int] | None = None) -> None:
    """Write a network as a checkpoint for :func:`load`; it cannot be resumed because it has no optimiser state.

    ``notes`` records where the weights come from.

    Raises:
        InputError: ``path`` cannot be written.
    """
    stream = io.BytesIO()
    content = {
        "state_dict": {f"network.{name}": values for name, values in trained.network.state_dict().items()},
        "hyper_parameters": {"recipe": asdict(trained.recipe), "data": trained.data},
        "loops": {"fit_loop": {"epoch_progress": {"current": {"processed": trained.epochs_seen}}}},
        "notes": dict(notes or {}),
    }
    if trained.face is not None:
        weight = torch.from_numpy(trained.face.weight)
        content["face"] = {"weight": weight, "bias": trained.face.bias, "record": dict(trained.face.record)}
    torch.save(content, stream)
    write_bytes(path, stream.getvalue())


class AtomicCheckpointIO(TorchCheckpointIO):
    """Checkpoint writer that writes to a temporary file in the same folder and renames it.

    Lightning's own writer uses the folder for temporary files, often on another file system, and copies from there: on
    a full disk that leaves half a checkpoint in place of a whole one.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write ``checkpoint`` to ``path``; on any error the file that was there remains unchanged."""
        del storage_options
        stream = io.BytesIO()
        torch.save(checkpoint, stream)
        write_bytes(Path(path), stream.getvalue())
