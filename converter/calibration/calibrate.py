"""Calibration of a model: prior, temperatures by face and refusal, measured and written into its manifest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from converter.calibration import non_faces, priors, refusals, temperatures
from converter.calibration.finds import framed, marked
from converter.calibration.temperatures import Signs
from converter.calibration.views import PLAIN, views
from converter.datasets.faces import truth
from converter.evaluation.conditions import Condition
from converter.outputs import write_bytes
from converter.progress import bar
from converter.runner import ModelRunner
from edge.inference.calibration import FACE
from edge.inference.manifest import SCHEMA_VERSION, SCHEMA_WITH_FACE, OutputSpec, manifest_path
from edge.inference.postprocess import detail_of, entropy, temperature, tilt_of
from edge.inference.preprocess import softmax

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet
    from edge.inference.calibration import Prior, Refusal
    from edge.inference.manifest import Manifest

SMALL = Condition(24)
"""Faces of this small size must not be refused either."""
_TURNS = 2


def calibrate(
    model: Path,
    training: FaceSet,
    validation: FaceSet,
    *,
    split: str,
    tolerance: float = priors.TOLERANCE,
    empty: Path | None = None,
    scenes: Path | None = None,
) -> Manifest:
    """Measure ``model`` (a ``.tflite``) on ``validation`` and write the results into the manifest beside it.

    Args:
        model: the int8 file; it is not changed.
        training: gives how often the model saw each label.
        validation: faces to choose by; ``split`` is their name.
        split: name for the manifest.
        tolerance: accuracy that the prior `audience` may cost.
        empty: pictures without faces, or the crops cut out of them (:func:`converter.calibration.non_faces.read`);
            without it the earlier refusal remains. For a model with a face output, pictures for training do not
            count.
        scenes: folder of pictures with marked faces, on which the refusal is only measured.

    Raises:
        ModelError: file and manifest do not belong together.
        InputError: a folder or its pictures cannot be used, or the manifest cannot be written.
    """
    runner = ModelRunner(model)
    before = runner.manifest
    labelled = {
        str(o.head): truth(validation, o.head) for o in before.outputs if (truth(validation, o.head) >= 0).any()
    }
    found = _signs(runner, validation, labelled)
    outputs = tuple(
        output
        if output.head not in labelled
        else _calibrated(
            output,
            found[output.head],
            labelled[output.head],
            priors.shares_of(training, output.head),
            other=_other(before, output.head),
            split=split,
            tolerance=tolerance,
        )
        for output in before.outputs
    )
    refusal = before.refusal if empty is None else _refusal(runner, validation, empty, scenes)
    schema = SCHEMA_VERSION if before.face is None else SCHEMA_WITH_FACE
    updated = before.model_copy(update={"schema_version": schema, "outputs": outputs, "refusal": refusal})
    write_bytes(manifest_path(model), updated.to_json().encode())
    return updated


def _signs(
    runner: ModelRunner, faces: FaceSet, labelled: Mapping[str, NDArray[np.int64]]
) -> dict[str, dict[str, Signs]]:
    """Return the signs by head and view, of the faces that the head has labels for."""
    found: dict[str, dict[str, Signs]] = {head: {} for head in labelled}
    for view in bar(views(faces, runner.manifest.input.contrast), "views"):
        logits = {str(head): values for head, values in runner.logits(view.crops).items()}
        detail, tilt = (np.array([measure(crop) for crop in view.crops]) for measure in (detail_of, tilt_of))
        for head, right in labelled.items():
            other, rows = _other(runner.manifest, head), right >= 0
            spread = np.zeros(len(right), np.float32) if other is None else _entropy(runner, other, logits)
            found[head][view.name] = Signs(logits[head], spread, detail, tilt).take(rows)
    return found


def _entropy(runner: ModelRunner, head: str, logits: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    return entropy(softmax(logits[head], temperature=runner.manifest.output(head).temperature))


def _other(manifest: Manifest, head: str) -> str | None:
    return next((str(output.head) for output in manifest.outputs if output.head != head), None)


def _calibrated(
    output: OutputSpec,
    found: Mapping[str, Signs],
    right: NDArray[np.int64],
    shares: NDArray[np.float64],
    *,
    other: str | None,
    split: str,
    tolerance: float,
) -> OutputSpec:
    """Return the output with prior and certainty; ``other`` is the head whose entropy is a sign, if there is another.

    The prior changes the target of the temperatures, and they change the cost of the prior: both are fitted in turn
    until the strength is stable.
    """
    right = right[right >= 0]
    plain = found[PLAIN]
    divided = plain.logits / np.float32(output.temperature)
    prior = priors.prior(divided, right, shares, split=split, tolerance=tolerance)
    certainty = output.certainty
    for _ in range(_TURNS):
        offset = (prior.audience * np.log(shares)).astype(np.float32)
        certainty = temperatures.fit(found, right, offset, head=other, split=split)
        divisor = temperature(certainty, spread=plain.spread, detail=plain.detail, tilt=plain.tilt)
        divided = (plain.logits / np.asarray(divisor)[:, None]).astype(np.float32)
        again: Prior = priors.prior(divided, right, shares, split=split, tolerance=tolerance)
        stays = again.audience == prior.audience
        prior = again
        if stays:
            break
    return output.model_copy(update={"prior": prior, "certainty": certainty})


def _refusal(runner: ModelRunner, faces: FaceSet, empty: Path, scenes: Path | None) -> Refusal:
    contrast = runner.manifest.input.contrast
    non = non_faces.read(empty, contrast)
    outside = non.finds if runner.manifest.face is None else non.for_measuring
    inside = framed(faces, contrast)
    known = np.flatnonzero(faces.votes.sum(axis=1) > 0)
    small = SMALL.crops(faces.take(known), contrast)
    crops = np.concatenate([inside.crops, small])
    rows = np.concatenate([inside.pictures, known])
    rule = refusals.fit(_to_fit(runner, crops), rows, _to_fit(runner, outside.crops), outside.pictures)
    if scenes is None:
        return rule
    theirs, others = marked(scenes, contrast)
    return _with(
        rule,
        scene_faces=len(theirs),
        scene_lost=refusals.shares_below(rule, runner.signs(theirs.crops)),
        scene_non_faces=len(others),
        scene_refused=refusals.shares_below(rule, runner.signs(others.crops)),
    )


def _to_fit(runner: ModelRunner, crops: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """Signs that the rule is made of: the face output alone, where the model has one."""
    found = runner.signs(crops)
    return {FACE: found[FACE]} if FACE in found else found


def _with(rule: Refusal, **figures: float) -> Refusal:
    return replace(rule, figures={**rule.figures, **{name: float(value) for name, value in figures.items()}})
