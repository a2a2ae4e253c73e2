"""Conversion of a network to a full int8 TFLite file: weights per channel, activations calibrated, int8 in and out.

The quantiser's own calibration follows a moving average of each tensor's range, which cuts off rare values: bright
pixels at the input, confident faces at the output. Therefore the input's range is fixed at the range of pixels, 0 to 1
(scale 1/255, zero point -128), and every other range is the smallest and largest value over all calibration pictures.
"""

from __future__ import annotations

import contextlib
import copy
import io
import tempfile
import warnings
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from converter.datasets.faces import SIZE
from converter.quantization import windows
from converter.runner import interpreter, invoke_all
from edge.core.errors import InputError, ModelError
from edge.inference.calibration import FACE
from edge.util.stderr import lines_dropped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet
    from converter.quantization.windows import LogitWindows

LIGHTS = (1.0, 0.5, 1.4)
"""Exposures cycled over the calibration pictures, so that dark and glaring scenes are within the ranges."""

_EXPORT_TOLERANCE = 1e-3
_SIGNATURE = "serving_default"
_CHATTER = (b"I0000", b"W0000", b"WARNING: All log messages before absl")
"""Beginnings of the log lines of the converters' native parts."""
_TOOLS = ("torch", "litert-torch", "ai-edge-quantizer")


class _ChannelsLast(nn.Module):
    """Takes pictures in TFLite's layout."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of each head for ``(n, 48, 48, 1)`` in 0..1."""
        return self.network(pictures.permute(0, 3, 1, 2))  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Quantized:
    """A full int8 TFLite file, and the number of output values per logit, in the order of the heads."""

    content: bytes
    windows: tuple[int, ...]


def to_int8(
    network: nn.Module, calibration: NDArray[np.float32], temperatures: Mapping[str, float] | None = None
) -> Quantized:
    """Convert ``network`` to full int8, calibrated on ``(n, 48, 48)`` float32 in 0..1.

    The outputs are as fine as :data:`converter.quantization.windows.MAX_STEP` requires when the logits of a head are
    divided by its temperature (1 if none is given); that of a face output is
    :data:`converter.quantization.windows.FACE_WINDOW`.
    """
    heads = network.head_names
    found = {
        index: windows.FACE_WINDOW
        if heads[index] == FACE
        else windows.choose(float(logits.min()), float(logits.max()), (temperatures or {}).get(heads[index], 1.0))
        for index, logits in enumerate(_logits(network, calibration))
    }
    with _quiet():
        content = _quantize(to_float(windows.widen(network, found)), calibration, found)
    return Quantized(content, tuple(found[index].count for index in range(len(heads))))


def _logits(network: nn.Module, pictures: NDArray[np.float32]) -> tuple[Tensor, ...]:
    with torch.inference_mode():
        return network.eval()(torch.from_numpy(pictures).unsqueeze(1))  # type: ignore[no-any-return]


def to_float(network: nn.Module) -> bytes:
    """Return the TFLite file of ``network`` in float32, input ``(1, 48, 48, 1)``.

    Raises:
        ModelError: the file computes something else than the network.
    """
    import litert_torch

    exported = _ChannelsLast(_in_order(network)).eval()
    with _quiet(), tempfile.TemporaryDirectory() as folder:
        converted = litert_torch.convert(exported, (torch.zeros(1, SIZE, SIZE, 1),))
        path = Path(folder) / "float.tflite"
        converted.export(str(path))
        content = path.read_bytes()
    _hold_against(exported, content)
    return content


def _in_order(network: nn.Module) -> nn.Module:
    """Return a copy with contiguous weights; the exporter misreads some that are channels last."""
    ordered = copy.deepcopy(network)
    for tensor in (*ordered.parameters(), *ordered.buffers()):
        tensor.data = tensor.data.clone(memory_format=torch.contiguous_format)
    return ordered


