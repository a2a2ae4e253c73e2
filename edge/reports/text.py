"""Text of a report: durations, shares and the summary (pure)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from edge.reports.around import AROUND_MIN_S, AROUND_S, SMALL_CHANGE
from edge.reports.spans import LEAST_COVERAGE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from edge.recording.media_timeline import FilmClock
    from edge.recording.values import SessionRecord
    from edge.reports.around import MarkerChange
    from edge.reports.highlights import Moment
    from edge.reports.spans import TimeUse
    from edge.reports.timeline import SessionTimeline

APPARENT = (
    "These figures describe apparent facial expression, as a camera and a statistical model read it. They do not say "
    "what anybody felt, thought or meant, and nobody was recognised."
)
DASH = "\N{EN DASH}"
_RARE = 0.05
_USUAL = 0.2
_FEW_FACES = 10
_NEARLY_ALL = 0.95
_MINUTE, _HOUR = 60, 3600
_ENDS = {"stop": "stopped by hand", "plan": "ended as planned", "media": "ended with the film"}


def duration(seconds: float) -> str:
    """Format seconds with everyday precision: ``12 seconds``, ``42 minutes``, ``1 h 5 min``."""
    whole = round(seconds)
    if whole < 2 * _MINUTE:
        return f"{whole} second" + ("" if whole == 1 else "s")
    minutes = round(seconds / _MINUTE)
    return f"{minutes} minutes" if minutes < _MINUTE else f"{minutes // _MINUTE} h {minutes % _MINUTE} min"


def ending(record: SessionRecord, zone: tzinfo | None = None) -> str:
    """Describe the end of the session, or ``still running``; times are in ``zone``, or the machine's time zone."""
    if record.end is None:
        return "still running"
    if record.ended_by == "interruption":
        end, began = record.end.astimezone(zone), record.start.astimezone(zone)
        day = "" if end.date() == began.date() else f" of {end:%d %B %Y}"
        return f"interrupted at {end:%H:%M:%S}{day}: the device stopped before the session did"
    return _ENDS[str(record.ended_by)]


def file_name(record: SessionRecord, suffix: str) -> str:
    """Return a name for downloads: title and date, in characters that every system accepts."""
    words = re.sub(r"[^\w]+", "-", record.title, flags=re.ASCII).strip("-").lower()[:60]
    return f"{words or 'session'}-{record.start.astimezone():%Y-%m-%d-%H%M}.{suffix}"


def percent(share: float | None) -> str:
    """Format a share from 0 to 1 as ``43 %`` or ``under 1 %``; a dash for ``None``."""
    if share is None:
        return DASH
    return "under 1 %" if 0 < share < 0.005 else f"{round(100 * share)} %"


def signed(value: float | None) -> str:
    """Format a value as ``+0.31``, with a typographic minus sign; a dash for ``None``."""
    if value is None:
        return DASH
    text = f"{abs(value):.2f}"
    return text if float(text) == 0 else ("+" if value > 0 else "\N{MINUS SIGN}") + text


def listed(names: Sequence[str], joint: str = "and") -> str:
    """Join names as ``angry, fear and sad``."""
    return f" {joint} ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def faces(number: int) -> str:
    """Format a number of faces as ``1 face`` or ``3 faces``."""
    return f"{number} face" if number == 1 else f"{number} faces"


