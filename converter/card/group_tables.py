"""Figures by group as Markdown tables that are also readable as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from converter.card.markdown import NOTHING, count, percent, table
from converter.evaluation.judged import SURE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FIGURES = {
    "accuracy": "accuracy",
    "same_mix": "at the same mix",
    "balanced_accuracy": "balanced",
    "wrong": "wrong",
    "sure_and_wrong": f"sure and wrong ({100 * SURE:.0f} %)",
    "unclear": "unclear",
    "refused": "refused",
    "ece": "calibration error",
    "ece_by_chance": "of it by chance",
    "overconfidence": "confidence less accuracy",
}
"""Columns of the table of figures, by the name of the figure."""
_LEAST_CHANCE = 0.001


def figures(found: Mapping[str, Any], head: str) -> str:
    """Return every figure of ``head``, over all faces and by group, in percent with intervals."""
    rows = [
        [group, NOTHING if one is None else count(one["n"]), *(figure(one, name) for name in FIGURES)]
        for group, one in _groups(found, head)
    ]
    return table(["faces", "n", *FIGURES.values()], rows)


def recalls(found: Mapping[str, Any], head: str) -> str:
    """Return the recall of every class by group, in percent with its interval, and its number of faces."""
    classes = list(found["device"]["heads"][head]["recall"])
    rows = [
        [name, *(NOTHING if one is None else _recall(one, label) for label in classes)]
        for name, one in _groups(found, head)
    ]
    return table(["faces", *classes], rows)


def differences(found: Mapping[str, Any]) -> str:
    """Return the largest difference between groups, and how often chance alone reaches it."""
    heads = list(found["device"]["heads"])
    header = ["division", *(f"{head}, {what}" for head in heads for what in ("points", "by chance"))]
    rows = [
        [division["name"], *(cell for head in heads for cell in _difference(division["heads"][head]))]
        for division in found["groups"]["divisions"]
    ]
    return table(header, rows)


def measures(found: Mapping[str, Any]) -> list[str]:
    """Return the properties that divide the faces, a line each."""
    return [
        f"{division['name']}: {division['measure']}"
        + (f"; {count(division['without'])} faces without" if division["without"] else "")
        for division in found["groups"]["divisions"]
    ]


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield all tables as text."""
    yield f"{found['model']} on {found['split']}, as a device with default settings answers; percent, in brackets"
    yield "95 % intervals; wrong, unclear and refused are shares of all faces of the group"
    for head in found["device"]["heads"]:
        yield from ("", f"{head} head", "", figures(found, head), "", "Recall", "", recalls(found, head))
    yield from ("", "Largest difference between groups at the same mix of classes", "", differences(found), "")
    yield from (f"- {line}" for line in measures(found))
    yield from ("", "Not measured", "", *(f"- {line}" for line in found["groups"]["not_measured"]))


def chance(share: float) -> str:
    """Return how often chance reaches a difference, in percent."""
    return percent(share) if share >= _LEAST_CHANCE else f"< {percent(_LEAST_CHANCE)}"


def _groups(found: Mapping[str, Any], head: str) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    yield "**all**", found["device"]["heads"][head]
    for division in found["groups"]["divisions"]:
        for group in division["groups"]:
            yield f"{division['name']}: {_name(group)}", group["heads"][head]


def _name(group: Mapping[str, Any]) -> str:
    name, low, high = str(group["name"]), group["low"], group["high"]
    return name if low is None or name[0].isdigit() else f"{name}, {low:.0f} to {high:.0f}"


def figure(found: Mapping[str, Any] | None, name: str) -> str:
    """Return one figure of a group in percent, with its interval if it has one."""
    if found is None or found[name] is None:
        return NOTHING
    if name == "ece_by_chance":
        mean, _ = found[name]
        return f"{100 * mean:.1f}"
    return _interval(found[name], sign="+" if name == "overconfidence" else "")


def _recall(found: Mapping[str, Any], label: str) -> str:
    if found["recall"][label] is None:
        return NOTHING
    value, low, high = found["recall"][label]
    return f"{100 * value:.0f} [{100 * low:.0f}, {100 * high:.0f}] of {found['faces'][label]}"


def _interval(found: Sequence[float], sign: str = "") -> str:
    value, low, high = (format(100 * number, f"{sign}.1f") for number in found)
    return f"{value} [{low}, {high}]"


def _difference(found: Mapping[str, Any] | None) -> tuple[str, str]:
    if found is None:
        return NOTHING, NOTHING
    return f"{100 * found['difference']:.1f}", chance(found["by_chance"])
