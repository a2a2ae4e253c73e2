"""Recovery of the float network from an int8 file, so that a shipped model can be a start for training.

The file holds convolutions with their batch norms folded in, and each head's last layer once for every window of its
logits. Their weights are dequantised and copied into the network that the manifest names, whose batch norms are then
given statistics of training pictures (:mod:`converter.quantization.unfold`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from converter.architectures import build
from converter.architectures.face import FaceLayer
from converter.architectures.plain import PlainNet
from converter.datasets.record import checked
from converter.quantization.quantize import output_names
from converter.quantization.unfold import normalised, settle
from converter.quantization.windows import LogitWindows
from converter.runner import ModelRunner, interpreter
from converter.training.checkpoint import Trained
from converter.training.recipe import from_checkpoint
from edge.core.errors import InputError, ModelError
from edge.inference import manifest as manifests

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from edge.inference.manifest import FaceSpec, Manifest, OutputSpec

_CONVOLUTIONS = {"CONV_2D", "DEPTHWISE_CONV_2D"}
_DENSE = "FULLY_CONNECTED"


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """One layer of the file in float32: ``weight`` in TFLite's layout, ``bias`` ``(out,)``."""

    kind: str
    output: str
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


def recover(model: Path, pixels: NDArray[np.uint8], seed: int = 1) -> tuple[nn.Module, Manifest]:
    """Return the float network of the int8 file ``model``, in evaluation mode, and the file's manifest.

    ``pixels`` ``(n, 48, 48)`` uint8 grey are training pictures: shown in random views, they give the batch norms their
    statistics, which do not change the network's output in evaluation.

    Raises:
        ModelError: the file or its manifest is damaged, or the two do not belong together.
        InputError: it is not a network of plain convolutions, or there are no pictures.
    """
    manifest = manifests.load(model)
    content = manifests.verify(manifest, model)
    name = manifest.training.architecture
    network = build(name, bare=True, heads=[output.head for output in manifest.outputs], classes=len(manifest.labels))
    if not isinstance(network, PlainNet):
        msg = f"{model}: is a network {name!r}: only those of plain:... and gdconv:... can be read back"
        raise InputError(msg)
    if not len(pixels):
        msg = f"{model}: there are no pictures to measure its batch norms on: give a data set with training pictures"
        raise InputError(msg)
    loaded = interpreter(content)
    try:
        _fill(network, list(_layers(loaded)), output_names(loaded), manifest)
    except (RuntimeError, ValueError, IndexError, KeyError) as error:
        msg = f"{model}: does not hold the network {name!r} that its manifest names: {' '.join(str(error).split())}"
        raise ModelError(msg) from error
    settle(network.eval(), pixels, seed)
    return network, manifest


def recovered(model: Path, pixels: NDArray[np.uint8]) -> tuple[Trained, dict[str, str | int]]:
    """Return the result of :func:`recover` with the manifest's recipe and a note on its source.

    Raises:
        ModelError: as :func:`recover`, or the manifest's recipe is not of this version.
        InputError: as :func:`recover`.
    """
    network, manifest = recover(model, pixels)
    face = None if manifest.face is None else _face(model, manifest.face)
    recipe_values = dict(manifest.training.recipe)
    epochs = int(recipe_values.pop("checkpoint_epoch", manifest.training.epochs))
    try:
        recipe = from_checkpoint(recipe_values)
    except TypeError as error:
        msg = f"{model}: the recipe in its manifest is not one of this version: {error}"
        raise ModelError(msg) from error
    data = checked(manifest.training.data) if manifest.training.data else None
    return Trained(network, recipe, epochs, data, face), {"read_back_from": manifest.file, "sha256": manifest.sha256}


def agreement(model: Path, trained: Trained, pixels: NDArray[np.uint8]) -> dict[str, float]:
    """Return the share of ``pixels`` ``(n, 48, 48)`` with the same emotion from network and int8 file, by head."""
    found, wanted = trained.logits(pixels), ModelRunner(model, own_classes=True).logits(pixels)
    return {head: float((found[head].argmax(axis=1) == wanted[head].argmax(axis=1)).mean()) for head in wanted}


def _layers(loaded: Any) -> Iterator[_Layer]:
    """Return the file's layers with weights, in the order of execution."""
    details = {detail["index"]: detail for detail in loaded.get_tensor_details()}
    for operation in loaded._get_ops_details():  # noqa: SLF001  (the interpreter has no public list of its operations)
        if operation["op_name"] in _CONVOLUTIONS | {_DENSE}:
            _, weight, bias = (int(index) for index in operation["inputs"])
            output = str(details[int(operation["outputs"][0])]["name"])
            values = (_dequantized(loaded, details[index]) for index in (weight, bias))
            yield _Layer(operation["op_name"], output, *values)


def _dequantized(loaded: Any, detail: dict[str, Any]) -> NDArray[np.float32]:
    found = detail["quantization_parameters"]
    values = loaded.get_tensor(detail["index"]).astype(np.float64)
    shape = [1] * values.ndim
    if len(found["scales"]) > 1:
        shape[found["quantized_dimension"]] = -1
    scales, zeros = (np.asarray(found[name], np.float64).reshape(shape) for name in ("scales", "zero_points"))
    dequantized: NDArray[np.float32] = ((values - zeros) * scales).astype(np.float32)
    return dequantized


def _fill(network: PlainNet, layers: list[_Layer], outputs: list[str], manifest: Manifest) -> None:
    """Copy the layers' weights into ``network``; the batch norms only add the biases."""
    pairs = list(normalised(network))
    convolutions = [layer for layer in layers if layer.kind in _CONVOLUTIONS]
    dense = {layer.output: layer for layer in layers if layer.kind == _DENSE}
    for (convolution, norm), layer in zip(pairs, convolutions, strict=True):
        # TFLite treats a convolution of one channel as depthwise, with the filters last
        order = (3, 0, 1, 2) if layer.kind == "DEPTHWISE_CONV_2D" else (0, 3, 1, 2)
        _copy(convolution.weight, layer.weight.transpose(order))
        _copy(norm.weight, np.ones(len(layer.bias), np.float32))
        _copy(norm.bias, layer.bias)
        norm.running_mean.zero_()
        norm.running_var.fill_(1 - norm.eps)
    heads = outputs[: len(network.head_names)]  # a face output follows them
    for head, name, linear in zip(network.head_names, heads, network.heads, strict=True):
        weight, bias = _one_window(dense[name], manifest.output(head))
        _copy(linear.weight, weight)
        _copy(linear.bias, bias)


def _face(model: Path, spec: FaceSpec) -> FaceLayer:
    layers = _layers(interpreter(model.read_bytes()))
    weight, bias = _one_window(next(layer for layer in layers if layer.output == spec.name), spec)
    return FaceLayer(weight[0], float(bias[0]), spec.training)


def _one_window(layer: _Layer, spec: OutputSpec | FaceSpec) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return weight ``(classes, in)`` and bias ``(classes,)`` of a head whose layer is repeated for each window."""
    shifts = np.array(LogitWindows(spec.windows, spec.scale, spec.zero_point).shifts, np.float32)
    weight = layer.weight.reshape(spec.windows, len(layer.bias) // spec.windows, -1).mean(axis=0)
    bias = (layer.bias.reshape(spec.windows, -1) + shifts[:, None]).mean(axis=0)
    return weight, bias


def _copy(parameter: Tensor, values: NDArray[np.float32]) -> None:
    if tuple(parameter.shape) != values.shape:
        msg = f"expected weights {tuple(parameter.shape)}, found {values.shape}"
        raise ValueError(msg)
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(values)))