def summary(
    record: SessionRecord, timeline: SessionTimeline, use: TimeUse, moments: Sequence[Moment], clock: FilmClock
) -> str:
    """Summarise the session in a few sentences, each with the time that its figures cover."""
    length = duration(timeline.lasted_s)
    if not timeline.observed.any():
        return f"The session lasted {length}; the camera saw nothing of it."
    people, most = timeline.mean_in_time(timeline.people) or 0.0, int(timeline.people_max.max())
    if not most:
        return f"The session lasted {length}; no face was in view."
    seen = f"saw {people:.1f} faces on average and {most} at the most."
    if use.looked_s < _NEARLY_ALL * timeline.lasted_s:
        opening = f"The session lasted {length}. In the {duration(use.looked_s)} that the camera looked, it {seen}"
    else:
        opening = f"Over {length} the camera {seen}"
    if not timeline.has_figures:
        few = f"Fewer than {record.k} were in view at a time"
        if most >= record.k:
            few = f"{faces(record.k).capitalize()} or more were never in view for most of a second"
        return f"{opening} {few}, so nothing is said about their expression: figures need {faces(record.k)} or more."
    if not use.sums_up:
        parts = [opening, _low_coverage_text(record, use)]
    else:
        parts = [opening, _shares_text(record, timeline, use), _moment_text(timeline, moments, clock)]
    if use.suppressed_s >= 0.01 * timeline.lasted_s:
        part = percent(use.suppressed_s / timeline.lasted_s)
        parts.append(f"For {part} of the session fewer than {record.k} faces were in view; those figures are withheld.")
    return " ".join(filter(None, parts))


def _shares_text(record: SessionRecord, timeline: SessionTimeline, use: TimeUse) -> str:
    labels = timeline.labels
    shares = {name: timeline.mean(timeline.share(name)) or 0.0 for name in labels}
    order = sorted(labels, key=lambda name: -shares[name])
    first, *others = order
    also = [emotion for emotion in others if shares[emotion] >= SMALL_CHANGE][:2]
    where = f"{percent(use.part)} of the session ({duration(use.measured_s)} with {faces(record.k)} or more in view)"
    looked = {name: f"{labels.label(name).word} for {percent(shares[name])}" for name in (first, *also)}
    text = f"Figures about expression come from {where}: faces looked {looked[first]} of that time"
    if also:
        text += ", " + " and ".join(looked[name] for name in also)
    return text + "."


def _low_coverage_text(record: SessionRecord, use: TimeUse) -> str:
    return (
        f"{faces(record.k).capitalize()} or more were in view for only {duration(use.measured_s)}, "
        f"{percent(use.coverage)} of the time with faces in view; below {percent(LEAST_COVERAGE)} the session is not "
        "summed up."
    )


def _moment_text(timeline: SessionTimeline, moments: Sequence[Moment], clock: FilmClock) -> str:
    if not moments:
        return ""
    best = max(moments, key=lambda moment: moment.rise)
    near = f" ({best.near})" if best.near else ""
    return (
        f"The strongest moment came at {clock.code(best.at_s)}{near}, when {percent(best.share)} of about "
        f"{faces(round(best.people))} looked {timeline.labels.label(best.emotion).word}, against "
        f"{percent(best.mean)} on average."
    )


def change_text(change: MarkerChange) -> str:
    """Describe the change at a marker, with the certainty that the figures allow."""
    if change.before is None or change.after is None or change.emotion is None:
        return f"Too little to compare: fewer than {AROUND_MIN_S} of the {AROUND_S} seconds on a side have figures."
    if abs(change.rise) < SMALL_CHANGE:
        text = "About as before."
    else:
        verb = "rose" if change.rise > 0 else "fell"
        shares = f"{percent(change.was)} to {percent(change.became)}"
        text = f"{change.emotion.capitalize()} {verb} from {shares}. {_rarity_text(change.as_large)}"
    few = min(change.before.people, change.after.people)
    if few < _FEW_FACES and abs(change.rise) >= SMALL_CHANGE:
        text += f" With about {faces(round(few))}, one face alone makes {percent(1 / max(few, 1))}."
    return text


def _rarity_text(as_large: float | None) -> str:
    if as_large is None:
        return "The session is too short to say whether that is unusual."
    if as_large <= _RARE:
        return f"Rare here: only {percent(as_large)} of all moments changed as much."
    if as_large <= _USUAL:
        return f"Larger than most: {percent(as_large)} of all moments changed as much."
    return f"Usual here: {percent(as_large)} of all moments changed as much, so it may be chance."
