"""Chart of the figures by group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from converter import plots

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PANELS = {
    "same_mix": "accuracy at the same mix, %",
    "wrong": "wrong and not unclear, %",
    "overconfidence": "confidence less accuracy, points",
}


def draw(found: Mapping[str, Any], title: str) -> bytes:
    """Draw three figures with their intervals: a row of panels per figure, a column per division, a line per head."""
    divisions = found["groups"]["divisions"]
    figure, axes = plots.new_figure(3.2 * len(divisions), 3 * len(_PANELS), len(divisions), len(_PANELS))
    heads = list(found["device"]["heads"])
    for row, (name, words) in enumerate(_PANELS.items()):
        line = axes[row * len(divisions) : (row + 1) * len(divisions)]
        for panel in line[1:]:
            panel.sharey(line[0])
        for panel, division in zip(line, divisions, strict=True):
            for number, head in enumerate(heads):
                _line(panel, division["groups"], head, name, (found["device"]["heads"][head][name][0], f"C{number}"))
            names = [group["name"] for group in division["groups"]]
            panel.set_xticks(range(len(names)), names, rotation=30, ha="right", fontsize=8)
            plots.label_axes(panel, "", words if panel is line[0] else "", legend=False)
            if row == 0:
                panel.set_title(division["name"], fontsize=10)
    axes[0].legend(fontsize=8)
    figure.suptitle(f"{title}\n95 % intervals; dashed: all faces", fontsize=10)
    return plots.to_png(figure)


def _line(axes: Any, groups: Sequence[Mapping[str, Any]], head: str, name: str, whole: tuple[float, str]) -> None:
    level, colour = whole
    found = np.array([[np.nan] * 3 if group["heads"][head] is None else group["heads"][head][name] for group in groups])
    value, low, high = 100 * found.T
    axes.errorbar(range(len(groups)), value, (value - low, high - value), fmt="o-", capsize=3, color=colour, label=head)
    axes.axhline(100 * level, color=colour, linewidth=1, linestyle="--")
