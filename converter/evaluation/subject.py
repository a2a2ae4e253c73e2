"""The model that is measured: an int8 ``.tflite`` as the device runs it, or a checkpoint in float32."""

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
    """A model by its file.

    ``predict`` gives logits ``(n, 7)`` per head for ``(n, 48, 48)`` uint8 grey; ``temperatures`` holds those that the
    device divides them by (a checkpoint has none). ``network`` is what gradients can be had from, where they can.
    ``contrast`` is how the device corrects dark crops for it. ``data`` is the record of what it was trained on, where
    that is kept, and ``heads`` are the questions that it answers. ``mapping`` makes its classes out of the data's,
    where it has others than the seven. ``manifest`` is that of a file that devices run.
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
        """Logits ``(n, 7)`` per head for ``(n, 48, 48)`` uint8 grey, dark ones corrected as the device does.

        A progress bar says ``what``.
        """
        return self.logits_of_crops(corrected(pixels, self.contrast), what)

    def logits_of_crops(self, pixels: NDArray[np.uint8], what: str = "pictures") -> dict[str, NDArray[np.float32]]:
        """Logits ``(n, 7)`` per head for what the network is given, ``(n, 48, 48)`` uint8 grey."""
        starts = range(0, len(pixels), _BLOCK)
        parts = [self.predict(pixels[start : start + _BLOCK]) for start in bar(starts, what)]
        return {head: np.concatenate([part[head] for part in parts]) for head in parts[0]}


def open_subject(model: Path) -> Subject:
    """The model in the file ``model``.

    Raises:
        InputError: the file is neither a ``.tflite`` nor a checkpoint of ours.
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
    """What makes the classes of a ``model`` out of the data's; ``None`` for one of the usual seven.

    Raises:
        ModelError: it has classes of its own, but its manifest does not say what they are made from.
    """
    if manifest.classes is None:
        return None
    labels = manifest.training.recipe.get("labels")
    if not isinstance(labels, str) or not labels:
        msg = f"{model}: its manifest does not say what its classes are made from, so nothing can measure it"
        raise ModelError(msg)
    return from_json(labels)
