"""Sentences of the card about the measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from converter.card.markdown import code, count, percent
from edge.core.types import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from converter.card.shipped import ShippedModel

_NAMES = [emotion.value for emotion in EMOTIONS]
_FEW = 100
"""Number of faces below which a recall is too uncertain to rely on."""

_CAUTION = {
    "PublicTest": (
        "**PublicTest chose the epochs, the temperatures, the crop margin and the correction of dark crops, so these "
        "figures lean to the good side.** The test split, PrivateTest, was neither looked at nor measured; with a full "
        "copy of the data set, `face-convert evaluate --split PrivateTest` does it."
    ),
    "PrivateTest": "PrivateTest was used for these figures alone: nothing was chosen by it.",
    "Training": "**The models learnt from these pictures: the figures say nothing of faces that they do not know.**",
}


def caution(split: str, *, known: bool) -> str:
    """Return how else the split was used; ``known`` means that the data is FER2013, which has a test split."""
    if split == "PublicTest" and not known:
        return "**These pictures chose the epochs and the temperatures, so that the figures lean to the good side.**"
    return _CAUTION.get(split, "The whole data set in one piece: the models may have learnt from a part of it.")


def mistakes(models: Sequence[ShippedModel], head: str, most: int = 4) -> str:
    """Return the most frequent mistakes of each model, as a list."""
    return "\n".join(f"- {model.name}: {', '.join(_mistakes(model, head)[:most])}" for model in models)


def rare(models: Sequence[ShippedModel], head: str) -> str:
    """Return the emotions that are too rare in the split for reliable figures."""
    lines = zip(_NAMES, models[0].heads[head]["confusion"], strict=True)
    few = [f"{name} ({count(sum(line))})" for name, line in lines if 0 < sum(line) < _FEW]
    return f"Too rare for a firm figure: {', '.join(few)}; mind the intervals." if few else ""


def calibration(models: Sequence[ShippedModel]) -> str:
    """Return the calibration error of every head with its temperature, as a list."""
    return "\n".join(
        f"- {model.name}, {code(name)}: {percent(head['ece'])} with temperature {head['temperature']:g}, "
        f"{percent(head['ece_raw'])} without"
        for model in models
        for name, head in model.heads.items()
    )


def training_data(results: Mapping[str, Any], *, known: bool) -> str:
    """Return how much of the Training split was used, and how much of the measured split occurs in it.

    ``known`` means that the data is FER2013, whose labels cover all seven emotions.
    """
    found = results["recurrence"]
    if not found:
        return "How many of the measured pictures occur in Training was not looked for."
    left_out = found["training_pictures"] - found["training_kept"]
    labels = found["training_labels"]
    least, most = min(labels, key=labels.get), max(labels, key=labels.get)
    dropped = f"{count(left_out)} that recur in a test split or are blank were left out"
    if not known and not left_out:
        dropped = "none were left out"
    return (
        f"Of the {count(found['training_pictures'])} pictures of Training, {dropped}, "
        f"which leaves {count(found['training_kept'])}; no other pictures were used. "
        f"{count(found['pictures'])} of the {count(found['of'])} pictures of {results['split']} occur in Training as "
        "published (exactly, mirrored, or the same photograph in nearly the same crop), "
        f"{count(found['seen_in_training'])} in what was left to train on. "
        f"The emotions are far from even: {percent(labels[most] / found['training_kept'], 0)} of the labels say "
        f"{most}, {percent(labels[least] / found['training_kept'])} {least}."
    )


def agreement(results: Mapping[str, Any], *, known: bool) -> str:
    """Return how often the data's own label, FER2013's if it is ``known``, equals the annotators' majority."""
    found = results["data"]
    names = "FER2013's labels and FER+'s majorities" if known else "the data's labels and the majorities of the votes"
    return (
        f"{names} agree on {percent(found['label_sets_agree'])} of the "
        f"{count(found['with_majority'])} pictures of {results['split']} for which one of the seven "
        "has the most votes"
    )


def commands(models: Sequence[ShippedModel]) -> str:
    """Return the training command of each model, with comments."""
    return "\n".join(
        line for m in models for line in (f"# {m.name}, seed {m.manifest.training.seed}", m.manifest.training.command)
    )


def quantization(models: Sequence[ShippedModel]) -> str:
    """Return the quantisation of each model, as a list."""
    lines: list[str] = []
    for model in models:
        found = model.manifest.training.quantization
        tools = ", ".join(f"{name} {version}" for name, version in found.get("tools", {}).items())
        lines.append(f"- {model.name}: {found.get('method', 'not recorded')}; {tools}")
    return "\n".join(lines)


def licences(models: Sequence[ShippedModel]) -> str:
    """Return licences and data of the models without repetitions, as a list."""
    found = dict.fromkeys(line for m in models for line in (m.manifest.licence, *m.manifest.data))
    return "\n".join(f"- {line}" for line in found)


def _mistakes(model: ShippedModel, head: str) -> list[str]:
    """Return the shares of an emotion classified as another, the greatest first."""
    found = [
        (number / sum(line), f"{true} taken for {read} ({percent(number / sum(line), 0)} of {count(sum(line))})")
        for true, line in zip(_NAMES, model.heads[head]["confusion"], strict=True)
        for read, number in zip(_NAMES, line, strict=True)
        if true != read and number
    ]
    return [words for _, words in sorted(found, reverse=True)]
