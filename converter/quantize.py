"""From a trained network to a full int8 TFLite file: weights per channel, activations calibrated, int8 in and out.

The quantiser's own calibration follows a moving average of each tensor's range, which cuts off what is rare: bright
pixels at the input, confident faces at the output. So the input's range is fixed at what pixels can be, 0 to 1 (scale
1/255, zero point -128), and every other range is the smallest and largest value that any calibration picture gave.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from converter.datasets.faces import SIZE
from converter.runner import interpreter
from edge.errors import InputError
from edge.types import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet

LIGHTS = (1.0, 0.5, 1.4)
"""Exposures in turn over the calibration pictures, so that dark and glaring scenes are within the ranges."""

_SIGNATURE = "serving_default"
_TOOLS = ("torch", "litert-torch", "ai-edge-quantizer")


class _ChannelsLast(nn.Module):
    """Takes pictures as TFLite lays them out."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Logits of each head for ``(n, 48, 48, 1)`` in 0..1."""
        return self.network(pictures.permute(0, 3, 1, 2))  # type: ignore[no-any-return]


def to_int8(network: nn.Module, calibration: NDArray[np.float32]) -> bytes:
    """The TFLite file of ``network``, full int8, calibrated on ``(n, 48, 48)`` float32 in 0..1."""
    with _quiet():
        return _quantize(to_float(network), calibration)


def to_float(network: nn.Module) -> bytes:
    """The TFLite file of ``network`` in float32, input ``(1, 48, 48, 1)``."""
    import litert_torch

    with _quiet(), tempfile.TemporaryDirectory() as folder:
        sample = (torch.zeros(1, SIZE, SIZE, 1),)
        converted = litert_torch.convert(_ChannelsLast(network).eval(), sample)
        path = Path(folder) / "float.tflite"
        converted.export(str(path))
        return path.read_bytes()


def calibration_pictures(faces: FaceSet, per_class: int, seed: int) -> NDArray[np.float32]:
    """``per_class`` pictures of every emotion, ``(7 * per_class, 48, 48)`` float32 in 0..1, under changing light.

    Raises:
        InputError: an emotion has no picture at all.
    """
    generator = np.random.default_rng(seed)
    rows: list[NDArray[np.int64]] = []
    for label, emotion in enumerate(EMOTIONS):
        found = np.flatnonzero(faces.labels == label)
        if not len(found):
            msg = f"the training split has no picture labelled {emotion.value}: calibration needs all seven"
            raise InputError(msg)
        rows.append(generator.choice(found, min(per_class, len(found)), replace=False))
    pictures = faces.pixels[generator.permutation(np.concatenate(rows))].astype(np.float32) / np.float32(255)
    light = np.resize(np.array(LIGHTS, np.float32), len(pictures))
    lit: NDArray[np.float32] = np.clip(pictures * light[:, None, None], 0, 1)
    return lit


def tool_versions() -> dict[str, str]:
    """Versions of the packages that decide the file's bytes."""
    return {name: version(name) for name in _TOOLS}


def _quantize(model: bytes, calibration: NDArray[np.float32]) -> bytes:
    from ai_edge_quantizer import quantizer, recipe

    maker = quantizer.Quantizer(model, recipe.static_wi8_ai8())
    return bytes(maker.quantize(_ranges(model, calibration), enable_progress_report=False).quantized_model)


def _ranges(model: bytes, calibration: NDArray[np.float32]) -> dict[str, Any]:
    """Least and greatest value of every tensor over the calibration pictures; the input's is 0 to 1."""
    from ai_edge_quantizer import calibrator, recipe, recipe_manager
    from ai_edge_quantizer.utils.qsv_utils import min_max_update

    manager = recipe_manager.RecipeManager()
    manager.load_quantization_recipe(recipe.static_wi8_ai8())
    observer = calibrator.Calibrator(model, num_threads=2, qsv_update_func=min_max_update)
    argument, tensor = _input_names(model)
    samples = [{argument: picture[None, :, :, None]} for picture in calibration]
    observer.calibrate({_SIGNATURE: samples}, manager)
    ranges: dict[str, Any] = observer.get_model_qsvs()
    shape = (1, 1, 1, 1)
    ranges[tensor] = {"min": np.zeros(shape, np.float32), "max": np.ones(shape, np.float32)}
    return ranges


def _input_names(model: bytes) -> tuple[str, str]:
    """Name of the input in the signature and of its tensor."""
    loaded = interpreter(model)
    (argument,) = loaded.get_signature_list()[_SIGNATURE]["inputs"]
    return str(argument), str(loaded.get_input_details()[0]["name"])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the converters' own progress lines and the warnings about their insides."""
    sink = io.StringIO()
    with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
