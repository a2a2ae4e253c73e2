"""Comparison of several sessions on one self-contained page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge.core.errors import InputError
from edge.recording.media_timeline import FilmClock
from edge.reports import text
from edge.reports.charts import OVERLAY, SIZES, ChartPainter, colours_of
from edge.reports.highlights import markers_of, strongest
from edge.reports.page import markup, render
from edge.reports.report import codes, flags_of, local, tiles_of
from edge.reports.spans import LEAST_COVERAGE, time_use
from edge.reports.timeline import SessionTimeline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, tzinfo

    from edge.core.labels import LabelSet
    from edge.recording.values import RecordedEvent, Recording, SessionRecord
    from edge.reports.highlights import Moment
    from edge.reports.spans import TimeUse
    from edge.reports.timeline import Series

COMPARED_MAX = len(OVERLAY)
FEWEST_S = 30
"""A session with figures for fewer seconds, or for too small a part of its time with faces in view, is listed, but its
expressions are not compared."""
_WITHHELD = ("Valence, mean", "Attention, mean")


def comparison(
    recordings: Sequence[Recording],
    *,
    media_start_s: float | None = None,
    zone: tzinfo | None = None,
    made: datetime | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> str:
    """Render several sessions on one page; arguments as for :func:`edge.reports.report.report`.

    Raises:
        InputError: there are fewer than two, or more than :data:`COMPARED_MAX`.
        HardwareUnavailable: the extra ``reports`` is not installed.
    """
    if not 2 <= len(recordings) <= COMPARED_MAX:
        msg = f"expected 2 to {COMPARED_MAX} sessions to compare, got {len(recordings)}"
        raise InputError(msg)
    timelines = [SessionTimeline.of(recording) for recording in recordings]
    uses = [time_use(recording, timeline) for recording, timeline in zip(recordings, timelines, strict=True)]
    enough = [_enough(timeline, use) for timeline, use in zip(timelines, uses, strict=True)]
    clocks = [FilmClock.of(recording, media_start_s) for recording in recordings]
    names = _distinct([recording.record for recording in recordings], zone)
    painter = ChartPainter()
    moods = []
    whole = len(SIZES) * (len(recordings) + 1)
    for number, (recording, timeline, name) in enumerate(zip(recordings, timelines, names, strict=True)):
        markers = markers_of(recording.events)
        moments = strongest(timeline, markers)
        flags = flags_of([marker.at_s for marker in markers], moments)
        label = f"Stacked shares of the emotions over time: {name}."
        chart = ""
        for at, size in enumerate(SIZES if enough[number] else ()):
            chart += painter.mood(timeline, flags, label, clock=clocks[number], size=size)
            progress(len(SIZES) * number + at + 1, whole)
        moods.append({
            "name": name,
            "chart": markup(chart) if enough[number] else None,
            "moments": _moments_text(timeline.labels, moments, clocks[number]),
            "markers": _markers_text(markers, clocks[number]),
            "why": _why(recording, timeline, uses[number], clocks[number]),
        })  # fmt: skip
        progress(len(SIZES) * (number + 1), whole)
    with_figures = [number for number, comparable in enumerate(enough) if comparable]
    label = "Valence of each session over time; the table above has the means."
    shown = [timelines[number] if number in with_figures else None for number in range(len(timelines))]
    overlay = "".join(painter.overlay(shown, clocks, label, size=size) for size in SIZES) if with_figures else None
    windows = sorted({timeline.window_s for timeline in timelines})
    return render(
        "compare.html",
        painter,
        labels=dict.fromkeys(timeline.labels for timeline in timelines),
        made=made,
        title="Sessions compared",
        heading=f"{len(recordings)} sessions compared",
        meta=[],
        summary=_compared(timelines, uses, names, enough),
        columns=names,
        rows=_compared_rows(recordings, timelines, uses, clocks=clocks, enough=enough),
        caution="Rooms, light, audiences and their sizes differ: a difference between two sessions need not come from "
        f"what was shown. Expressions of a session with figures for fewer than {FEWEST_S} seconds, or for less than "
        f"{text.percent(LEAST_COVERAGE)} of the time with faces in view, are not compared.",
        overlay=markup(overlay) if overlay else None,
        lines=[{"name": names[number], "colour": OVERLAY[number]} for number in with_figures],
        film=any(clock.counts_film for clock in clocks),
        windows=f"{windows[0]} seconds" if len(windows) == 1 else f"{windows[0]} to {windows[-1]} seconds",
        moods=moods,
    )


def _enough(timeline: SessionTimeline, use: TimeUse) -> bool:
    return int((timeline.weight > 0).sum()) >= FEWEST_S and use.sums_up


def _why(recording: Recording, timeline: SessionTimeline, use: TimeUse, clock: FilmClock) -> str:
    if timeline.has_figures and use.sums_up:
        return f"Fewer than {FEWEST_S} seconds have figures: too few to compare."
    return text.summary(recording.record, timeline, use, [], clock)


def _moments_text(labels: LabelSet, moments: Sequence[Moment], clock: FilmClock) -> list[tuple[str, str]]:
    """Return letter and text of each strong moment in the chart."""
    times = codes([moment.at_s for moment in moments], clock)
    letters = [flag.text for flag in flags_of([], moments)]
    return [
        (letter, f"{time} {labels.label(moment.emotion).word} {text.percent(moment.share)}")
        for letter, time, moment in zip(letters, times, moments, strict=True)
    ]


def _markers_text(markers: Sequence[RecordedEvent], clock: FilmClock) -> list[tuple[str, str]]:
    """Return number and text of each marker in the chart."""
    times = codes([marker.at_s for marker in markers], clock)
    return [
        (str(number + 1), f"{time} {marker.label or ''}".rstrip())
        for number, (time, marker) in enumerate(zip(times, markers, strict=True))
    ]


def _share(timeline: SessionTimeline, name: str) -> Series:
    """Return the share over time, shape (seconds,); NaN for a class that the session's model does not have."""
    return timeline.share(name) if name in timeline.labels else np.full(timeline.length, np.nan)


