"""Export of a trained network as an ONNX file in float32, for runtimes other than TFLite."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from converter.datasets.faces import SIZE
from converter.shortened import shortened
from edge.core.errors import HardwareUnavailable, ModelError
from edge.system.installation import repairing

if TYPE_CHECKING:
    from torch import nn

    from converter.training.checkpoint import Trained

INPUT = "pictures"
_NEEDED = ("onnx", "onnxscript")
_RUNTIME = "onnxruntime"
_PICTURES = 5
_TOLERANCE = 1e-3


def require() -> None:
    """Check before any work that the export is possible.

    Raises:
        HardwareUnavailable: a package is missing.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        msg = f"{' and '.join(missing)}: not installed, and needed to write ONNX: {repairing(*missing)}"
        raise HardwareUnavailable(msg)


def to_onnx(trained: Trained) -> bytes:
    """Return a network as ONNX: ``pictures`` ``(n, 1, 48, 48)`` float32 in 0..1, and logits ``(n, 7)`` by head.

    A face output follows them as ``face`` ``(n, 1)``.
    Its metadata contains the recipe as JSON.

    Raises:
        HardwareUnavailable: a package is missing.
        ModelError: the network cannot be exported.
    """
    require()
    network = trained.whole.eval()
    example = torch.zeros(_PICTURES, 1, SIZE, SIZE)
    sink = io.StringIO()
    try:
        with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
            program: Any = torch.onnx.export(
                network,
                (example,),
                input_names=[INPUT],
                output_names=list(network.head_names),
                dynamic_shapes=({0: torch.export.Dim("n")},),
                dynamo=True,
                verbose=False,
            )
    except Exception as error:  # the exporter raises errors without a common class for unknown operations
        msg = f"{type(network).__name__} cannot be written as ONNX: {type(error).__name__}: {shortened(error)}"
        raise ModelError(msg) from error
    model = program.model_proto
    entry = model.metadata_props.add()
    entry.key, entry.value = "face-convert", json.dumps({"architecture": trained.recipe.architecture})
    return bytes(model.SerializeToString())


def greatest_error(content: bytes, network: nn.Module) -> float | None:
    """Return the greatest difference of logits between an ONNX file and its network on random pictures.

    It is ``None`` without ONNX Runtime.

    Raises:
        ModelError: the difference shows that the file computes something else.
    """
    try:
        import onnxruntime
    except ImportError:
        return None
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    worst = 0.0
    for n in (1, _PICTURES):  # the batch size must be free
        pictures = np.random.default_rng(n).random((n, 1, SIZE, SIZE), np.float32)
        with torch.inference_mode():
            wanted = [output.numpy() for output in network.eval()(torch.from_numpy(pictures))]
        found = session.run(list(network.head_names), {INPUT: pictures})
        for values, expected in zip(found, wanted, strict=True):
            error = float(np.abs(values - expected).max())
            if error > _TOLERANCE * max(1.0, float(np.abs(expected).max())):
                msg = (
                    f"the ONNX file differs from the network by {error:.2g}: report this with the versions of its tools"
                )
                raise ModelError(msg)
            worst = max(worst, error)
    return worst
