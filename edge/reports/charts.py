"""Charts of the report, drawn by Matplotlib as SVG: no script, text stays text, sharp in print."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.core.errors import HardwareUnavailable
from edge.core.types import SEVEN, Emotion
from edge.recording.timecode import timecode
from edge.reports.flags import labels
from edge.reports.spans import runs
from edge.reports.svg import Styles, inline
from edge.reports.timeline import weighted_mean
from edge.system.installation import adding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edge.core.labels import LabelSet
    from edge.recording.media_timeline import FilmClock
    from edge.reports.flags import Flag
    from edge.reports.timeline import Series, SessionTimeline

_DRAWING = threading.Lock()
"""Matplotlib's settings are global to the process."""
COLOURS: dict[str, str] = {
    Emotion.HAPPY: "#f2b134",
    Emotion.SURPRISE: "#ee7f4b",
    Emotion.NEUTRAL: "#c3cad3",
    Emotion.SAD: "#4f83b5",
    Emotion.FEAR: "#8768b3",
    Emotion.DISGUST: "#5d9b6a",
    Emotion.ANGRY: "#c9424f",
}
"""Colours in stacking order: pleasant emotions at the bottom, unpleasant ones at the top."""
UNCERTAIN = "#e9ecf0"


def colours_of(labels: LabelSet) -> dict[str, str]:
    """Return the colours by class, in stacking order."""
    if labels == SEVEN:
        return COLOURS
    return {label.name: label.colour for label in sorted(labels.labels, key=lambda label: -label.valence)}


def stacked(labels: LabelSet) -> list[tuple[str | None, str]]:
    """Return classes and colours in stacking order; ``None`` stands for uncertain, above the pleasant classes."""
    layers: list[tuple[str | None, str]] = list(colours_of(labels).items())
    layers.insert(sum(label.valence >= 0 for label in labels.labels), (None, UNCERTAIN))
    return layers


INK, FAINT, ACCENT, SECOND = "#1d2733", "#8a94a1", "#1f5fa8", "#2f7d63"
OVERLAY = ("#1f5fa8", "#c2541d", "#2f7d63", "#8a3f8f", "#a88200", "#3c3c3c", "#c9424f", "#4b9fb8")
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
_SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "face-edge",
    "font.size": 9.0,
    "hatch.linewidth": 0.6,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


@dataclass(frozen=True, slots=True)
class Size:
    """Size of a chart for one screen width: inches, points of a line at most, ticks of the time axis at most."""

    name: str
    width: float
    points: int
    ticks: int


WIDE = Size("wide", 9.0, 400, 10)
NARROW = Size("narrow", 3.7, 180, 4)
SIZES = (WIDE, NARROW)
_LEFT_IN, _RIGHT_IN = 0.52, 0.18
_MARGINS_IN = _LEFT_IN + _RIGHT_IN
"""Width of a figure outside its axes; inches."""