def _distinct(records: Sequence[SessionRecord], zone: tzinfo | None) -> list[str]:
    names = [record.name for record in records]
    if len(set(names)) == len(names):
        return names
    names = [f"{record.name} ({local(record.start, zone):%d %b %H:%M})" for record in records]
    again = [names[:number].count(name) for number, name in enumerate(names)]
    return [f"{name}, {number + 1}" if number else name for name, number in zip(names, again, strict=True)]


def _k_text(record: SessionRecord) -> str:
    return f"{text.faces(record.k)} on{', agreed' if record.agreed else ''}"


def _compared(
    timelines: Sequence[SessionTimeline], uses: Sequence[TimeUse], names: Sequence[str], enough: Sequence[bool]
) -> str:
    parts = {name: text.percent(use.part) for name, use in zip(names, uses, strict=True)}
    valences = {
        name: timeline.mean(timeline.valence) if comparable else None
        for name, timeline, comparable in zip(names, timelines, enough, strict=True)
    }
    known = {name: value for name, value in valences.items() if value is not None}
    if len(known) < 2:
        return "Fewer than two of these sessions have figures about expression, so there is little to compare."
    top, low = max(known, key=known.__getitem__), min(known, key=known.__getitem__)
    if known[top] - known[low] < 0.05:
        over = ", ".join(f"{parts[name]} of “{name}”" for name in known)
        return f"Mean valence is about the same; figures come from {over}."
    return (
        f"Expressions were most pleasant in “{top}” (mean valence {text.signed(known[top])} over {parts[top]} of the "
        f"session) and least in “{low}” ({text.signed(known[low])} over {parts[low]})."
    )


def _compared_rows(
    recordings: Sequence[Recording],
    timelines: Sequence[SessionTimeline],
    uses: Sequence[TimeUse],
    *,
    clocks: Sequence[FilmClock],
    enough: Sequence[bool],
) -> list[tuple[str, list[str]]]:
    rows: list[tuple[str, list[str]]] = []
    tiles = [tiles_of(timeline, use) for timeline, use in zip(timelines, uses, strict=True)]

    def figures(series: Callable[[SessionTimeline], Series]) -> list[str]:
        return [
            text.percent(timeline.mean(series(timeline)) if comparable else None)
            for timeline, comparable in zip(timelines, enough, strict=True)
        ]

    for index, (name, _) in enumerate(tiles[0]):
        hidden = name in _WITHHELD
        values = [
            tile[index][1] if comparable or not hidden else text.DASH
            for tile, comparable in zip(tiles, enough, strict=True)
        ]
        rows.append((name, values))
    titles = {name: timeline.labels.label(name).title for timeline in timelines for name in colours_of(timeline.labels)}
    rows += [
        (title, figures(lambda timeline, name=name: _share(timeline, name)))  # type: ignore[misc]
        for name, title in titles.items()
    ]
    rows.append(("Unclear", figures(lambda timeline: timeline.uncertain)))
    withheld = [
        text.percent(use.suppressed_s / max(timeline.lasted_s, 1e-9))
        for use, timeline in zip(uses, timelines, strict=True)
    ]
    rows.append(("Time withheld", withheld))
    rows.append(("Figures from", [_k_text(recording.record) for recording in recordings]))
    moments = [
        max(strongest(timeline), key=lambda moment: moment.rise, default=None) if comparable else None
        for timeline, comparable in zip(timelines, enough, strict=True)
    ]
    moment_texts = [
        text.DASH
        if moment is None
        else f"{timeline.labels.label(moment.emotion).word} {text.percent(moment.share)} at {clock.code(moment.at_s)}"
        for timeline, moment, clock in zip(timelines, moments, clocks, strict=True)
    ]
    rows.append(("Strongest moment", moment_texts))
    models = [str((recording.record.about or {}).get("model", text.DASH)) for recording in recordings]
    rows.append(("Model", models))
    return rows
