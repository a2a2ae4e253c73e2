"""Conversion between values and SQLite rows (pure)."""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from edge.core.events import SessionKind
from edge.core.types import SEVEN
from edge.recording import checks
from edge.recording.checks import checked
from edge.recording.media_timeline import ENDED, PAUSED, PLAYING
from edge.recording.schema import SCORES, SHARES
from edge.recording.values import ExpressionFigures, MediaPoint, RecordedEvent, Second, SessionRecord
from edge.util.sqlite import FileDamaged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.core.labels import LabelSet

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COUNTED = ("second", "observed_s", "people", "people_max", "person_s", "suppressed", "counted_s")
_DERIVED = ("uncertain", "valence", "attention")
SECOND_COLUMNS = (*_COUNTED, *SCORES, *SHARES, *_DERIVED)
STORED_COLUMNS = (*SECOND_COLUMNS, "own")
"""Columns of a second in the file; ``own`` holds scores and shares of a model with custom classes."""
SESSION_COLUMNS = (
    "id", "title", "kind", "start_ms", "k", "planned_s", "media_name", "media_duration_s", "end_ms", "ended_by",
    "lasted_s", "about", "agreed",
)  # fmt: skip
SESSION_READ = (*SESSION_COLUMNS, "number")
"""Columns of a session when read; ``number`` is assigned by the file."""
MEDIA_COLUMNS = ("at_s", "media_s", "state")
EVENT_COLUMNS = ("at_s", "id", "type", "people", "label", "emotion")
_SESSION = {
    "id": checks.text, "title": checks.text, "kind": checks.one_of(*SessionKind), "start_ms": checks.number,
    "k": checks.count, "media_name": checks.optional(checks.text), "lasted_s": checks.seconds, "about": checks.text,
    "ended_by": checks.optional(checks.one_of("stop", "plan", "media", "interruption")), "number": checks.count,
    "agreed": checks.one_of(0, 1),
}  # fmt: skip
_SECOND = {
    "second": checks.index, "observed_s": checks.seconds, "people": checks.number, "people_max": checks.count,
    "person_s": checks.number, "suppressed": checks.one_of(0, 1),
}  # fmt: skip
_SECOND_WITH_FIGURES = dict.fromkeys(SECOND_COLUMNS, checks.number) | _SECOND
_HAPPENING = {
    "at_s": checks.seconds, "id": checks.text, "type": checks.text, "people": checks.count,
    "label": checks.optional(checks.text), "emotion": checks.optional(checks.text),
}  # fmt: skip
_MEDIA = {"at_s": checks.seconds, "media_s": checks.seconds, "state": checks.one_of(PLAYING, PAUSED, ENDED)}


@dataclass(frozen=True, slots=True)
class SqlStatement:
    """SQL statement that changes the file; ``second`` is true if it stores a second, which may be dropped."""

    sql: str
    values: tuple[Any, ...] = ()
    second: bool = False


