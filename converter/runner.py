"""Runs an int8 model file like the device, but returns the logits of all its heads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edge.core.errors import HardwareUnavailable, ModelError
from edge.inference import manifest as manifests
from edge.inference.calibration import FACE
from edge.inference.postprocess import signs
from edge.inference.preprocess import quantize, read_logits, stretch
from edge.system.installation import repairing
from edge.util.stderr import lines_dropped
from edge.util.text import in_one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from edge.core.contrast import Contrast
    from edge.inference.manifest import FaceSpec, Manifest, OutputSpec

_GREETING = b"INFO: Created TensorFlow Lite"
"""Beginning of the lines that the runtime writes when it starts."""


class ModelRunner:
    """An interpreter for a ``.tflite`` file verified against the manifest beside it.

    Models with custom classes are refused unless ``own_classes`` is set.

    Raises:
        ModelError: file and manifest do not belong together, one is damaged, or the classes are refused.
        HardwareUnavailable: ``ai-edge-litert`` is not installed.
    """

    def __init__(self, path: Path, *, own_classes: bool = False) -> None:
        self.manifest: Manifest = manifests.load(path)
        if self.manifest.classes is not None and not own_classes:
            classes = in_one_line(", ".join(self.manifest.labels))
            msg = f"{path}: has custom classes ({classes}): this command is for models of the usual seven"
            raise ModelError(msg)
        self._interpreter: Any = interpreter(manifests.verify(self.manifest, path))

    def logits(self, pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Return the logits ``(n, 7)`` of each head for crops ``(n, 48, 48)`` uint8 grey, already corrected."""
        return logits_of(self._run(pixels), self.manifest.outputs)

    def signs(self, pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Return values ``(n,)`` by name that distinguish faces from other objects, for such crops."""
        raw, face = self._run(pixels), self.manifest.face
        logits = logits_of(raw, self.manifest.outputs)
        return signs(self.manifest, logits if face is None else {**logits, FACE: face_values(raw, face)})

    def _run(self, pixels: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        spec = self.manifest.input
        levels = quantize(pixels, scale=spec.scale, zero_point=spec.zero_point)
        return invoke_all(self._interpreter, levels.reshape(-1, *spec.shape))


def face_values(raw: Mapping[str, NDArray[Any]], face: FaceSpec) -> NDArray[np.float32]:
    """Return the values ``(n, 1)`` of the face output from those of the output tensors by name."""
    return read_logits(raw[face.name], scale=face.scale, zero_point=face.zero_point, windows=face.windows)


def corrected(pixels: NDArray[np.uint8], contrast: Contrast | None) -> NDArray[np.uint8]:
    """Correct dark crops of ``(n, 48, 48)`` uint8 like the device; ``None`` leaves all unchanged."""
    return pixels if contrast is None or not len(pixels) else np.stack([stretch(crop, contrast) for crop in pixels])


def logits_of(raw: Mapping[str, NDArray[Any]], outputs: Iterable[OutputSpec]) -> dict[str, NDArray[np.float32]]:
    """Return the logits ``(n, 7)`` of each head from the values of the output tensors by name."""
    return {
        o.head: read_logits(raw[o.name], scale=o.scale, zero_point=o.zero_point, windows=o.windows) for o in outputs
    }


def interpreter(content: bytes) -> Any:
    """Return an ``ai-edge-litert`` interpreter with allocated tensors."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        msg = f"ai-edge-litert is not installed: {repairing('ai-edge-litert')}"
        raise HardwareUnavailable(msg) from error
    with lines_dropped(_GREETING):
        model_interpreter = Interpreter(model_content=content)
        model_interpreter.allocate_tensors()
    return model_interpreter


def invoke_all(model: Any, inputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return every output by tensor name, ``(n, …)``, for inputs ``(n, *input shape)``."""
    index = model.get_input_details()[0]["index"]
    outputs = model.get_output_details()
    found: dict[str, list[NDArray[Any]]] = {output["name"]: [] for output in outputs}
    for row in inputs:
        model.set_tensor(index, row)
        model.invoke()
        for output in outputs:
            found[output["name"]].append(model.get_tensor(output["index"])[0])
    return {name: np.stack(values) for name, values in found.items()}
