"""Report of one session as a self-contained page: it fetches nothing and runs no script."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from edge.recording.media_timeline import FilmClock
from edge.recording.timecode import timecode
from edge.reports import text
from edge.reports.around import AROUND_S, MarkerChange, around
from edge.reports.charts import SIZES, ChartPainter, colours_of
from edge.reports.flags import Flag
from edge.reports.highlights import (
    FALL,
    FEWEST_WINDOWS,
    MOMENTS_MAX,
    RISE,
    Moment,
    apart_s,
    enough_for_moments,
    markers_of,
    strongest,
)
from edge.reports.page import markup, render
from edge.reports.spans import TimeUse, time_use
from edge.reports.timeline import SessionTimeline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, tzinfo

    from edge.core.labels import LabelSet
    from edge.recording.values import Recording, SessionRecord

_FINDS_ONLY = {"haar": " (frontal faces only)"}
_KINDS = {
    "film": "Film", "advertisement": "Advertisement", "game": "Game", "private": "Private", "other": "Session",
}  # fmt: skip


def report(
    recording: Recording,
    *,
    media_start_s: float | None = None,
    zone: tzinfo | None = None,
    made: datetime | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> str:
    """Render the page of one session.

    Args:
        recording: the session.
        media_start_s: start of the film in seconds after the session's start, if the device did not play it; times
            count from there.
        zone: the time zone of dates; the machine's by default.
        made: the time of creation instead of now, for tests.
        progress: called with the number of charts drawn and the number of all charts.

    Raises:
        HardwareUnavailable: the extra ``reports`` is not installed.
    """
    record, timeline, clock = recording.record, SessionTimeline.of(recording), FilmClock.of(recording, media_start_s)
    use = time_use(recording, timeline)
    markers = markers_of(recording.events)
    moments = strongest(timeline, markers)
    painter = ChartPainter()
    flags = flags_of([marker.at_s for marker in markers], moments)
    drawings: list[tuple[Callable[..., str], str]] = []
    if timeline.has_figures:
        drawings.append((painter.mood, "Stacked shares of the emotions over time; the table below has the totals."))
    if timeline.observed.any():
        drawings.append((painter.course, "Valence, attention and faces in view over time."))
    whole = len(drawings) * len(SIZES)
    charts: dict[str, str] = {}
    for done, ((draw, label), size) in enumerate(product(drawings, SIZES)):
        name = draw.__name__
        charts[name] = charts.get(name, "") + draw(timeline, flags, label, clock=clock, size=size)
        progress(done + 1, whole)
    return render(
        "report.html",
        painter,
        labels=[timeline.labels],
        made=made,
        title=f"{record.name}: report",
        heading=record.name,
        meta=_meta(record, zone),
        summary=text.summary(record, timeline, use, moments, clock),
        tiles=tiles_of(timeline, use),
        mood=markup(charts.get("mood", "")),
        course=markup(charts.get("course", "")),
        film=record.media_name if clock.counts_film else None,
        stood=clock.stood,
        window_s=timeline.window_s,
        has_figures=timeline.has_figures,
        bars=_bars(timeline),
        resting=_resting(timeline.labels),
        valence=_valence(timeline.labels),
        moments=_moment_rows(timeline.labels, moments, clock),
        no_moments=_no_moments(timeline),
        apart_s=apart_s(timeline),
        rise=round(100 * RISE),
        fall=round(100 * FALL),
        part=text.percent(use.part),
        measured=text.duration(use.measured_s),
        moments_max=MOMENTS_MAX,
        markers=_marker_rows(around(timeline, markers), clock),
        around_s=AROUND_S,
        uses=_uses(use, timeline),
        withheld=_withheld(record, use),
        nothing=_nothing(record, timeline),
        device=_device(record),
        accuracy_note=_accuracy_note(record),
    )


def flags_of(marker_times: Sequence[float], moments: Sequence[Moment]) -> list[Flag]:
    """Return the flags of a chart: markers by number, strong moments by letter."""
    numbers = [Flag(at_s, str(number + 1)) for number, at_s in enumerate(marker_times)]
    return numbers + [Flag(moment.at_s + 0.5, _letter(number), strong=True) for number, moment in enumerate(moments)]


def _letter(number: int) -> str:
    return chr(ord("A") + number)


def local(moment: datetime, zone: tzinfo | None) -> datetime:
    """Convert ``moment`` to ``zone``, or to the machine's time zone."""
    return moment.astimezone(zone)