class ChartPainter:
    """ChartPainter of the charts of one page; the page's head must include ``styles``."""

    def __init__(self) -> None:
        _matplotlib()
        self.styles = Styles()
        self._drawn = 0

    def mood(
        self, timeline: SessionTimeline, flags: Sequence[Flag], label: str, *, clock: FilmClock, size: Size
    ) -> str:
        """Draw the stacked shares of the emotions over time."""
        figure, [axes] = _figure(size, (2.9,))
        at = _sample(timeline.length, size.points, flags)
        uncertain = timeline.smooth(timeline.uncertain)
        layers = {emotion: timeline.smooth(timeline.share(emotion)) for emotion in colours_of(timeline.labels)}
        total = sum(layers.values()) + uncertain
        base = np.zeros(len(at))
        for emotion, colour in stacked(timeline.labels):
            layer = uncertain if emotion is None else layers[emotion]
            top = base + (layer / total)[at]
            _fill(axes, at, timeline.length, (base, top), colour)
            base = top
        _gaps(axes, timeline, 0, 1)
        axes.set_ylim(0, 1)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
        _time_axis(axes, timeline.length, clock, size)
        self._flags(axes, flags, timeline.length, size)
        return self._svg(figure, label, size)

    def course(
        self, timeline: SessionTimeline, flags: Sequence[Flag], label: str, *, clock: FilmClock, size: Size
    ) -> str:
        """Draw valence, attention and people over time; markers are numbered here if there is no other chart."""
        figure, rows = _figure(size, (1.3, 1.0, 1.0))
        valence, attention, people = rows
        at = _sample(timeline.length, size.points, flags)
        smooth = timeline.smooth(timeline.valence)
        valence.axhline(0, color=FAINT, linewidth=0.7)
        _line(valence, at + 0.5, smooth[at], ACCENT)
        reach = max(0.5, np.ceil(np.nanmax(np.abs(smooth), initial=0.0) * 4) / 4)
        _valence_axis(valence, reach)
        _line(attention, at + 0.5, timeline.smooth(timeline.attention)[at], SECOND)
        attention.set_ylim(0, 1.04)
        attention.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
        most = max(1.0, float(np.nanmax(timeline.people, initial=0.0)))
        _people(people, timeline, at)
        people.set_ylim(0, most * 1.12)
        people.locator_params(axis="y", integer=True, nbins=4)
        for axes, title in zip(rows, ("Valence", "Attention", "Faces in view"), strict=True):
            axes.set_title(title, loc="left", fontsize=9, fontweight="bold", color=INK, pad=4)
            low, high = axes.get_ylim()
            if axes is not people:
                _gaps(axes, timeline, low, high)
            _time_axis(axes, timeline.length, clock, size, labelled=axes is people)
            for flag in flags:
                if not flag.strong:
                    axes.axvline(flag.at_s, color=INK, linewidth=0.6, linestyle=(0, (2, 2)))
        if not timeline.has_figures:
            self._row(valence, [flag for flag in flags if not flag.strong], timeline.length, size, y=1.27)
        return self._svg(figure, label, size)

    def overlay(
        self, timelines: Sequence[SessionTimeline | None], clocks: Sequence[FilmClock], label: str, *, size: Size
    ) -> str:
        """Draw the valence of several sessions, each over its own clock; ``None`` for one that is not drawn."""
        figure, [axes] = _figure(size, (2.6,))
        axes.axhline(0, color=FAINT, linewidth=0.7)
        reach, first, last = 0.25, 0.0, 1.0
        for number, (timeline, clock) in enumerate(zip(timelines, clocks, strict=True)):
            if timeline is None:
                continue
            smooth = timeline.smooth(timeline.valence)
            reach = max(reach, float(np.nanmax(np.abs(smooth), initial=0.0)))
            at = _sample(timeline.length, size.points)
            x = np.array([np.nan if (shown := clock.shows_s(second + 0.5)) is None else shown for second in at])
            backwards = np.concatenate([[False], np.diff(x) < 0])  # wound back: the line begins again
            _line(axes, x, np.where(backwards, np.nan, smooth[at]), OVERLAY[number % len(OVERLAY)])
            first, last = min(first, np.nanmin(x, initial=0.0)), max(last, np.nanmax(x, initial=0.0))
        _valence_axis(axes, float(np.ceil(reach * 4) / 4))
        step = _step(last - first, size)
        ticks = np.arange(np.ceil(first / step) * step, last + 1e-9, step)
        _plain_axis(axes, (first, last), [(tick, timecode(tick)) for tick in ticks])
        return self._svg(figure, label, size)

    def _flags(self, axes: Any, flags: Sequence[Flag], length: int, size: Size) -> None:
        """Draw the numbers of markers in a row above the letters of strong moments."""
        self._row(axes, [flag for flag in flags if flag.strong], length, size, y=1.06)
        self._row(axes, [flag for flag in flags if not flag.strong], length, size, y=1.15)

    def _row(self, axes: Any, flags: Sequence[Flag], length: int, size: Size, *, y: float) -> None:
        """Draw labels of one kind at the height ``y`` of the axes, each connected to its seconds."""
        for label in labels(flags, max(length, 1), size.width - _MARGINS_IN):
            strong = label.strong
            for at_s in label.at_s:
                if not strong:
                    axes.axvline(at_s, color=INK, linewidth=0.8, linestyle=(0, (2, 2)))
                axes.plot(
                    [at_s, at_s, label.x_s], [1, 1.005, y], transform=axes.get_xaxis_transform(), clip_on=False,
                    color=INK, linewidth=0.6,
                )  # fmt: skip
            frame = {"boxstyle": "round,pad=0.22", "linewidth": 0.7, "edgecolor": INK}
            frame["facecolor"] = INK if strong else "#ffffff"
            axes.text(
                label.x_s, y, label.text, transform=axes.get_xaxis_transform(), ha="center", va="center",
                fontsize=7.5, color="#ffffff" if strong else INK, bbox=frame,
            )  # fmt: skip

    def _svg(self, figure: Any, label: str, size: Size) -> str:
        import matplotlib as mpl

        self._drawn += 1
        stream = io.StringIO()
        with _DRAWING, mpl.rc_context(_SETTINGS):
            figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
        prefix = f"s{self._drawn}-"
        return inline(stream.getvalue(), prefix=prefix, label=label, styles=self.styles, css_class=f"chart {size.name}")


