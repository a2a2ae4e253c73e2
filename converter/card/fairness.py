"""Differences of the device's answers between groups of faces: the card's section, and a page with every figure."""

from __future__ import annotations

from importlib import resources
from string import Template
from typing import TYPE_CHECKING, Any

from converter.card import group_tables
from converter.card.markdown import NOTHING, code, count, percent, table
from converter.evaluation.groups import LEAST
from converter.evaluation.judged import SURE
from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from converter.card.shipped import ShippedModel

_RARE = 0.01
"""Share of shuffles from which a difference counts as chance."""
_SECTION = """\
Accuracy of the device's answers in the group where it is lowest and where it is highest, in percent, at the same mix of
emotions; *chance*: how often groups drawn at random differ by as much. The brightness of a picture is not skin
colour."""
_NOT_MEASURED = "Nothing was measured by group of faces: `face-convert card --data DIR` does it.\n"


def section(models: Sequence[ShippedModel], page: str | None) -> str:
    """Return the card's section below its heading; ``page`` is the relative path of the page with every figure."""
    if not _measured(models):
        return _NOT_MEASURED
    link = "" if page is None else f"\nEvery figure: [{page.rpartition('/')[2]}]({page})."
    return f"{_SECTION}{link}\n\n{_extremes(models)}\n\n{_remarkable(models)}\n"


def not_measured(models: Sequence[ShippedModel]) -> str:
    """Return the groups without figures, as a list."""
    found = models[0].results["groups"]["not_measured"] if _measured(models) else [_NOT_MEASURED.strip()]
    return "\n".join(f"- {line}" for line in found)


def page(models: Sequence[ShippedModel], plots: str | None, command: str) -> str:
    """Return the page; ``plots`` is the relative path of the plots, ``command`` the command that writes it.

    Raises:
        InputError: a model was not measured by group.
    """
    if not _measured(models):
        msg = f"{models[0].name}: its results hold no groups; measure it with face-convert card --data"
        raise InputError(msg)
    first = models[0].results
    text = resources.files("converter.card").joinpath("fairness.md").read_text(encoding="utf-8")
    return Template(text).substitute(
        names=", ".join(code(model.name) for model in models),
        split=first["split"],
        pictures=count(first["data"]["pictures"]),
        threshold=percent(first["device"]["min_confidence"], 0),
        sure=percent(SURE, 0),
        least=LEAST,
        level=percent(first["interval"]["level"], 0),
        seed=first["interval"]["seed"],
        measures="\n".join(f"- **{line.replace(':', '**:', 1)}" for line in group_tables.measures(first)),
        not_measured=not_measured(models),
        remarkable=_remarkable(models),
        extremes=_extremes(models),
        models="\n\n".join(part for model in models for part in _model(model, plots)),
        command=command,
    )


def _measured(models: Sequence[ShippedModel]) -> bool:
    return all(model.results.get("groups") for model in models)


def _model(model: ShippedModel, plots: str | None) -> Iterator[str]:
    yield f"## {model.name}"
    if plots is not None:
        yield f"![Accuracy, wrong answers and overconfidence by group]({plots}/{model.name}-groups.png)"
    for head in model.results["device"]["heads"]:
        yield f"### {model.name}, {code(head)} head"
        yield group_tables.figures(model.results, head)
        yield "Recall of each emotion, and of how many faces:"
        yield group_tables.recalls(model.results, head)


def _cases(models: Sequence[ShippedModel]) -> Iterator[tuple[Mapping[str, Any], ShippedModel, str]]:
    """Yield every division, model and head, divisions outermost."""
    for number in range(len(models[0].results["groups"]["divisions"])):
        for model in models:
            for head in model.results["device"]["heads"]:
                yield model.results["groups"]["divisions"][number], model, head


def _extremes(models: Sequence[ShippedModel]) -> str:
    rows = [
        [division["name"], model.name, code(head), *_extreme(division, head)]
        for division, model, head in _cases(models)
    ]
    return table(["division", "model", "head", "lowest", "highest", "points", "chance"], rows)


def _extreme(division: Mapping[str, Any], head: str) -> list[str]:
    found = division["heads"][head]
    if found is None:
        return [NOTHING] * 4
    low, high = _ends(division, head)
    shown = (f"{group_tables.figure(one['heads'][head], 'same_mix')}, {one['name']}" for one in (low, high))
    return [*shown, f"{100 * found['difference']:.1f}", group_tables.chance(found["by_chance"])]


def _ends(division: Mapping[str, Any], head: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    counted = [one for one in division["groups"] if one["heads"][head] and one["heads"][head]["n"] >= LEAST]
    ordered = sorted(counted, key=lambda one: float(one["heads"][head]["same_mix"][0]))
    return ordered[0], ordered[-1]


def _remarkable(models: Sequence[ShippedModel]) -> str:
    """Describe the differences that are larger than chance makes them."""
    cases = [case for case in _cases(models) if case[0]["heads"][case[2]] is not None]
    rare = [case for case in cases if case[0]["heads"][case[2]]["by_chance"] < _RARE]
    opening = (
        f"Of {len(cases)} comparisons {len(rare)} differ by more than chance does in {percent(_RARE, 0)} of its draws"
    )
    if not rare:
        return f"{opening}."
    return f"{opening}:\n\n" + "\n".join(_sentence(*case) for case in rare)


def _sentence(division: Mapping[str, Any], model: ShippedModel, head: str) -> str:
    low, high = _ends(division, head)
    accuracy, wrong = ([percent(one["heads"][head][name][0]) for one in (low, high)] for name in ("same_mix", "wrong"))
    return (
        f"- {division['name']}, {model.name}, {code(head)}: {accuracy[0]} right ({low['name']}) against {accuracy[1]} "
        f"({high['name']}); {wrong[0]} against {wrong[1]} wrong"
    )