def _meta(record: SessionRecord, zone: tzinfo | None) -> list[str]:
    start = local(record.start, zone)
    parts = [_KINDS[record.kind.value], f"{start:%d %B %Y, %H:%M} ({start:%Z})".replace("(UTC)", "UTC")]
    if record.media_name:
        length = f" ({text.duration(record.media_duration_s)})" if record.media_duration_s else ""
        parts.append(f"shown: {record.media_name}{length}")
    if record.planned_s:
        parts.append(f"planned for {text.duration(record.planned_s)}")
    if record.agreed:
        parts.append(f"k = {record.k}, with the agreement of all people in view")
    return [*parts, text.ending(record, zone)]


def tiles_of(timeline: SessionTimeline, use: TimeUse) -> list[tuple[str, str]]:
    """Return the key figures by name; means of expression only if they cover enough of the session."""
    people = timeline.mean_in_time(timeline.people)
    most = int(timeline.people_max.max(initial=0))
    minutes = timeline.person_s.sum() / 60
    valence, attention = timeline.mean(timeline.valence), timeline.mean_in_time(timeline.attention)
    if not use.sums_up:
        valence = attention = None
    return [
        ("Length", timecode(timeline.lasted_s)),
        ("Faces, mean (most)", text.DASH if people is None else f"{people:.1f} ({most})"),
        ("Person-minutes", f"{minutes:.0f}" if minutes >= 5 else f"{minutes:.1f}"),
        ("Figures cover", text.percent(use.part)),
        ("Valence, mean", text.signed(valence)),
        ("Attention, mean", text.percent(attention)),
    ]  # fmt: skip


def _bars(timeline: SessionTimeline) -> list[dict[str, Any]]:
    """Return the shares from large to small, unclear moments last."""
    labels, colours = timeline.labels, colours_of(timeline.labels)
    shares = {emotion: timeline.mean(timeline.share(emotion)) or 0.0 for emotion in colours}
    bars = [
        (labels.label(emotion).word, shares[emotion], colours[emotion])
        for emotion in sorted(colours, key=lambda emotion: -shares[emotion])
    ]
    bars.append(("unclear", timeline.mean(timeline.uncertain) or 0.0, "#b5bdc7"))
    return [
        {"name": name, "share": share, "colour": colour, "text": text.percent(share)} for name, share, colour in bars
    ]


def _resting(labels: LabelSet) -> str:
    """Return a phrase for classes that are not resting, such as ``an emotion other than neutral``."""
    names = [label.name for label in labels.labels if label.resting]
    return f"an emotion other than {text.listed(names, 'or')}" if names else "an emotion"


def _valence(labels: LabelSet) -> str:
    """Return the definition of valence: ``the mean probability of happy less those of angry, fear and sad``."""
    pleasant, unpleasant = (
        [
            label.name if abs(label.valence) == 1 else f"{label.name} (times {abs(label.valence):g})"
            for label in labels.labels
            if sign * label.valence > 0
        ]
        for sign in (1, -1)
    )
    first = "the mean probability of " + (text.listed(pleasant) if pleasant else "no class")
    return f"{first} less {'those' if len(unpleasant) > 1 else 'that'} of {text.listed(unpleasant) or 'none'}"


def codes(times: Sequence[float], clock: FilmClock) -> list[str]:
    """Return time codes of ``times``; the session's time is added if the film's time is paused or repeats."""
    film_codes = [clock.code(at_s) for at_s in times]
    return [
        f"{code} (session {timecode(at_s)})" if film_codes.count(code) > 1 and clock.counts_film else code
        for at_s, code in zip(times, film_codes, strict=True)
    ]


def _moment_rows(labels: LabelSet, moments: Sequence[Moment], clock: FilmClock) -> list[dict[str, str]]:
    times = codes([moment.at_s for moment in moments], clock)
    return [_moment_row(labels, moment, number, times[number]) for number, moment in enumerate(moments)]


def _moment_row(labels: LabelSet, moment: Moment, number: int, time: str) -> dict[str, str]:
    near = f", {moment.near}" if moment.near else ""
    return {
        "letter": _letter(number),
        "time": time,
        "text": f"{labels.label(moment.emotion).title}{near}",
        "share": text.percent(moment.share),
        "mean": text.percent(moment.mean),
        "people": f"{moment.people:.0f}",
    }


def _no_moments(timeline: SessionTimeline) -> str:
    if not enough_for_moments(timeline):
        least = FEWEST_WINDOWS * timeline.window_s
        return f"Fewer than {least} seconds have figures: too few to call any moment strong."
    return "No moment stood out by this rule: expressions stayed close to their mean."