def to_ms(moment: datetime) -> int:
    """Return Unix milliseconds."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def from_ms(ms: int) -> datetime:
    """Return the UTC time of Unix milliseconds."""
    return _EPOCH + timedelta(milliseconds=ms)


def put_session(record: SessionRecord) -> SqlStatement:
    """Store ``record``, replacing one with the same id, or as the last."""
    values = (
        record.id, record.title, record.kind.value, to_ms(record.start), record.k, record.planned_s,
        record.media_name, record.media_duration_s, None if record.end is None else to_ms(record.end),
        record.ended_by, record.lasted_s, json.dumps(dict(record.about), ensure_ascii=False), int(record.agreed),
    )  # fmt: skip
    return SqlStatement(_PUT_SESSION, (*values, record.id))


def begin_session(record: SessionRecord) -> list[SqlStatement]:
    """Store ``record`` as the last one; delete a session with the same id, as when a clip is played again."""
    return [
        *forget_content(record.id),
        SqlStatement("DELETE FROM session WHERE id = ?", (record.id,)),
        put_session(record),
    ]


def forget_content(session: str) -> list[SqlStatement]:
    """Delete the seconds, events and film positions of ``session``, and data derived from them."""
    tables = ("second", "happening", "media_point", "summary", "page")
    return [SqlStatement(f"DELETE FROM {table} WHERE session = ?", (session,)) for table in tables]  # noqa: S608 - ours


def put_second(session: str, second: Second) -> SqlStatement:
    """Store one second."""
    return SqlStatement(_replace("second", ("session", *STORED_COLUMNS)), (session, *_stored(second)), second=True)


def _stored(second: Second) -> tuple[Any, ...]:
    figures = second.figures
    if figures is None or figures.labels == SEVEN:
        return (*second_values(second), None)
    values = second_values(second, figures.labels)
    counted, derived = values[: len(_COUNTED)], values[-len(_DERIVED) :]
    own = {name: pair for name, *pair in zip(figures.labels, figures.scores, figures.shares, strict=True)}
    return (*counted, *(None,) * len((*SCORES, *SHARES)), *derived, json.dumps(own))


def second_columns(labels: LabelSet) -> tuple[str, ...]:
    """Return the column names of a second with classes ``labels``; :data:`SECOND_COLUMNS` for the default seven."""
    figures = (f"{kind}_{name}" for kind in ("score", "share") for name in labels)
    return (*_COUNTED, *figures, *_DERIVED)


def second_values(second: Second, labels: LabelSet = SEVEN) -> tuple[Any, ...]:
    """Return the values of ``second`` in the order of :func:`second_columns`; missing figures are ``None``."""
    own = (
        second.second, second.observed_s, second.people, second.people_max, second.person_s, int(second.suppressed),
    )  # fmt: skip
    figures = second.figures
    if figures is None:
        return own + (None,) * (len(second_columns(labels)) - len(own))
    return (
        *own, figures.person_s, *figures.scores, *figures.shares, figures.uncertain, figures.valence, figures.attention,
    )  # fmt: skip


def put_event(session: str, event: RecordedEvent) -> SqlStatement:
    """Store one event or marker."""
    values = (
        session, event.at_s, event.id, event.type, event.people, event.label, event.emotion,
    )  # fmt: skip
    return SqlStatement(_replace("happening", ("session", *EVENT_COLUMNS)), values)


def put_media(session: str, point: MediaPoint) -> SqlStatement:
    """Store a position of the film."""
    return SqlStatement(_replace("media_point", ("session", *MEDIA_COLUMNS)), (session, *astuple(point)))


def end_session(session: str, end: datetime, ended_by: str, lasted_s: float) -> SqlStatement:
    """Store the end of ``session``."""
    sql = "UPDATE session SET end_ms = ?, ended_by = ?, lasted_s = ? WHERE id = ?"
    return SqlStatement(sql, (to_ms(end), ended_by, lasted_s, session))


def end_others(running: str | None) -> list[SqlStatement]:
    """End sessions without an end, except ``running``, at their last second."""
    lasted = "coalesce((SELECT max(kept.second) + 1 FROM second AS kept WHERE kept.session = session.id), 0)"
    where = "WHERE end_ms IS NULL AND id IS NOT ?"
    sql = f"UPDATE session SET lasted_s = {lasted}, end_ms = start_ms + 1000 * {lasted}, ended_by = 'interruption' "  # noqa: S608 - ours
    return [SqlStatement(sql + where, (running,))]


def session_of(row: Sequence[Any]) -> SessionRecord:
    """Return the session of a row of :data:`SESSION_READ`.

    Raises:
        FileDamaged: the row is not plausible; also raised by the functions below.
    """
    values = dict(zip(SESSION_READ, checked("session", SESSION_READ, row, _SESSION), strict=True))
    start_ms, end_ms = values.pop("start_ms"), values.pop("end_ms")
    record = SessionRecord(
        **values
        | {
            "kind": SessionKind(values["kind"]),
            "start": from_ms(start_ms),
            "end": None if end_ms is None else from_ms(end_ms),
            "about": _about(values["about"]),
            "agreed": bool(values["agreed"]),
        }
    )
    try:
        _ = record.labels
    except ValueError as error:
        msg = f"is damaged (a session's {error})"
        raise FileDamaged(msg) from None
    return record


def second_of(row: Sequence[Any], labels: LabelSet = SEVEN) -> Second:
    """Return the second of a row of :data:`STORED_COLUMNS` or :data:`SECOND_COLUMNS`.

    Figures with other classes than ``labels`` are left out: they come from a model installed while the session ran.
    """
    plain, own = row[: len(SECOND_COLUMNS)], row[len(SECOND_COLUMNS) :]
    named = _named(own[0]) if own and own[0] is not None else None
    has_seven = row[len(_COUNTED) - 1] is not None and named is None
    number, observed_s, people, people_max, person_s, suppressed, counted_s, *rest = checked(
        "second", SECOND_COLUMNS, plain, _SECOND_WITH_FIGURES if has_seven else _SECOND
    )
    figures = None
    if counted_s is not None and named is not None and tuple(named) == labels.names:
        scores, shares = (tuple(pair[at] for pair in named.values()) for at in (0, 1))
        uncertain, valence, attention = rest[-len(_DERIVED) :]
        figures = ExpressionFigures(counted_s, scores, shares, uncertain, valence, attention, labels)
    elif has_seven and labels == SEVEN:
        seven, others = rest[: -len(_DERIVED)], rest[-len(_DERIVED) :]
        figures = ExpressionFigures(counted_s, tuple(seven[: len(SCORES)]), tuple(seven[len(SCORES) :]), *others)
    return Second(number, observed_s, people, people_max, person_s, bool(suppressed), figures)


def _named(text: Any) -> dict[str, tuple[float, float]]:
    """Return score and share by class from the column ``own``."""
    try:
        figures = {str(name): tuple(pair) for name, pair in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        figures = {}
    if not figures or any(len(pair) != 2 or not all(map(checks.number, pair)) for pair in figures.values()):
        msg = "is damaged (a second's figures cannot be read)"
        raise FileDamaged(msg)
    return figures


def seconds_of(rows: Sequence[Sequence[Any]], labels: LabelSet = SEVEN) -> tuple[Second, ...]:
    """Return the seconds of a whole session; a damaged file may hold rows out of order or twice."""
    seconds = tuple(second_of(row, labels) for row in rows)
    if any(later.second <= earlier.second for earlier, later in pairwise(seconds)):
        msg = "is damaged (a session's seconds are out of order)"
        raise FileDamaged(msg)
    return seconds


def event_of(row: Sequence[Any]) -> RecordedEvent:
    """Return the event of a row of :data:`EVENT_COLUMNS`."""
    return RecordedEvent(*checked("happening", EVENT_COLUMNS, row, _HAPPENING))


def media_of(row: Sequence[Any]) -> MediaPoint:
    """Return the film position of a row of :data:`MEDIA_COLUMNS`."""
    return MediaPoint(*checked("media_point", MEDIA_COLUMNS, row, _MEDIA))


def _about(text: str) -> dict[str, Any]:
    try:
        about = json.loads(text)
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict):
        msg = "is damaged (a session's description of its device cannot be read)"
        raise FileDamaged(msg)
    return about


def _replace(table: str, columns: Sequence[str]) -> str:
    return f"REPLACE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - ours


_PUT_SESSION = (
    f"REPLACE INTO session ({', '.join(SESSION_READ)}) VALUES ({', '.join('?' * len(SESSION_COLUMNS))}, coalesce("  # noqa: S608 - ours
    "(SELECT number FROM session WHERE id = ?), (SELECT coalesce(max(number), 0) + 1 FROM session)))"
)
