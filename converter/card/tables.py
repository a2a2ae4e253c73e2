"""The card's tables, with models side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from converter.card.markdown import NOTHING, bracketed, code, count, percent, points, table
from converter.evaluation.robustness import UNDISTURBED
from edge.core.types import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from converter.card.shipped import ShippedModel

_NAMES = [emotion.value for emotion in EMOTIONS]


def identity(models: Sequence[ShippedModel]) -> str:
    """Return name, version and properties of each model."""
    rows = [
        ("file", [code(m.manifest.file) for m in models]),
        ("version, made", [f"{m.manifest.version}, {m.manifest.created:%Y-%m-%d}" for m in models]),
        ("sha256", [code(m.manifest.sha256[:16]) for m in models]),
        ("network", [code(m.manifest.training.architecture) for m in models]),
        ("size", [f"{m.size_bytes / 1e6:.2f} MB" for m in models]),
        ("parameters", [f"{m.manifest.training.parameters / 1e6:.2f} million" for m in models]),
        ("multiply-accumulates a face", [f"{m.manifest.training.macs / 1e6:.0f} million" for m in models]),
        ("input", [_input(m) for m in models]),
        ("margin round the detector's box", [percent(m.manifest.input.crop_margin, 0) for m in models]),
        ("dark crops", [_contrast(m) for m in models]),
        ("temperatures", [_temperatures(m) for m in models]),
    ]
    return table(["", *(m.name for m in models)], [[name, *cells] for name, cells in rows])


def scores(models: Sequence[ShippedModel], head: str) -> str:
    """Return the figures of one head, with all pictures and without those that recur in training."""
    header = ["model", "n", "accuracy", "top two", "balanced accuracy", "macro F1, %", "calibration error", "raw"]
    rows: list[list[str]] = []
    for model in models:
        found = model.heads[head]
        rows.append(_figures(f"**{model.name}**", found))
        if found["without_recurring"]:
            rows.append(_figures("without recurring pictures", found["without_recurring"]))
    return table(header, rows)


def precisions(models: Sequence[ShippedModel]) -> str:
    """Return int8 scores beside float scores, from the manifests."""
    rows: list[list[str]] = []
    for model in models:
        found = {(str(s.head), str(s.precision)): s for s in model.manifest.scores if s.split == model.results["split"]}
        for head in model.heads:
            int8, real = (found.get((head, precision)) for precision in ("int8", "float"))
            if int8 is not None and real is not None:
                figures = [percent(int8.accuracy), percent(real.accuracy), points(int8.accuracy - real.accuracy)]
                rows.append([model.name, code(head), *figures])
    return table(["model", "head", "int8", "float", "points"], rows)


def emotions(models: Sequence[ShippedModel], head: str) -> str:
    """Return recall and precision of each emotion."""
    header = ["emotion", "n", *(f"{what}, {m.name}" for m in models for what in ("recall", "precision"))]
    rows: list[list[str]] = []
    for index, name in enumerate(_NAMES):
        n = sum(models[0].heads[head]["confusion"][index])
        cells = [
            bracketed(m.heads[head][what][name], m.heads[head]["interval"][what][name], 0)
            for m in models
            for what in ("recall", "precision")
        ]
        rows.append([name, count(n), *cells])
    return table(header, rows)


def confusion(model: ShippedModel, head: str) -> str:
    """Return the confusion matrix in percent of each true emotion."""
    rows = [
        [name, *(f"{100 * n / sum(line):.0f}" if sum(line) else NOTHING for n in line), count(sum(line))]
        for name, line in zip(_NAMES, model.heads[head]["confusion"], strict=True)
    ]
    return table(["true ↓, read as →", *_NAMES, "n"], rows)


def reliability(models: Sequence[ShippedModel], head: str) -> str:
    """Return the accuracy of each bin of confidence."""
    header = ["confidence", *(f"{what}, {m.name}" for m in models for what in ("n", "mean", "right"))]
    lines = list(zip(*(m.heads[head]["reliability"]["calibrated"] for m in models), strict=True))
    rows: list[list[str]] = []
    for index, bins in enumerate(lines):
        if any(n for n, _, _ in bins):
            cells = [cell for n, mean, right in bins for cell in _bin(n, mean, right)]
            rows.append([f"{100 * index / len(lines):.0f} to {100 * (index + 1) / len(lines):.0f} %", *cells])
    return table(header, rows)


def certainty(models: Sequence[ShippedModel]) -> str:
    """Return the confidence by the annotators' agreement."""
    header = ["annotators who agree", "n", *(f"{what}, {m.name}" for m in models for what in ("confidence", "right"))]
    found = [model.results["certainty"] for model in models]
    rows = [
        [
            f"over {100 * bins[0]['over']:.0f} to {100 * bins[0]['up_to']:.0f} %",
            count(bins[0]["n"]),
            *(percent(one[what]) for one in bins for what in ("confidence", "accuracy")),
        ]
        for bins in zip(*(one["agreement"] for one in found), strict=True)
    ]
    related = [cell for one in found for cell in (_related(one), "")]
    return table(header, [*rows, ["rank correlation of the entropies", count(found[0]["n"]), *related]])