def _marker_rows(changes: Sequence[MarkerChange], clock: FilmClock) -> list[dict[str, str]]:
    times = codes([change.at_s for change in changes], clock)
    return [_marker_row(change, number, times[number]) for number, change in enumerate(changes)]


def _marker_row(change: MarkerChange, number: int, time: str) -> dict[str, str]:
    valence = text.DASH
    if change.before is not None and change.after is not None:
        valence = f"{text.signed(change.before.valence)} → {text.signed(change.after.valence)}"
    return {
        "number": str(number + 1),
        "time": time,
        "label": change.label or "without a name",
        "valence": valence,
        "text": text.change_text(change),
    }


def _uses(use: TimeUse, timeline: SessionTimeline) -> list[tuple[str, str, str]]:
    rows = [
        ("Measured", use.measured_s),
        ("Nobody in view", use.nobody_s),
        ("Withheld: too few faces", use.suppressed_s),
        ("Paused for privacy", use.paused_s),
        ("No picture (camera or device away)", use.unseen_s),
    ]
    whole = max(timeline.lasted_s, 1e-9)
    return [
        (name, timecode(seconds), text.percent(seconds / whole))
        for name, seconds in rows
        if seconds >= 0.5 or name == "Measured"
    ]


def _withheld(record: SessionRecord, use: TimeUse) -> str:
    k = record.k
    if record.agreed:
        agreed = (
            "All people in view agreed at the start that figures are kept from "
            f"{text.faces(k)} on: they may be those of single persons, so pass this page on only with their consent."
        )
        return agreed if k <= 1 else f"{agreed} {_rule(k)}"
    rule = _rule(k)
    if k <= 1:
        return "On this device nothing is withheld (sessions.k is 1): figures may be those of one single person."
    return rule if use.suppressed_s >= 0.5 else f"Nothing had to be withheld. {rule}"


def _rule(k: int) -> str:
    return (
        f"Seconds in which fewer than {k} faces were in view for most of the time keep no figures but the count, so "
        "that a report speaks of a room and not of a person. They were withheld when they were measured and are "
        "stored nowhere."
    )


def _nothing(record: SessionRecord, timeline: SessionTimeline) -> str | None:
    """Explain missing figures about expression if too few faces are the reason; return ``None`` otherwise."""
    if timeline.has_figures or not timeline.suppressed.any():
        return None
    most = int(timeline.people_max.max(initial=0))
    why = (
        f"Figures about expression need {text.faces(record.k)} or more in view for most of a second; here "
        f"{text.faces(most)} at the most came into view, never long enough. So this report has counts only."
        if most >= record.k
        else f"Figures about expression need {text.faces(record.k)} or more in view; here {text.faces(most)} at the "
        "most came into view. So this report has counts only."
    )
    return (
        f"{why} What was withheld is stored nowhere. A session of the kind game or private may be started with a "
        "smaller number (k), where all people in view agree."
    )


def _device(record: SessionRecord) -> list[tuple[str, str]]:
    about = record.about
    if not about:
        return [("Device", "not recorded"), ("Session", record.id)]
    rows = [
        ("Device", f"{about.get('node')}, FACE Edge {about.get('software_version')}"),
        ("Faces found by", f"{about.get('detector')}{_FINDS_ONLY.get(str(about.get('detector')), '')}"),
        ("Expression read by", f"{about.get('model')}, head {about.get('head')}, on {about.get('runtime')}"),
        ("SHA-256 of the model", str(about.get("model_sha256"))),
    ]
    accuracy = about.get("accuracy")
    if accuracy:
        measured = (
            f"{100 * accuracy['accuracy']:.1f} % of {accuracy['n']:,} faces of {accuracy['split']} read as labelled"
        )
        if accuracy.get("balanced_accuracy") is not None:
            measured += f"; mean over the emotions {100 * accuracy['balanced_accuracy']:.1f} %"
        rows.append(
            ("Measured accuracy", f"{measured} ({accuracy['labels']})".replace(",", "\N{NARROW NO-BREAK SPACE}", 1))
        )
        recall = {name: value for name, value in (accuracy.get("recall") or {}).items() if value is not None}
        if recall:
            order = sorted(recall, key=lambda name: -recall[name])
            rows.append(("By emotion", ", ".join(f"{name} {text.percent(recall[name])}" for name in order)))
    return [*rows, ("Session", record.id)]


def _accuracy_note(record: SessionRecord) -> str:
    if not (record.about or {}).get("accuracy"):
        return "The accuracy of the model was not on record when the session ran."
    return (
        "Accuracy on photographs from the web, one face at a time, upright and well lit; a dark room, glasses, "
        "distance and turned heads make it worse. Emotions that the model misses often are under-reported here."
    )
