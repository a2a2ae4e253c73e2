"""Puts the card together."""

from __future__ import annotations

from importlib import resources
from string import Template
from typing import TYPE_CHECKING

from converter.card import sections, sentences, tables
from converter.card.markdown import code, count
from edge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from converter.card.shipped import Shipped

PLOTS = {
    "confusion-consensus": "confusion of `consensus`",
    "confusion-fer2013": "confusion of `fer2013`",
    "reliability-consensus": "reliability of `consensus`",
    "reliability-fer2013": "reliability of `fer2013`",
    "certainty-consensus": "confidence by agreement",
    "robustness": "robustness",
}


def render(models: Sequence[Shipped], plots: str | None = None) -> str:
    """The card of ``models``, side by side in the order given; the same for the same manifests and results.

    ``plots`` is the folder of their plots as seen from the card; without it the card links none.

    Raises:
        InputError: the models were not measured alike, or not fully.
    """
    _check(models)
    text = resources.files("converter.card").joinpath("template.md").read_text(encoding="utf-8")
    return Template(text).substitute(_fields(models, plots))


def _fields(models: Sequence[Shipped], plots: str | None) -> dict[str, str]:
    results = models[0].results
    interval = results["interval"]
    return {
        "names": ", ".join(code(model.name) for model in models),
        "identity": tables.identity(models),
        "split": results["split"],
        "level": f"{100 * interval['level']:.0f} %",
        "resamples": count(interval["resamples"]),
        "bootstrap_seed": str(interval["seed"]),
        "bins": str(results["calibration"]["bins"]),
        "precisions": tables.precisions(models),
        **sections.fields(models),
        "calibration": sentences.calibration(models),
        "robustness": tables.robustness(models),
        "plots": _links(models, plots),
        "recipe": tables.recipe(models),
        "quantization": sentences.quantization(models),
        "commands": sentences.commands(models),
        "licences": sentences.licences(models),
        "evaluate": "\n".join(_evaluate(model) for model in models),
        "card": _card(models, plots),
    }


def _check(models: Sequence[Shipped]) -> None:
    first = models[0]
    for model in models:
        own = [str(output.head) for output in model.manifest.outputs]
        missing = [head for head in sections.ORDER if head in own and head not in model.heads]
        parts = ("certainty", "robustness") if "consensus" in own else ("robustness",)
        missing += [part for part in parts if not model.results[part]]
        if missing:
            msg = f"{model.name}: its results lack {', '.join(missing)}; measure it with face-convert card --data"
            raise InputError(msg)
        for part in ("split", "data", "interval"):
            if model.results[part] != first.results[part]:
                msg = f"{model.name} and {first.name}: differ in {part}; measure them with one face-convert card --data"
                raise InputError(msg)


def _links(models: Sequence[Shipped], plots: str | None) -> str:
    if plots is None:
        return ""
    lines = [
        f"- {model.name}: "
        + ", ".join(
            f"[{words}]({plots}/{model.name}-{name}.png)"
            for name, words in PLOTS.items()
            if name == "robustness" or name.rpartition("-")[2] in model.heads
        )
        for model in models
    ]
    return "Plots:\n\n" + "\n".join(lines)


def _evaluate(model: Shipped) -> str:
    split = model.results["split"]
    return f"face-convert evaluate --model models/{model.manifest.file} --data DIR --split {split} --robustness --json"


def _card(models: Sequence[Shipped], plots: str | None) -> str:
    named = " ".join(f"--model models/{model.manifest.file}" for model in models)
    return f"face-convert card {named} --out models/README.md" + ("" if plots is None else " --plots docs/img")