def robustness(models: Sequence[ShippedModel]) -> str:
    """Return the accuracy under each disturbance and its difference to the undisturbed one."""
    header = ["disturbance", *(f"{code(head)}, {m.name}" for m in models for head in m.heads)]
    rows: list[list[str]] = []
    for line in zip(*(m.results["robustness"] for m in models), strict=True):
        kind, strength = line[0]["kind"], line[0]["strength"]
        name = "none" if kind == UNDISTURBED else f"{kind}, {strength}"
        cells = [
            _disturbed(row["heads"][head], m.results["robustness"][0]["heads"][head])
            for m, row in zip(models, line, strict=True)
            for head in m.heads
        ]
        rows.append([name, *cells])
    return table(header, rows)


def data(results: Mapping[str, Any], *, known: bool) -> str:
    """Return the number of pictures of each emotion; ``known`` means that the data is FER2013."""
    columns = [results["data"]["labels"], results["data"]["majorities"]]
    votes = "FER+ majority" if known else "majority of the votes"
    header = ["emotion", f"{results['split']}, original label", f"{results['split']}, {votes}"]
    if not results["data"]["with_majority"]:
        columns.pop()
        header.pop()
    if results["recurrence"]:
        columns.insert(0, results["recurrence"]["training_labels"])
        header.insert(1, "Training as used, original label")
    return table(header, [[name, *(count(found[name]) for found in columns)] for name in _NAMES])


def recipe(models: Sequence[ShippedModel]) -> str:
    """Return the options of each training run."""
    recipes = [m.manifest.training.recipe for m in models]
    names = list(dict.fromkeys(name for found in recipes for name in found))
    rows = [[name.replace("_", " "), *(_choice(found.get(name)) for found in recipes)] for name in names]
    return table(["", *(m.name for m in models)], rows)


def _input(model: ShippedModel) -> str:
    spec = model.manifest.input
    return (
        f"{spec.size} by {spec.size} {spec.colour}, {spec.dtype}, scale {spec.scale:.6g}, zero point {spec.zero_point}"
    )


def _contrast(model: ShippedModel) -> str:
    found = model.manifest.input.contrast
    if found is None:
        return "as they are"
    stretch = f"percentiles {found.low:g} and {found.high:g} become 0 and {found.target:g}"
    return f"{stretch} where the latter is below {found.below:g}"


def _temperatures(model: ShippedModel) -> str:
    return ", ".join(f"{code(out.head)} {out.temperature:g}" for out in model.manifest.outputs)


def _figures(name: str, found: Mapping[str, Any]) -> list[str]:
    figures = ("accuracy", "top2", "balanced_accuracy", "macro_f1", "ece", "ece_raw")
    return [name, count(found["n"]), *(bracketed(found[figure], found["interval"][figure]) for figure in figures)]


def _bin(n: float, mean: float, right: float) -> tuple[str, str, str]:
    return (count(int(n)), percent(mean), percent(right)) if n else ("0", NOTHING, NOTHING)


def _related(found: Mapping[str, Any]) -> str:
    if found["spearman"] is None:
        return NOTHING
    low, high = found["spearman_interval"]
    return f"{found['spearman']:.2f} [{low:.2f}, {high:.2f}]"


def _disturbed(found: Mapping[str, Any], clean: Mapping[str, Any]) -> str:
    shown = bracketed(found["accuracy"], found["interval"]["accuracy"])
    return shown if found is clean else f"{shown}, {points(found['accuracy'] - clean['accuracy'])}"


def _choice(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(one) for one in value) or NOTHING
    return NOTHING if value is None or value == "" else str(value)
