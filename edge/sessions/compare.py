"""Several sessions side by side on one self-contained page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.errors import InputError
from edge.sessions import words
from edge.sessions.charts import COLOURS, OVERLAY, SIZES, Painter
from edge.sessions.film import FilmClock
from edge.sessions.moments import markers_of, strongest
from edge.sessions.page import markup, render
from edge.sessions.report import flags_of, local, tiles_of
from edge.sessions.spans import time_use
from edge.sessions.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, tzinfo

    from edge.sessions.timeline import Series
    from edge.sessions.values import Recording, SessionRecord

COMPARED_MAX = len(OVERLAY)
FEWEST_S = 30
"""A session with figures for fewer seconds is listed, but its expressions are not compared."""
_WITHHELD = ("Valence, mean", "Attention, mean")


def comparison(
    recordings: Sequence[Recording],
    *,
    media_start_s: float | None = None,
    zone: tzinfo | None = None,
    made: datetime | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> str:
    """Several sessions on one page; arguments as for :func:`edge.sessions.report.report`.

    Raises:
        InputError: there are fewer than two, or more than :data:`COMPARED_MAX`.
        HardwareUnavailable: the extra ``reports`` is not installed.
    """
    if not 2 <= len(recordings) <= COMPARED_MAX:
        msg = f"expected 2 to {COMPARED_MAX} sessions to compare, got {len(recordings)}"
        raise InputError(msg)
    timelines = [Timeline.of(recording) for recording in recordings]
    clocks = [FilmClock.of(recording, media_start_s) for recording in recordings]
    names = _distinct([recording.record for recording in recordings], zone)
    painter = Painter()
    moods = []
    for number, (recording, timeline, name) in enumerate(zip(recordings, timelines, names, strict=True)):
        markers = markers_of(recording.happenings)
        flags = flags_of([marker.at_s for marker in markers], strongest(timeline, markers))
        label = f"Stacked shares of the emotions over time: {name}."
        drawn = SIZES if _enough(timeline) else ()
        chart = "".join(painter.mood(timeline, flags, label, clock=clocks[number], size=size) for size in drawn)
        moods.append({
            "name": name,
            "chart": markup(chart) if _enough(timeline) else None,
            "why": _why(recording, timeline, clocks[number]),
        })  # fmt: skip
        progress(number + 1, len(recordings) + 1)
    with_figures = [number for number, timeline in enumerate(timelines) if _enough(timeline)]
    label = "Valence of each session over time; the table above has the means."
    shown = [timelines[number] if number in with_figures else None for number in range(len(timelines))]
    overlay = "".join(painter.overlay(shown, clocks, label, size=size) for size in SIZES) if with_figures else None
    windows = sorted({timeline.window_s for timeline in timelines})
    return render(
        "compare.html",
        painter,
        made=made,
        title="Sessions compared",
        heading=f"{len(recordings)} sessions compared",
        meta=[],
        summary=_compared(timelines, names),
        columns=names,
        rows=_compared_rows(recordings, timelines, clocks),
        caution="Rooms, light, audiences and their sizes differ: a difference between two sessions need not come from "
        f"what was shown. Expressions of a session with figures for fewer than {FEWEST_S} seconds are not compared.",
        overlay=markup(overlay) if overlay else None,
        lines=[{"name": names[number], "colour": OVERLAY[number]} for number in with_figures],
        film=any(clock.counts_film for clock in clocks),
        windows=f"{windows[0]} seconds" if len(windows) == 1 else f"{windows[0]} to {windows[-1]} seconds",
        moods=moods,
    )


def _enough(timeline: Timeline) -> bool:
    return int((timeline.weight > 0).sum()) >= FEWEST_S


def _why(recording: Recording, timeline: Timeline, clock: FilmClock) -> str:
    if timeline.has_figures:
        return f"Fewer than {FEWEST_S} seconds have figures: too few to compare."
    return words.summary(recording.record, timeline, time_use(recording, timeline), [], clock)


def _distinct(records: Sequence[SessionRecord], zone: tzinfo | None) -> list[str]:
    names = [record.name for record in records]
    if len(set(names)) == len(names):
        return names
    return [f"{record.name} ({local(record.start, zone):%d %b %H:%M})" for record in records]


def _compared(timelines: Sequence[Timeline], names: Sequence[str]) -> str:
    valences = {
        name: timeline.mean(timeline.valence) if _enough(timeline) else None
        for name, timeline in zip(names, timelines, strict=True)
    }
    known = {name: value for name, value in valences.items() if value is not None}
    if len(known) < 2:
        return "Fewer than two of these sessions have figures about expression, so there is little to compare."
    top, low = max(known, key=known.__getitem__), min(known, key=known.__getitem__)
    if known[top] - known[low] < 0.05:
        return "Mean valence is about the same in all of these sessions."
    return (
        f"Expressions were most pleasant in “{top}” (mean valence {words.signed(known[top])}) and least in “{low}” "
        f"({words.signed(known[low])})."
    )


def _compared_rows(
    recordings: Sequence[Recording], timelines: Sequence[Timeline], clocks: Sequence[FilmClock]
) -> list[tuple[str, list[str]]]:
    rows: list[tuple[str, list[str]]] = []
    tiles = [tiles_of(timeline) for timeline in timelines]
    enough = [_enough(timeline) for timeline in timelines]

    def figures(series: Callable[[Timeline], Series]) -> list[str]:
        return [
            words.percent(timeline.mean(series(timeline)) if told else None)
            for timeline, told in zip(timelines, enough, strict=True)
        ]

    for index, (name, _) in enumerate(tiles[0]):
        hidden = name in _WITHHELD
        values = [
            tile[index][1] if told or not hidden else words.DASH for tile, told in zip(tiles, enough, strict=True)
        ]
        rows.append((name, values))
    rows += [
        (words.ADJECTIVES[emotion].capitalize(), figures(lambda timeline, emotion=emotion: timeline.share(emotion)))  # type: ignore[misc]
        for emotion in COLOURS
    ]
    rows.append(("Unclear", figures(lambda timeline: timeline.uncertain)))
    uses = [time_use(recording, timeline) for recording, timeline in zip(recordings, timelines, strict=True)]
    withheld = [
        words.percent(use.suppressed_s / max(timeline.lasted_s, 1e-9))
        for use, timeline in zip(uses, timelines, strict=True)
    ]
    rows.append(("Time withheld", withheld))
    rows.append(("Figures from", [f"{recording.record.k} faces on" for recording in recordings]))
    moments = [
        max(strongest(timeline), key=lambda moment: moment.rise, default=None) if told else None
        for timeline, told in zip(timelines, enough, strict=True)
    ]
    said = [
        words.DASH
        if moment is None
        else f"{words.ADJECTIVES[moment.emotion]} {words.percent(moment.share)} at {clock.code(moment.at_s)}"
        for moment, clock in zip(moments, clocks, strict=True)
    ]
    rows.append(("Strongest moment", said))
    models = [str((recording.record.about or {}).get("model", words.DASH)) for recording in recordings]
    rows.append(("Model", models))
    return rows