def _hold_against(exported: nn.Module, content: bytes) -> None:
    picture = np.random.default_rng(0).random((1, SIZE, SIZE, 1), np.float32)
    with torch.inference_mode():
        wanted = [output.numpy() for output in exported(torch.from_numpy(picture))]
    model = interpreter(content)
    found = invoke_all(model, picture[None])
    for values, name in zip(wanted, output_names(model), strict=True):
        error = float(np.abs(found[name] - values).max())
        if error > _EXPORT_TOLERANCE * max(1.0, float(np.abs(values).max())):
            msg = (
                f"the converted file differs from the network by {error:.2g}: report it with the versions of its tools"
            )
            raise ModelError(msg)


def calibration_pictures(faces: FaceSet, per_class: int, seed: int) -> NDArray[np.float32]:
    """Return ``per_class`` pictures of every class, ``(n, 48, 48)`` float32 in 0..1, under changing light.

    Raises:
        InputError: there are no pictures.
    """
    generator = np.random.default_rng(seed)
    rows: list[NDArray[np.int64]] = []
    for label in np.unique(faces.labels):
        found = np.flatnonzero(faces.labels == label)
        rows.append(generator.choice(found, min(per_class, len(found)), replace=False))
    if not rows:
        msg = "there are no training pictures: calibration needs some"
        raise InputError(msg)
    pictures = faces.pixels[generator.permutation(np.concatenate(rows))].astype(np.float32) / np.float32(255)
    light = np.resize(np.array(LIGHTS, np.float32), len(pictures))
    lit: NDArray[np.float32] = np.clip(pictures * light[:, None, None], 0, 1)
    return lit


def tool_versions() -> dict[str, str]:
    """Return the versions of the packages that determine the file's bytes."""
    return {name: version(name) for name in _TOOLS}


def _quantize(model: bytes, calibration: NDArray[np.float32], outputs: Mapping[int, LogitWindows]) -> bytes:
    from ai_edge_quantizer import quantizer, recipe

    maker = quantizer.Quantizer(model, recipe.static_wi8_ai8())
    ranges = _ranges(model, calibration, outputs)
    return bytes(maker.quantize(ranges, enable_progress_report=False).quantized_model)


def _ranges(model: bytes, calibration: NDArray[np.float32], outputs: Mapping[int, LogitWindows]) -> dict[str, Any]:
    """Return the least and greatest value of every tensor over the calibration pictures.

    The input's range is 0 to 1 and each output's is that of one window, independent of the pictures.
    """
    from ai_edge_quantizer import calibrator, recipe, recipe_manager
    from ai_edge_quantizer.utils.qsv_utils import min_max_update

    manager = recipe_manager.RecipeManager()
    manager.load_quantization_recipe(recipe.static_wi8_ai8())
    observer = calibrator.Calibrator(model, num_threads=2, qsv_update_func=min_max_update)
    argument, tensor = input_names(model)
    samples = [{argument: picture[None, :, :, None]} for picture in calibration]
    observer.calibrate({_SIGNATURE: samples}, manager)
    ranges: dict[str, Any] = observer.get_model_qsvs()
    shape = (1, 1, 1, 1)
    ranges[tensor] = {"min": np.zeros(shape, np.float32), "max": np.ones(shape, np.float32)}
    for index, name in enumerate(output_names(interpreter(model))):
        least, greatest = outputs[index].lowest, outputs[index].highest
        ranges[name] = {"min": np.full((1, 1), least, np.float32), "max": np.full((1, 1), greatest, np.float32)}
    return ranges


def input_names(model: bytes) -> tuple[str, str]:
    """Return the name of the input in the signature and of its tensor."""
    loaded = interpreter(model)
    (argument,) = loaded.get_signature_list()[_SIGNATURE]["inputs"]
    return str(argument), str(loaded.get_input_details()[0]["name"])


def output_names(model: Any) -> list[str]:
    """Return the names of an interpreter's output tensors in the order of the network's outputs.

    The signature numbers them (``output_0``, ``output_1``); the file's own order is arbitrary.
    """
    details = model.get_signature_runner().get_output_details()
    return [str(details[key]["name"]) for key in sorted(details, key=lambda key: int(key.rpartition("_")[2]))]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the converters' own progress lines and internal warnings."""
    sink = io.StringIO()
    with (
        contextlib.redirect_stdout(sink),
        contextlib.redirect_stderr(sink),
        lines_dropped(*_CHATTER),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield
