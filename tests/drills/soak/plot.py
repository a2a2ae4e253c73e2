"""Chart of a soak: memory, descriptors and threads, frame times, files."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from edge.core.errors import HardwareUnavailable
from edge.system.installation import adding
from tests.drills.soak.verdict import WARM_UP, per_frame

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.drills.soak.sample import SoakSample

_BLUE, _RED, _GREEN, _YELLOW, _GREY = "#4477aa", "#ee6677", "#228833", "#ccbb44", "#bbbbbb"
"""Paul Tol's "bright" scheme, which is distinguishable with colour vision deficiency."""
_NEAR_MB = 6.0
_SIZE_INCHES = (9.0, 9.6)


def draw(samples: Sequence[SoakSample], path: Path) -> None:
    """Write a PNG or SVG file, by its suffix.

    Raises:
        HardwareUnavailable: matplotlib is not installed.
    """
    figure_class = needed()
    figure = figure_class(figsize=_SIZE_INCHES, dpi=120, layout="constrained")
    panels = figure.subplots(5, 1, sharex=True, height_ratios=(3, 2, 2, 4, 2))
    minutes = [each.t_s / 60 for each in samples]
    for panel, fill in zip(panels, (_memory, _change, _counts, _frames, _files), strict=True):
        panel.axvspan(0, WARM_UP * minutes[-1], color="#eeeeee", lw=0)
        fill(panel, minutes, samples)
        panel.margins(x=0)
        panel.spines[["top", "right"]].set_visible(False)
        panel.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    panels[0].set_title(f"{samples[-1].frames:,} frames in {minutes[-1]:.0f} minutes", loc="left")
    panels[-1].set_xlabel("minutes (grey: the warm-up)")
    figure.savefig(path)


def needed() -> Any:
    """Import the plotting library; called before the soak starts.

    Raises:
        HardwareUnavailable: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        msg = f"the plot needs matplotlib: {adding('reports')}, or leave --output away"
        raise HardwareUnavailable(msg) from None
    return Figure


def _memory(panel: Any, minutes: list[float], samples: Sequence[SoakSample]) -> None:
    panel.plot(minutes, [each.resident_mb for each in samples], color=_BLUE, label="resident")
    panel.plot(minutes, [each.anonymous_mb for each in samples], color=_RED, label="anonymous")
    panel.set(ylabel="memory, MB", ylim=(0, None))


def _change(panel: Any, minutes: list[float], samples: Sequence[SoakSample]) -> None:
    """Plot the change of memory in detail, to make a leak visible."""
    usual = statistics.median(each.anonymous_mb for each in samples[int(len(samples) * WARM_UP) :])
    panel.axhline(0, color=_GREY, lw=0.8)
    panel.plot(minutes, [each.anonymous_mb - usual for each in samples], color=_RED, lw=0.9, label="anonymous")
    panel.set(ylabel="from its\nmedian, MB", ylim=(-_NEAR_MB, _NEAR_MB))


def _counts(panel: Any, minutes: list[float], samples: Sequence[SoakSample]) -> None:
    panel.plot(minutes, [each.descriptors for each in samples], color=_BLUE, lw=0.8, label="descriptors")
    panel.plot(minutes, [each.threads for each in samples], color=_RED, lw=0.8, label="threads")
    panel.set(ylabel="at a time", ylim=(0, None))


def _frames(panel: Any, minutes: list[float], samples: Sequence[SoakSample]) -> None:
    minutes, samples = minutes[1:], samples[1:]  # the first sample was taken at the first frame
    for percent, shade in ((99, _GREY), (95, _YELLOW), (50, _BLUE)):
        values = [_or_nan(getattr(each, f"latency_p{percent}_ms")) for each in samples]
        panel.plot(minutes, values, color=shade, lw=0.9, label=f"latency p{percent}")
    panel.plot(minutes, [_or_nan(each) for each in per_frame(samples)], color=_RED, lw=0.9, label="processor, mean")
    panel.plot(
        minutes, [_or_nan(each.work_p95_ms) for each in samples], color=_GREEN, lw=0.9, label="processor, loop p95"
    )
    paces = [_or_nan(each.pace_mean_ms) for each in samples]
    panel.plot(minutes, paces, color=_GREY, lw=0.9, ls=":", label="a young loop's")
    panel.set(ylabel="a frame, ms", yscale="log")
    panel.yaxis.set_major_formatter("{x:g}")
    panel.grid(axis="y", color="#dddddd", lw=0.6)


def _files(panel: Any, minutes: list[float], samples: Sequence[SoakSample]) -> None:
    panel.plot(minutes, [each.sessions_mb for each in samples], color=_BLUE, label="sessions")
    panel.plot(minutes, [each.outbox_mb for each in samples], color=_RED, label="outbox")
    panel.set(ylabel="files, MB", ylim=(0, None))


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
