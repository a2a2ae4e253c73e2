"""The soak in a picture: memory, descriptors and threads, what a frame takes, files, over the device's own hours."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from edge.drills.soak.verdict import WARM_UP, per_frame
from edge.errors import HardwareUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edge.drills.soak.sample import Sample

_BLUE, _RED, _GREEN, _YELLOW, _GREY = "#4477aa", "#ee6677", "#228833", "#ccbb44", "#bbbbbb"
"""Paul Tol's "bright" scheme, which people with colour vision deficiency can tell apart."""
_SIZE_INCHES = (9.0, 8.4)


def draw(samples: Sequence[Sample], path: Path) -> None:
    """A PNG or SVG file, by its suffix.

    Raises:
        HardwareUnavailable: matplotlib is not installed.
    """
    figure_class = needed()
    figure = figure_class(figsize=_SIZE_INCHES, dpi=120, layout="constrained")
    panels = figure.subplots(4, 1, sharex=True, height_ratios=(3, 2, 3, 2))
    minutes = [each.t_s / 60 for each in samples]
    for panel, fill in zip(panels, (_memory, _counts, _latency, _files), strict=True):
        panel.axvspan(0, WARM_UP * minutes[-1], color="#eeeeee", lw=0)
        for begin, end in _outages(samples):
            panel.axvspan(begin, end, color="#fdeedd", lw=0)
        fill(panel, minutes, samples)
        panel.set_ylim(0, panel.get_ylim()[1] * 1.05)
        panel.margins(x=0)
        panel.spines[["top", "right"]].set_visible(False)
        panel.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    panels[-1].set_xlabel("minutes (grey: warm-up; tinted: no broker)")
    figure.savefig(path)


def needed() -> Any:
    """What draws; asked for before an hour has gone by.

    Raises:
        HardwareUnavailable: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        msg = "the plot needs matplotlib: pip install 'face-edge[reports]', or leave --output away"
        raise HardwareUnavailable(msg) from None
    return Figure


def _memory(panel: Any, minutes: list[float], samples: Sequence[Sample]) -> None:
    panel.plot(minutes, [each.resident_mb for each in samples], color=_BLUE, label="resident")
    panel.plot(minutes, [each.anonymous_mb for each in samples], color=_RED, label="anonymous")
    panel.set_ylabel("memory, MB")


def _counts(panel: Any, minutes: list[float], samples: Sequence[Sample]) -> None:
    panel.plot(minutes, [each.descriptors for each in samples], color=_BLUE, lw=0.8, label="descriptors")
    panel.plot(minutes, [each.threads for each in samples], color=_RED, lw=0.8, label="threads")
    panel.set_ylabel("open at a time")


def _latency(panel: Any, minutes: list[float], samples: Sequence[Sample]) -> None:
    for percent, shade in ((99, _GREY), (95, _YELLOW), (50, _BLUE)):
        values = [_or_nan(getattr(each, f"latency_p{percent}_ms")) for each in samples]
        panel.plot(minutes, values, color=shade, lw=0.9, label=f"latency p{percent}")
    panel.plot(minutes, [_or_nan(each) for each in per_frame(samples)], color=_RED, lw=0.9, label="processor")
    panel.set_ylabel("a frame, ms")


def _files(panel: Any, minutes: list[float], samples: Sequence[Sample]) -> None:
    panel.plot(minutes, [each.sessions_mb for each in samples], color=_BLUE, label="sessions")
    panel.plot(minutes, [each.outbox_mb for each in samples], color=_RED, label="outbox")
    panel.set_ylabel("files, MB")


def _outages(samples: Sequence[Sample]) -> list[tuple[float, float]]:
    """Minutes from and to which the broker was away."""
    return [(before.t_s / 60, now.t_s / 60) for before, now in itertools.pairwise(samples) if not now.broker]


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
