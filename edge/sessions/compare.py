"""Several sessions side by side on one self-contained page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.errors import InputError
from edge.sessions import words
from edge.sessions.charts import COLOURS, OVERLAY, SIZES, Painter
from edge.sessions.moments import markers_of, strongest
from edge.sessions.page import markup, render
from edge.sessions.report import flags_of, local, tiles_of
from edge.sessions.spans import time_use
from edge.sessions.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, tzinfo

    from edge.sessions.values import Recording, SessionRecord

COMPARED_MAX = len(OVERLAY)


def comparison(
    recordings: Sequence[Recording],
    *,
    media_start_s: float = 0.0,
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
    names = _distinct([recording.record for recording in recordings], zone)
    painter = Painter(shift_s=media_start_s)
    moods = []
    for number, (recording, timeline, name) in enumerate(zip(recordings, timelines, names, strict=True)):
        markers = markers_of(recording.happenings)
        flags = flags_of([marker.at_s for marker in markers], strongest(timeline, markers))
        label = f"Stacked shares of the emotions over time: {name}."
        chart = "".join(painter.mood(timeline, flags, label, size=size) for size in SIZES)
        moods.append({
            "name": name,
            "chart": markup(chart) if timeline.has_figures else None,
            "why": words.summary(recording.record, timeline, time_use(recording, timeline), [], 0),
        })  # fmt: skip
        progress(number + 1, len(recordings) + 1)
    with_figures = [number for number, timeline in enumerate(timelines) if timeline.has_figures]
    label = "Valence of each session over time; the table above has the means."
    overlay = "".join(painter.overlay(timelines, label, size=size) for size in SIZES) if with_figures else None
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
        rows=_compared_rows(recordings, timelines, media_start_s),
        caution="Rooms, light, audiences and their sizes differ: a difference between two sessions need not come from "
        "what was shown.",
        overlay=markup(overlay) if overlay else None,
        lines=[{"name": names[number], "colour": OVERLAY[number]} for number in with_figures],
        film=any(recording.record.media_name for recording in recordings),
        windows=f"{windows[0]} seconds" if len(windows) == 1 else f"{windows[0]} to {windows[-1]} seconds",
        moods=moods,
    )


def _distinct(records: Sequence[SessionRecord], zone: tzinfo | None) -> list[str]:
    names = [record.name for record in records]
    if len(set(names)) == len(names):
        return names
    return [f"{record.name} ({local(record.start, zone):%d %b %H:%M})" for record in records]


def _compared(timelines: Sequence[Timeline], names: Sequence[str]) -> str:
    valences = {name: timeline.mean(timeline.valence) for name, timeline in zip(names, timelines, strict=True)}
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
    recordings: Sequence[Recording], timelines: Sequence[Timeline], shift_s: float
) -> list[tuple[str, list[str]]]:
    rows: list[tuple[str, list[str]]] = []
    tiles = [tiles_of(timeline) for timeline in timelines]
    for index, (name, _) in enumerate(tiles[0]):
        rows.append((name, [tile[index][1] for tile in tiles]))
    for emotion in COLOURS:
        shares = [words.percent(timeline.mean(timeline.share(emotion))) for timeline in timelines]
        rows.append((words.ADJECTIVES[emotion].capitalize(), shares))
    rows.append(("Unclear", [words.percent(timeline.mean(timeline.uncertain)) for timeline in timelines]))
    uses = [time_use(recording, timeline) for recording, timeline in zip(recordings, timelines, strict=True)]
    withheld = [
        words.percent(use.suppressed_s / max(timeline.lasted_s, 1e-9))
        for use, timeline in zip(uses, timelines, strict=True)
    ]
    rows.append(("Time withheld", withheld))
    moments = [max(strongest(timeline), key=lambda moment: moment.rise, default=None) for timeline in timelines]
    said = [
        words.DASH
        if moment is None
        else f"{words.ADJECTIVES[moment.emotion]} {words.percent(moment.share)} "
        f"at {words.timecode(moment.at_s - shift_s)}"
        for moment in moments
    ]
    rows.append(("Strongest moment", said))
    models = [str((recording.record.about or {}).get("model", words.DASH)) for recording in recordings]
    rows.append(("Model", models))
    return rows
