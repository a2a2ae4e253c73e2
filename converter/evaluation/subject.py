"""Model to measure: an int8 ``.tflite`` as on the device, or a checkpoint in float32."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from converter.datasets.mapping import from_json
from converter.datasets.record import checked
from converter.progress import bar
from converter.runner import corrected
from edge.core.errors import InputError, ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.datasets.mapping import LabelMapping
    from edge.core.contrast import Contrast
    from edge.inference.manifest import Manifest

Precision = Literal["int8", "float"]
_BLOCK = 256


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """Model loaded from a file.

    ``predict`` returns logits ``(n, 7)`` per head for ``(n, 48, 48)`` uint8 grey; ``temperatures`` holds the device's
    divisors of the logits (a checkpoint has none). ``network`` provides gradients, if available. ``contrast`` is the
    device's correction of dark crops. ``data`` is the record of the training data, if it is known, and ``heads`` are
    the names of the outputs. ``mapping`` converts the data's classes to the model's, if these are not the usual seven.
    ``manifest`` is that of a file for devices.
    """

    name: str
    sha256: str
    precision: Precision
    predict: Callable[[NDArray[np.uint8]], Mapping[str, NDArray[np.float32]]]
    temperatures: Mapping[str, float]
    network: Any = None
    contrast: Contrast | None = None
    data: Mapping[str, Any] | None = None
    heads: tuple[str, ...] = ()
    mapping: LabelMapping | None = None
    manifest: Manifest | None = None
    signs: Callable[[NDArray[np.uint8]], Mapping[str, NDArray[np.float32]]] | None = None
    """Gives the signs by which faces and other things differ, where the model has an output for that."""

    def logits(self, pixels: NDArray[np.uint8], what: str = "pictures") -> dict[str, NDArray[np.float32]]:
        """Return logits ``(n, 7)`` per head for ``(n, 48, 48)`` uint8 grey, with dark crops corrected as on the device.

        ``what`` is the label of the progress bar.
        """
        return self.logits_of_crops(corrected(pixels, self.contrast), what)

    def logits_of_crops(self, pixels: NDArray[np.uint8], what: str = "pictures") -> dict[str, NDArray[np.float32]]:
        """Return logits ``(n, 7)`` per head for the network's input, ``(n, 48, 48)`` uint8 grey."""
        starts = range(0, len(pixels), _BLOCK)
        parts = [self.predict(pixels[start : start + _BLOCK]) for start in bar(starts, what)]
        return {head: np.concatenate([part[head] for part in parts]) for head in parts[0]}


def open_subject(model: Path) -> Subject:
    """Load the model in the file ``model``.

    Raises:
        InputError: the file is neither a ``.tflite`` nor a checkpoint of face-convert.
        ModelError: the ``.tflite`` and its manifest do not belong together.
        HardwareUnavailable: ``ai-edge-litert`` is not installed.
    """
    if model.suffix == ".tflite":
        from converter.runner import ModelRunner

        runner = ModelRunner(model, own_classes=True)
        temperatures = {str(output.head): output.temperature for output in runner.manifest.outputs}
        return Subject(
            model.name,
            runner.manifest.sha256,
            "int8",
            runner.logits,
            temperatures,
            contrast=runner.manifest.input.contrast,
            data=checked(runner.manifest.training.data) if runner.manifest.training.data else None,
            heads=tuple(temperatures),
            mapping=mapping_of(runner.manifest, model),
            manifest=runner.manifest,
            signs=runner.signs if runner.manifest.face is not None else None,
        )
    if model.suffix == ".ckpt":
        from converter.training import checkpoint

        trained = checkpoint.load(model)
        digest = hashlib.sha256(model.read_bytes()).hexdigest()
        return Subject(
            model.name,
            digest,
            "float",
            trained.logits,
            {},
            trained.network,
            data=trained.data,
            heads=trained.head_names,
            mapping=trained.recipe.mapping,
        )
    msg = f"{model}: expected a .tflite or a .ckpt file"
    raise InputError(msg)


def mapping_of(manifest: Manifest, model: Path) -> LabelMapping | None:
    """Return the mapping from the data's classes to those of a ``model``, or ``None`` for the usual seven.

    Raises:
        ModelError: it has custom classes, but its manifest does not contain their mapping.
    """
    if manifest.classes is None:
        return None
    labels = manifest.training.recipe.get("labels")
    if not isinstance(labels, str) or not labels:
        msg = f"{model}: its manifest does not say what its classes are made from, so nothing can measure it"
        raise ModelError(msg)
    return from_json(labels)