def _matplotlib() -> None:
    """Check that Matplotlib is installed.

    Raises:
        HardwareUnavailable: Matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError:
        msg = f"reports need Matplotlib and Jinja2: {adding('reports')}"
        raise HardwareUnavailable(msg) from None
    del mpl


def _figure(size: Size, heights: Sequence[float]) -> tuple[Any, list[Any]]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with _DRAWING, mpl.rc_context(_SETTINGS):
        top, bottom, between = 0.42, 0.3, 0.3
        height = sum(heights) + top + bottom + between * (len(heights) - 1)
        figure = Figure(figsize=(size.width, height))
        left, right = _LEFT_IN / size.width, 1 - _RIGHT_IN / size.width
        grid = figure.add_gridspec(
            len(heights), 1, height_ratios=heights, left=left, right=right, top=1 - top / height,
            bottom=bottom / height, hspace=between * len(heights) / sum(heights),
        )  # fmt: skip
        return figure, [figure.add_subplot(grid[row, 0]) for row in range(len(heights))]


def _sample(length: int, points: int, flags: Sequence[Flag] = ()) -> NDArray[np.int64]:
    """Return the seconds to draw: every n-th, about ``points`` of them, and those of strong moments; shape (n,)."""
    regular = np.arange(0, length, max(1, -(-length // points)), dtype=np.int64)
    moments = [int(flag.at_s) for flag in flags if flag.strong and flag.at_s < length]
    return np.union1d(regular, np.array(moments, dtype=np.int64))


def _steps(at: NDArray[np.int64], length: int, values: Series) -> tuple[Series, Series]:
    """Return x and y of a step line through ``values`` (n,), so that gaps keep their exact ends; shape (2n,) each."""
    edges = np.append(at, length).astype(float)
    return np.repeat(edges, 2)[1:-1], np.repeat(values, 2)


def _fill(axes: Any, at: NDArray[np.int64], length: int, heights: tuple[Series, Series], colour: str) -> None:
    x, low = _steps(at, length, heights[0])
    _, high = _steps(at, length, heights[1])
    known = np.isfinite(high)
    if known.any():
        # an edge in its own colour closes the hairline between neighbours
        axes.fill_between(x, low, high, where=known, color=colour, linewidth=0.25, edgecolor=colour)


def _time_axis(axes: Any, length: int, clock: FilmClock, size: Size, *, labelled: bool = True) -> None:
    """Set up the time axis in the session's seconds, labelled with the film's time codes."""
    ticks = clock.ticks(length, _step(length, size), apart_s=0.5 * length / size.ticks)
    _plain_axis(axes, (0, max(length, 1)), [(at_s, code if labelled else "") for at_s, code in ticks])


def _plain_axis(axes: Any, limits: tuple[float, float], ticks: Sequence[tuple[float, str]]) -> None:
    axes.set_xlim(*limits)
    axes.set_xticks([at_s for at_s, _ in ticks], [code for _, code in ticks])
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=3, width=0.7)


def _valence_axis(axes: Any, reach: float) -> None:
    axes.set_ylim(-reach, reach)
    axes.set_yticks([-reach, 0, reach], [f"\N{MINUS SIGN}{reach:g}", "0", f"+{reach:g}"])


def _step(span_s: float, size: Size) -> int:
    """Return the seconds between ticks."""
    return next((step for step in _STEPS if span_s / step <= size.ticks), _STEPS[-1])


def _line(axes: Any, x: NDArray[np.floating[Any]], drawn: Series, colour: str) -> None:
    axes.plot(x, drawn, color=colour, linewidth=1.4, solid_joinstyle="round")
    known = np.concatenate([[False], np.isfinite(drawn), [False]])
    alone = known[1:-1] & ~known[:-2] & ~known[2:]  # a line of one point would not be seen
    if alone.any():
        axes.plot(x[alone], drawn[alone], ".", color=colour, markersize=4)


def _people(axes: Any, timeline: SessionTimeline, at: NDArray[np.int64]) -> None:
    """Draw the number of faces, also in withheld seconds; each step is the mean of the seconds it covers."""
    edges = [*map(int, at), timeline.length]
    steps = [slice(first, end) for first, end in pairwise(edges)]
    means = [weighted_mean(timeline.people[step], timeline.observed[step]) for step in steps]
    heights = np.array([np.nan if mean is None else mean for mean in means])
    _fill(axes, at, timeline.length, (np.zeros(len(at)), heights), "#b9c6d6")


def _gaps(axes: Any, timeline: SessionTimeline, low: float, high: float) -> None:
    """Hatch the seconds with withheld figures; unobserved seconds stay white."""
    for start, end in runs(timeline.suppressed):
        axes.fill_between(
            [start, end], low, high, facecolor="#f4f5f7", edgecolor="#aab3bf", hatch="////", linewidth=0, zorder=0
        )
