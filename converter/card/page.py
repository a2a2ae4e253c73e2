"""Assembly of the card."""

from __future__ import annotations

from importlib import resources
from string import Template
from typing import TYPE_CHECKING

from converter.card import deployed, fairness, sections, sentences, tables
from converter.card.markdown import code, count
from converter.card.plots import links
from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from converter.card.shipped import ShippedModel


def render(models: Sequence[ShippedModel], plots: str | None = None, page: str | None = None) -> str:
    """Return the card of ``models``, side by side in their order; deterministic for manifests and results.

    ``plots`` is the relative path of their plots, ``page`` that of the page of :mod:`converter.card.fairness`; without
    them the card links none.

    Raises:
        InputError: the models were not measured in the same way, or not completely.
    """
    _check(models)
    text = resources.files("converter.card").joinpath("template.md").read_text(encoding="utf-8")
    return Template(text).substitute(_fields(models, plots, page))


def _fields(models: Sequence[ShippedModel], plots: str | None, page: str | None) -> dict[str, str]:
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
        "deployed": deployed.section(models),
        "groups": fairness.section(models, page),
        "not_measured": fairness.not_measured(models),
        "plots": "" if plots is None else links(models, plots),
        "recipe": tables.recipe(models),
        "quantization": sentences.quantization(models),
        "commands": sentences.commands(models),
        "licences": sentences.licences(models),
        "evaluate": "\n".join(_evaluate(model) for model in models),
        "card": command(models, plots=plots is not None, page=page is not None),
    }


def _check(models: Sequence[ShippedModel]) -> None:
    first = models[0]
    for model in models:
        own = [str(output.head) for output in model.manifest.outputs]
        missing = [head for head in sections.ORDER if head in own and head not in model.heads]
        parts = ("certainty", "robustness") if "consensus" in own else ("robustness",)
        missing += [part for part in (*parts, "device") if not model.results.get(part)]
        if missing:
            msg = f"{model.name}: its results lack {', '.join(missing)}; measure it with face-convert card --data"
            raise InputError(msg)
        for part in ("split", "data", "interval"):
            if model.results[part] != first.results[part]:
                msg = f"{model.name} and {first.name}: differ in {part}; measure them with one face-convert card --data"
                raise InputError(msg)
        if _divisions(model) != _divisions(first):
            msg = f"{model.name} and {first.name}: differ in groups; measure them with one face-convert card --data"
            raise InputError(msg)


def _divisions(model: ShippedModel) -> list[str]:
    return [division["name"] for division in (model.results.get("groups") or {"divisions": []})["divisions"]]


def _evaluate(model: ShippedModel) -> str:
    split = model.results["split"]
    groups = " --groups --detector YUNET" if model.results.get("groups") else ""
    return (
        f"face-convert evaluate --model models/{model.manifest.file} --data DIR --split {split} --robustness{groups} "
        "--json"
    )


def command(models: Sequence[ShippedModel], *, plots: bool, page: bool) -> str:
    """Return the command that writes the card, with or without plots and the page of groups."""
    named = " ".join(f"--model models/{model.manifest.file}" for model in models)
    neighbours = (" --plots docs/img" if plots else "") + (" --fairness docs/fairness.md" if page else "")
    return f"face-convert card {named} --out models/README.md{neighbours}"
