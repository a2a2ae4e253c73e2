"""The card's section on the device's processing of logits: prior, temperature by face, refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from converter.card.group_tables import figure
from converter.card.markdown import NOTHING, code, count, percent, table
from converter.evaluation.judged import SURE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from converter.card.shipped import ShippedModel
    from edge.inference.calibration import Certainty, Prior, PriorScore

_COLUMNS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "wrong": "wrong",
    "sure_and_wrong": "sure and wrong",
    "unclear": "unclear",
    "refused": "refused",
    "ece": "calibration error",
    "ece_by_chance": "of it by chance",
}
_SUMMARY = """\
The scores above are of the network with one temperature for all faces. A device with default settings also takes out
a part of the training data's prior, divides by a temperature of each face, shows faces below a confidence of
{threshold} as unclear, and refuses finds that are no faces. With all of that, in percent with intervals; *wrong* is the
share of all faces that are named wrongly with {threshold} and more, *sure and wrong* with {sure} and more, *of it by
chance* what the calibration error of a perfectly calibrated model would be on so few faces:"""
_PRIOR = """\
`model.prior` sets how much of it is taken out: `web` 0, `even` 1, or a number. `audience`, the default, was chosen on
the same pictures: the best balanced accuracy for at most a point of accuracy, unless `--tolerance` said otherwise.
Recall of each emotion in the last columns:"""
_SHARES = (
    ("faces of the split", "lost", "faces", "lost"),
    ("non-faces", "refused", "non_faces", "refused"),
    ("faces of group pictures", "lost", "scene_faces", "scene_lost"),
    ("non-faces of group pictures", "refused", "scene_non_faces", "scene_refused"),
)
"""Rows of the refusal's table: population, outcome, and both figures' names in the manifest."""


def section(models: Sequence[ShippedModel]) -> str:
    """Return the section's text below its heading."""
    parts = [_summary(models), *_priors(models), *_certainties(models), *_refusals(models)]
    return "\n\n".join(parts)


def _summary(models: Sequence[ShippedModel]) -> str:
    threshold = models[0].results["device"]["min_confidence"]
    rows = [
        [
            model.name,
            code(head),
            f"{model.results['device']['strengths'][head]:g}",
            *(figure(found, name) for name in _COLUMNS),
        ]
        for model in models
        for head, found in model.results["device"]["heads"].items()
    ]
    return f"{_SUMMARY.format(threshold=percent(threshold, 0), sure=percent(SURE, 0))}\n\n" + table(
        ["model", "head", "prior's strength", *_COLUMNS.values()], rows
    )


def _priors(models: Sequence[ShippedModel]) -> Iterator[str]:
    rows: list[list[str]] = []
    for model in models:
        for output in model.manifest.outputs:
            if output.prior is not None:
                shares = (percent(share) for share in output.prior.shares)
                rows.append([model.name, code(output.head), "share in training", NOTHING, NOTHING, NOTHING, *shares])
                rows += [[model.name, code(output.head), *_strength(output.prior, one)] for one in output.prior.scores]
    if not rows:
        yield "No model carries a prior: answers are as the training data had the labels."
        return
    header = ["model", "head", "strength", "accuracy", "balanced accuracy", "calibration error"]
    yield "### Prior"
    yield _PRIOR
    yield table([*header, *models[0].manifest.labels], rows)


def _strength(prior: Prior, score: PriorScore) -> list[str]:
    names = {0.0: ", `web`", 1.0: ", `even`", prior.audience: ", **`audience`**"}
    figures = (percent(value) for value in (score.accuracy, score.balanced_accuracy, score.ece))
    recall = (percent(value, 0) for value in score.recall.values())
    return [f"{score.strength:g}{names.get(score.strength, '')}", *figures, *recall]


def _certainties(models: Sequence[ShippedModel]) -> Iterator[str]:
    found = {
        (model.name, str(output.head)): output.certainty
        for model in models
        for output in model.manifest.outputs
        if output.certainty is not None
    }
    if not found:
        yield "Every face has its head's one temperature."
        return
    yield "### Temperature by face"
    yield (
        "It grows with the entropy of another head, with what the crop lacks of detail, and with how far its structure "
        "lies aslant:"
    )
    header = ["model", "head", "temperature", "at most", "spread, of head", "detail", "tilt"]
    yield table(header, [[name, code(head), *_weights(one)] for (name, head), one in found.items()])
    yield "Expected calibration error of each view, with one temperature and with one a face:"
    views = list(dict.fromkeys(view for one in found.values() for view in one.errors))
    yield table(
        ["view", *(f"{code(head)}, {name}" for name, head in found)],
        [[view, *(_errors(one.errors.get(view)) for one in found.values())] for view in views],
    )


def _weights(one: Certainty) -> list[str]:
    spread = f"{one.spread:g}" + (f", {code(one.head)}" if one.head else "")
    return [f"{one.temperature:g}", f"{one.temperature * one.most:.2g}", spread, f"{one.detail:g}", f"{one.tilt:g}"]


def _errors(found: tuple[float, float] | None) -> str:
    return NOTHING if found is None else f"{percent(found[0])} → {percent(found[1])}"


def _refusals(models: Sequence[ShippedModel]) -> Iterator[str]:
    refusing = [model for model in models if model.manifest.refusal is not None]
    if not refusing:
        yield "Nothing is refused: whatever the detector finds is taken for a face."
        return
    yield "### Refusal"
    yield (
        "Finds of Haar's cascade and whether they are refused; of the split and of the non-faces by cross-validation"
        f"{_held_out(refusing)}, while\nnothing was fitted to the group pictures:"
    )
    figures = [model.manifest.refusal.figures for model in refusing if model.manifest.refusal is not None]
    rows = [
        [f"{of_what}, {become}", *(_refused(one, number, share) for one in figures)]
        for of_what, become, number, share in _SHARES
        if any(number in one for one in figures)
    ]
    yield table(["", *(model.name for model in refusing)], rows)


def _held_out(models: Sequence[ShippedModel]) -> str:
    """Say which non-faces measure a face output."""
    if all(model.manifest.face is None for model in models):
        return ""
    return ",\nfor a model with a face output in pictures that it was not trained on"


def _refused(found: Mapping[str, Any], number: str, share: str) -> str:
    if number not in found or share not in found:
        return NOTHING
    return f"{percent(found[share])} of {count(int(found[number]))}"
