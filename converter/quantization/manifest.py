"""Manifest of a freshly quantised model, from its measurements and its tensors."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from converter.datasets import describe
from converter.datasets.faces import SIZE
from converter.evaluation.accuracy import recall_by_name
from converter.quantization.quantize import output_names
from converter.runner import interpreter
from edge.core.contrast import Contrast
from edge.core.errors import ModelError
from edge.inference.calibration import FACE
from edge.inference.manifest import (
    SCHEMA_VERSION,
    SCHEMA_WITH_FACE,
    FaceSpec,
    InputSpec,
    Manifest,
    OutputSpec,
    Score,
    Training,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from converter.evaluation.accuracy import Evaluation
    from converter.quantization.quantize import Quantized
    from converter.training.checkpoint import Trained

UNRECORDED = "the checkpoint does not record what it was trained on; this data was given when it was quantised:"


def tensors(
    quantized: Quantized, heads: tuple[str, ...], temperatures: Mapping[str, float], split: str
) -> tuple[OutputSpec, ...]:
    """Return the specifications of a model file's outputs, with the temperature of each head.

    ``heads`` are all outputs in order; a face output is not part of the result.
    """
    model = interpreter(quantized.content)
    details = {str(detail["name"]): detail for detail in model.get_output_details()}
    names = output_names(model)
    if len(names) != len(heads):
        msg = f"expected {len(heads)} outputs ({', '.join(heads)}), found {len(names)}"
        raise ModelError(msg)
    tensors = zip(heads, names, quantized.windows, strict=True)
    return tuple(
        OutputSpec(
            head=head,
            name=name,
            scale=float(details[name]["quantization"][0]),
            zero_point=int(details[name]["quantization"][1]),
            windows=count,
            temperature=temperatures.get(head, 1.0),
            temperature_split=split,
        )
        for head, name, count in tensors
        if head != FACE
    )


def face_tensor(quantized: Quantized, record: Mapping[str, Any]) -> FaceSpec:
    """Return the specification of a model file's face output, if its last one is; ``record`` describes its layer."""
    model = interpreter(quantized.content)
    name = output_names(model)[-1]
    (detail,) = (detail for detail in model.get_output_details() if detail["name"] == name)
    scale, zero_point = detail["quantization"]
    return FaceSpec(
        name=name,
        scale=float(scale),
        zero_point=int(zero_point),
        windows=quantized.windows[-1],
        training=dict(record),
    )


def input_tensor(content: bytes, crop_margin: float) -> InputSpec:
    """Return the specification of the input of the model file ``content``, with the crop margin of a face."""
    (detail,) = interpreter(content).get_input_details()
    scale, zero_point = detail["quantization"]
    shape = tuple(int(side) for side in detail["shape"])
    return InputSpec(
        shape=shape,
        scale=float(scale),
        zero_point=int(zero_point),
        size=SIZE,
        crop_margin=crop_margin,
        contrast=Contrast(),
    )


def build(
    content: bytes,
    trained: Trained,
    *,
    name: str,
    version: str,
    crop_margin: float,
    outputs: tuple[OutputSpec, ...],
    face: FaceSpec | None = None,
    evaluations: Iterable[Evaluation],
    command: str,
    quantization: Mapping[str, Any],
    data: Mapping[str, Any],
    licence: str = "",
) -> Manifest:
    """Build the manifest of the model file ``content``, to be written as ``name.json`` beside ``name.tflite``.

    ``data`` is the record of the available data, for a checkpoint without one; ``licence`` is the licence of the
    weights as stated by their author.
    """
    recipe, found = trained.recipe, trained.data or data
    return Manifest(
        schema_version=SCHEMA_VERSION if face is None else SCHEMA_WITH_FACE,
        name=name,
        version=version,
        file=f"{name}.tflite",
        sha256=hashlib.sha256(content).hexdigest(),
        created=datetime.now(UTC).replace(microsecond=0),
        labels=tuple(map(str, recipe.classes)),
        classes=None if recipe.mapping is None else recipe.mapping.shown,
        input=input_tensor(content, crop_margin),
        outputs=outputs,
        face=face,
        training=Training(
            command=command,
            architecture=recipe.architecture,
            seed=recipe.seed,
            epochs=recipe.epochs,
            parameters=trained.parameters,
            macs=trained.macs,
            recipe={**asdict(recipe), "heads": trained.head_names, "checkpoint_epoch": trained.epochs_seen},
            quantization=dict(quantization),
            data=dict(trained.data or {}),
        ),
        scores=tuple(score for evaluation in evaluations for score in _scores(evaluation)),
        licence=describe.licence(found, licence),
        data=(*(() if trained.data else (UNRECORDED,)), *describe.provenance(found)),
    )


def _scores(evaluation: Evaluation) -> tuple[Score, ...]:
    return tuple(
        Score(
            split=evaluation.split,
            head=found.head,
            labels=found.labels,
            precision=evaluation.precision,
            n=found.n,
            accuracy=round(found.accuracy, 4),
            balanced_accuracy=round(found.balanced_accuracy, 4),
            ece=round(found.ece, 4),
            recall=recall_by_name(found, evaluation.classes),
        )
        for found in evaluation.measurements
    )
