"""Chart of the soak: the loop's rate, memory, descriptors, response times of the page."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from tests.soak.verdict import FLOOD

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.soak.watch import FloodSample, PageLoad

_BLUE, _RED, _GREEN = "#4477aa", "#ee6677", "#228833"


def draw(samples: Sequence[FloodSample], looks: Sequence[PageLoad], path: Path, *, title: str) -> None:
    """Write a PNG; the time of the floods is grey."""
    figure = Figure(figsize=(9, 9), dpi=110, layout="constrained")
    panels = figure.subplots(4, 1, sharex=True)
    _answers(panels[3], looks)
    seconds = [each.t_s for each in samples]
    during = [each.t_s for each in samples if each.phase == FLOOD]
    for panel, fill in zip(panels, (_rate, _memory, _counts), strict=False):
        fill(panel, seconds, samples)
    for panel in panels:
        if during:
            panel.axvspan(during[0], during[-1], color="#eeeeee", lw=0)
        panel.margins(x=0)
        panel.spines[["top", "right"]].set_visible(False)
        panel.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    panels[0].set_title(title, loc="left")
    panels[-1].set_xlabel("seconds (grey: all floods)")
    figure.savefig(path)


def _rate(panel: Any, seconds: list[float], samples: Sequence[FloodSample]) -> None:
    pairs = list(itertools.pairwise(samples))
    rates = [(now.frames - before.frames) / (now.t_s - before.t_s) for before, now in pairs]
    cores = [(now.cpu_s - before.cpu_s) / (now.t_s - before.t_s) for before, now in pairs]
    panel.plot(seconds[1:], rates, color=_BLUE, label="frames a second")
    panel.plot(seconds[1:], cores, color=_RED, lw=0.8, label="cores")
    panel.set(ylabel="loop", ylim=(0, None))


def _memory(panel: Any, seconds: list[float], samples: Sequence[FloodSample]) -> None:
    panel.plot(seconds, [each.anonymous_mb for each in samples], color=_BLUE, label="anonymous, MB")
    panel.plot(seconds, [each.log_kb for each in samples], color=_RED, label="log, kB")
    panel.set(ylabel="memory, log", ylim=(0, None))


def _counts(panel: Any, seconds: list[float], samples: Sequence[FloodSample]) -> None:
    panel.plot(seconds, [each.descriptors for each in samples], color=_BLUE, label="descriptors")
    panel.plot(seconds, [each.threads for each in samples], color=_RED, label="threads")
    panel.plot(seconds, [each.helpers for each in samples], color=_GREEN, label="helpers")
    panel.set(ylabel="at a time", ylim=(0, None))


def _answers(panel: Any, looks: Sequence[PageLoad]) -> None:
    for who, color in zip(sorted({each.who for each in looks}), (_RED, _BLUE), strict=False):
        known = [(each.t_s, each.took_ms) for each in looks if each.who == who and each.took_ms is not None]
        panel.plot([t_s for t_s, _ in known], [took for _, took in known], ".", color=color, ms=3, label=who)
    panel.set(ylabel="answers, ms", yscale="log")
