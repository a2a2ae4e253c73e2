"""Layout of the labels above a chart, so that they do not overlap (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_FRAME_IN, _LETTER_IN = 0.14, 0.065
"""Width of a label's frame and of each letter; inches."""
_SAME_IN = 0.05
"""Markers closer than this on the axis share a label; inches."""


@dataclass(frozen=True, slots=True)
class Flag:
    """Flag above a chart: a marker's number or a moment's letter."""

    at_s: float
    text: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class FlagLabel:
    """Label centred at ``x_s`` that points at the seconds ``at_s``."""

    x_s: float
    text: str
    at_s: tuple[float, ...]
    strong: bool = False


def labels(flags: Sequence[Flag], length_s: float, width_in: float) -> list[FlagLabel]:
    """Return the labels of ``flags`` above an axis of ``length_s`` seconds that is ``width_in`` inches wide.

    Overlapping labels are moved apart. Markers that are very close to each other, or for which there is no room, share
    a label such as ``3-5``.
    """
    second_in = width_in / max(length_s, 1e-9)
    groups: list[list[Flag]] = []
    for flag in sorted(flags, key=lambda flag: flag.at_s):
        if groups and not flag.strong and (flag.at_s - groups[-1][0].at_s) * second_in < _SAME_IN:
            groups[-1].append(flag)
        else:
            groups.append([flag])
    while len(groups) > 1 and sum(map(_width_in, groups)) > width_in:
        gaps = [later[0].at_s - former[-1].at_s for former, later in pairwise(groups)]
        nearest = gaps.index(min(gaps))
        groups[nearest : nearest + 2] = [groups[nearest] + groups[nearest + 1]]
    centres = [(group[0].at_s + group[-1].at_s) / 2 * second_in for group in groups]
    places = _apart(centres, [_width_in(group) for group in groups], width_in)
    return [
        FlagLabel(place / second_in, _text(group), tuple(flag.at_s for flag in group), group[0].strong)
        for place, group in zip(places, groups, strict=True)
    ]


def _text(group: Sequence[Flag]) -> str:
    return group[0].text if len(group) == 1 else f"{group[0].text}\N{EN DASH}{group[-1].text}"


def _width_in(group: Sequence[Flag]) -> float:
    return _FRAME_IN + _LETTER_IN * len(_text(group))


def _apart(centres: Sequence[float], widths: Sequence[float], whole: float) -> list[float]:
    """Return ``centres`` moved right where left neighbours need room, then left where the end requires it."""
    places = list(centres)
    least = 0.0
    for index, width in enumerate(widths):
        places[index] = max(places[index], least + width / 2)
        least = places[index] + width / 2
    most = max(whole, sum(widths))
    for index in range(len(places) - 1, -1, -1):
        places[index] = min(places[index], most - widths[index] / 2)
        most = places[index] - widths[index] / 2
    return places
