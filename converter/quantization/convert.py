"""Conversion of a checkpoint to a model with its manifest: quantise, calibrate, measure, write."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from converter.datasets.faces import truth
from converter.datasets.holdout import DEFAULT_SHARE, HoldOut
from converter.datasets.record import difference, record_of
from converter.datasets.subjects import KNOWN
from converter.evaluation.accuracy import of_logits
from converter.measure import fit_temperature
from converter.outputs import write_bytes
from converter.quantization import manifest, quantize
from converter.quantization.windows import MAX_STEP
from converter.runner import corrected, interpreter, invoke_all, logits_of
from converter.training import checkpoint
from converter.training.recipe import DISTILL_DEFAULTS
from edge.core.contrast import Contrast
from edge.inference.manifest import manifest_path
from edge.inference.preprocess import probability_step, softmax
from edge.inference.preprocess import quantize as quantize_pixels

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    from converter.datasets.faces import FaceSet
    from converter.quantization.quantize import Quantized
    from edge.inference.manifest import Manifest, OutputSpec

VALIDATION = "PublicTest"


@dataclass(frozen=True, slots=True)
class QuantizationSettings:
    """Choices that determine the file besides the weights."""

    per_class: int = 64
    seed: int = 1
    crop_margin: float = 0.0
    version: str = "1"
    fine_tune: int = 0
    """Epochs of fine-tuning under int8 rounding."""
    licence: str = ""
    """Licence of the weights, for the manifest."""


def convert(
    source: Path, training: FaceSet, validation: FaceSet, out: Path, settings: QuantizationSettings
) -> Manifest:
    """Convert the checkpoint ``source`` to ``out`` (a ``.tflite``) and the manifest beside it.

    Temperatures are chosen on ``validation`` (PublicTest), which is choosing on validation data: the manifest names the
    split. Scores in float and int8 are measured on it too.

    Raises:
        InputError: the checkpoint cannot be used, there are no pictures, or ``out`` cannot be written.
    """
    trained, data = checkpoint.load(source), record_of(training, validation)
    is_other = trained.data is not None and bool(difference(data, trained.data))
    # both get the same input as on the device
    validation = replace(validation, pixels=corrected(validation.pixels, Contrast()))
    pictures = quantize.calibration_pictures(training, settings.per_class, settings.seed)
    float_logits = trained.logits(validation.pixels)
    network = _fine_tuned(trained, training, pictures, settings)
    quantized, logits = _fine_enough(network, pictures, validation, _temperatures(float_logits, validation))
    temperatures = _temperatures(logits, validation)
    content, heads, face = quantized.content, trained.head_names, trained.face
    common: dict[str, Any] = {"split": VALIDATION, "temperatures": temperatures, "model": out.name}
    model_manifest = manifest.build(
        content,
        trained,
        name=out.stem,
        version=settings.version,
        crop_margin=settings.crop_margin,
        outputs=manifest.tensors(quantized, tuple(network.head_names), temperatures, VALIDATION),
        face=None if face is None else manifest.face_tensor(quantized, face.record),
        evaluations=(
            of_logits(logits, validation, precision="int8", **common),
            of_logits(float_logits, validation, precision="float", **common),
        ),
        command=_command(trained),
        quantization={
            "method": "static int8, weights per channel, ranges from least and greatest value, input fixed at 0..1",
            "calibration_split": "Training",
            "calibration_pictures": len(pictures),
            "calibration_exposures": list(quantize.LIGHTS),
            **{key: value for key, value in asdict(settings).items() if key in {"per_class", "seed", "fine_tune"}},
            "against_float": {h: asdict(shift(float_logits[h], logits[h], temperatures.get(h, 1.0))) for h in heads},
            "tools": quantize.tool_versions(),
            **({"other_data": data} if is_other else {}),
        },
        data=data,
        licence=settings.licence,
    )
    # the model first: after an interruption a foreign manifest is detected by its hash
    write_bytes(out, content)
    write_bytes(manifest_path(out), model_manifest.to_json().encode())
    return model_manifest


def _fine_tuned(
    trained: checkpoint.Trained, training: FaceSet, pictures: NDArray[np.float32], settings: QuantizationSettings
) -> nn.Module:
    if not settings.fine_tune:
        return trained.whole
    from converter.quantization.finetune import FineTuning, fine_tune

    return fine_tune(trained.whole, training, pictures, FineTuning(settings.fine_tune, seed=settings.seed))


def _fine_enough(
    network: nn.Module, pictures: NDArray[np.float32], validation: FaceSet, temperatures: Mapping[str, float]
) -> tuple[Quantized, dict[str, NDArray[np.float32]]]:
    """Return the int8 file and its logits on ``validation``, fine enough for the temperatures fitted to these logits.

    ``temperatures`` are those of the float network. If the int8 file's own are so much lower that an output step would
    move a probability too far, the file is made again for those.
    """
    quantized = quantize.to_int8(network, pictures, temperatures)
    outputs = manifest.tensors(quantized, tuple(network.head_names), {}, VALIDATION)
    logits = _logits(quantized.content, validation.pixels, outputs)
    found = _temperatures(logits, validation)
    if all(probability_step(o.scale, temperature=found.get(o.head, 1.0)) <= MAX_STEP for o in outputs):
        return quantized, logits
    lower = {head: min(value, temperatures[head]) for head, value in found.items()}
    return _fine_enough(network, pictures, validation, lower)


def _logits(
    content: bytes, pixels: NDArray[np.uint8], outputs: tuple[OutputSpec, ...]
) -> dict[str, NDArray[np.float32]]:
    spec = manifest.input_tensor(content, crop_margin=0.0)
    levels = quantize_pixels(pixels, scale=spec.scale, zero_point=spec.zero_point)
    raw = invoke_all(interpreter(content), levels.reshape(-1, *spec.shape))
    return logits_of(raw, outputs)


@dataclass(frozen=True, slots=True)
class QuantizationShift:
    """Difference between int8 and float over a set of faces: shares, and probabilities under the same temperature."""

    agreement: float
    """Share of faces with the same first emotion."""
    largest_shift: float
    """Largest shift of any probability of any face."""
    mean_shift: float


def shift(before: NDArray[np.float32], after: NDArray[np.float32], temperature: float) -> QuantizationShift:
    """Compare logits ``(n, 7)`` of the network in float32 with those of its int8 file."""
    moved = abs(softmax(before, temperature=temperature) - softmax(after, temperature=temperature))
    same = float((before.argmax(axis=1) == after.argmax(axis=1)).mean())
    return QuantizationShift(round(same, 4), round(float(moved.max()), 4), round(float(moved.mean()), 4))


def _temperatures(logits: Mapping[str, NDArray[np.float32]], faces: FaceSet) -> dict[str, float]:
    """Fit the temperature of each head that has labels; the others have 1."""
    return {
        head: fit_temperature(values, truth(faces, head))
        for head, values in logits.items()
        if (truth(faces, head) >= 0).any()
    }


_NO_OPTIONS = {"teachers", "heads", "earlier", "labels"}


def _command(trained: checkpoint.Trained) -> str:
    """Return the command that trains this network again, without default options."""
    recipe = trained.recipe
    under = "distill --data DIR --teachers ANSWERS" if recipe.teachers else "train --data DIR"
    default = DISTILL_DEFAULTS if recipe.teachers else type(recipe)()
    changed = [
        f"--{field.name.replace('_', '-')} {getattr(recipe, field.name)}"
        for field in fields(recipe)
        if field.name not in _NO_OPTIONS and getattr(recipe, field.name) != getattr(default, field.name)
    ]
    mapped = ["--labels LABELS"] if recipe.labels else []
    return " ".join([f"face-convert {under} --out RUN", *changed, *mapped, *_holding_out(trained)])


def _holding_out(trained: checkpoint.Trained) -> list[str]:
    """Return the options that hold out the same part of the data again, without defaults."""
    found = (trained.data or {}).get("held_out")
    if found is None:
        return []
    options = [] if found["share"] == DEFAULT_SHARE else [f"--validation-split {found['share']}"]
    options += [] if found["seed"] == HoldOut().seed else [f"--split-seed {found['seed']}"]
    return options if found["pattern"] in {"", *KNOWN} else [*options, f"--subjects {shlex.quote(found['pattern'])}"]
