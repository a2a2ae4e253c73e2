"""Expression network on LiteRT (``ai-edge-litert``) or its predecessor ``tflite-runtime``."""

from __future__ import annotations

import importlib
import math
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.core.errors import HardwareUnavailable, ModelError
from edge.inference import manifest as manifests
from edge.inference.calibration import AUDIENCE, FACE
from edge.inference.preprocess import quantize, read_logits
from edge.system.installation import adding, repairing
from edge.util.stderr import lines_dropped
from edge.util.text import in_one_line
from edge.vision.reading import Interpretation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from edge.core.types import Reading, Scores
    from edge.inference.manifest import FaceSpec, Manifest, OutputSpec

RUNTIMES = {
    "ai-edge-litert": "ai_edge_litert.interpreter",
    "tflite-runtime": "tflite_runtime.interpreter",
}
"""Inference packages in order of preference, and their modules."""

GREETINGS = (b"INFO: Created TensorFlow Lite XNNPACK delegate", b"INFO: Created TensorFlow Lite delegate")
"""Lines that the runtimes write at start."""
_SCALE_TOLERANCE = 1e-6


class LiteRtClassifier:
    """Runs one head of an int8 model, one face at a time.

    Several faces need several invocations: a batch of them takes at best a few percent less (docs/performance.md).
    ``prior`` is a name of :mod:`edge.inference.calibration` or a strength of 0 to 1.

    Raises:
        ModelError: the file or its manifest is missing, corrupt or contradicts the other.
        HardwareUnavailable: no inference runtime is installed; the message has the commands.
    """

    def __init__(
        self,
        path: Path,
        *,
        head: str = manifests.AUTO,
        prior: str | float = AUDIENCE,
        threads: int = 1,
        runtime: str = "auto",
    ) -> None:
        self.manifest: Manifest = manifests.load(path)
        content = manifests.verify(self.manifest, path)
        self.output = self.manifest.output(head)
        head = self.output.head
        self.labels = self.manifest.label_set
        self._interpretation = Interpretation(self.manifest, head, prior)
        self.input_size = self.manifest.input.size
        self.crop_margin = self.manifest.input.crop_margin
        self.contrast = self.manifest.input.contrast
        self.runtime, module = import_runtime(runtime)
        self._interpreter: Any = interpreter_of(module, content, threads, path)
        self._input_index = _check_input(self._interpreter, self.manifest, path)
        self._outputs: dict[str, tuple[int, OutputSpec | FaceSpec]] = {
            name: (_check_output(self._interpreter, self.manifest, name, path), self.manifest.output(name))
            for name in self._interpretation.heads
        }
        if self.manifest.face is not None:
            index = _check_face(self._interpreter, self.manifest.face, path)
            if self._interpretation.needs_face:
                self._outputs[FACE] = index, self.manifest.face

    @property
    def runtime_version(self) -> str:
        """Return the inference package and its version, as in ``ai-edge-litert 2.3.0``."""
        try:
            return f"{self.runtime} {version(self.runtime)}"
        except PackageNotFoundError:  # built from source, or from a system package of another name
            return self.runtime

    def classify(self, crops: Sequence[NDArray[np.uint8]]) -> list[Scores]:
        """Return calibrated scores for each ``(input_size, input_size)`` uint8 grey crop, in order.

        Raises:
            ValueError: a crop is of another shape or type.
        """
        return [reading.scores for reading in self.read(crops)]

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> list[Reading]:
        """Return calibrated scores and the evidence of a face for each ``(input_size, input_size)`` uint8 grey crop.

        Raises:
            ValueError: a crop is of another shape or type.
        """
        if not crops:
            return []
        outputs = [self._run(crop) for crop in crops]
        logits: dict[str, NDArray[np.float32]] = {
            head: np.stack([each[head] for each in outputs]) for head in self._outputs
        }
        return self._interpretation.read(logits, crops)

    def logits(self, crop: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the head's raw values ``(k,)`` float32 for one crop, before temperature and softmax.

        ``crop`` is ``(input_size, input_size)`` uint8 grey.

        Raises:
            ValueError: the crop is of another shape or type, or the classifier is closed.
        """
        return self._run(crop)[self.output.head]

    def _run(self, crop: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Return the raw values of each output that is needed, by head or as :data:`FACE`."""
        if self._interpreter is None:
            msg = "the classifier is closed"
            raise ValueError(msg)
        expected = (self.input_size, self.input_size)
        if crop.shape != expected or crop.dtype != np.uint8:
            msg = f"expected a uint8 crop of shape {expected}, got {crop.dtype} {crop.shape}"
            raise ValueError(msg)
        spec = self.manifest.input
        pixels = quantize(np.ascontiguousarray(crop), scale=spec.scale, zero_point=spec.zero_point)
        self._interpreter.set_tensor(self._input_index, pixels.reshape(spec.shape))
        self._interpreter.invoke()
        return {head: self._logits_of(index, spec) for head, (index, spec) in self._outputs.items()}

    def _logits_of(self, index: int, spec: OutputSpec | FaceSpec) -> NDArray[np.float32]:
        values = self._interpreter.get_tensor(index)[0]
        return read_logits(values, scale=spec.scale, zero_point=spec.zero_point, windows=spec.windows)

    def close(self) -> None:
        """Free the interpreter; may be called repeatedly."""
        self._interpreter = None


def import_runtime(wanted: str) -> tuple[str, Any]:
    """Return name and interpreter module of the wanted runtime, for ``auto`` of the first one installed.

    Raises:
        HardwareUnavailable: there is none; the message has the commands.
    """
    names = tuple(RUNTIMES) if wanted == "auto" else (wanted,)
    causes = []
    for name in names:
        try:
            return name, importlib.import_module(RUNTIMES[name])
        except (ImportError, AttributeError) as error:  # AttributeError: built for another numpy
            causes.append(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__)
    remedy = " or ".join(dict.fromkeys(_command(name) for name in names))
    msg = f"no inference runtime ({', '.join(names)}): {'; '.join(causes)}: {remedy}"
    raise HardwareUnavailable(msg)


def _command(runtime: str) -> str:
    """Return the command that installs ``runtime``."""
    return adding(runtime) if runtime == "tflite-runtime" else repairing(runtime)


def interpreter_of(module: Any, content: bytes, threads: int, path: Path) -> Any:
    """Return an interpreter that is ready to run ``content``; ``path`` is its name in messages.

    Raises:
        ModelError: the runtime cannot load it.
    """
    try:
        with lines_dropped(*GREETINGS):
            interpreter = module.Interpreter(model_content=content, num_threads=threads)
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        cause = " ".join(str(error).split())
        msg = f"{path}: the runtime cannot load this model: {cause}; install it again or update the runtime"
        raise ModelError(msg) from error
    return interpreter


def _check_input(interpreter: Any, manifest: Manifest, path: Path) -> int:
    details = interpreter.get_input_details()
    if len(details) != 1:
        msg = f"{path}: expected 1 input, found {len(details)}"
        raise ModelError(msg)
    spec = manifest.input
    square = (1, spec.size, spec.size, 1)
    if spec.shape != square:
        msg = (
            f"{manifests.manifest_path(path)}: input.shape: expected {square} for size {spec.size}, found {spec.shape}"
        )
        raise ModelError(msg)
    _check_tensor(details[0], f"{path}: input", spec.shape, spec.scale, spec.zero_point)
    return int(details[0]["index"])


def _check_output(interpreter: Any, manifest: Manifest, head: str, path: Path) -> int:
    return _checked(interpreter, manifest.output(head), f"{path}: output {head}", len(manifest.labels))


def _check_face(interpreter: Any, spec: FaceSpec, path: Path) -> int:
    return _checked(interpreter, spec, f"{path}: output {FACE}", 1)


def _checked(interpreter: Any, spec: OutputSpec | FaceSpec, place: str, values: int) -> int:
    """Return the index of the tensor that ``spec`` describes, after checking it; ``values`` is its number per face."""
    details = {tensor["name"]: tensor for tensor in interpreter.get_output_details()}
    if spec.name not in details:
        msg = f"{place}: expected an output named {in_one_line(spec.name)!r}, found {', '.join(sorted(details))}"
        raise ModelError(msg)
    tensor = details[spec.name]
    _check_tensor(tensor, place, (1, spec.windows * values), spec.scale, spec.zero_point)
    return int(tensor["index"])


def _check_tensor(tensor: dict[str, Any], place: str, shape: tuple[int, ...], scale: float, zero_point: int) -> None:
    """Check the runtime's description of a tensor against the manifest's."""
    actual_shape = tuple(int(side) for side in tensor["shape"])
    actual_scale, actual_zero = tensor["quantization"]
    if actual_shape != shape:
        msg = f"{place}: expected shape {shape}, found {actual_shape}; the manifest belongs to another model"
        raise ModelError(msg)
    if tensor["dtype"] != np.int8:
        msg = f"{place}: expected int8, found {np.dtype(tensor['dtype']).name}; convert the model to full int8"
        raise ModelError(msg)
    if not math.isclose(actual_scale, scale, rel_tol=_SCALE_TOLERANCE) or actual_zero != zero_point:
        msg = (
            f"{place}: expected scale {scale:.6g} and zero point {zero_point}, "
            f"found {actual_scale:.6g} and {actual_zero}"
        )
        raise ModelError(msg)
