"""What is kept as rows of SQLite, there and back (pure)."""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from edge.events import SessionKind
from edge.sessions import checks
from edge.sessions.checks import checked
from edge.sessions.film import ENDED, PAUSED, PLAYING
from edge.sessions.schema import SCORES, SHARES
from edge.sessions.values import Figures, Happening, MediaPoint, Second, SessionRecord
from edge.sqlite import FileDamaged

if TYPE_CHECKING:
    from collections.abc import Sequence

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND_COLUMNS = (
    "second", "observed_s", "people", "people_max", "person_s", "suppressed", "counted_s",
    *SCORES, *SHARES, "uncertain", "valence", "attention",
)  # fmt: skip
SESSION_COLUMNS = (
    "id", "title", "kind", "start_ms", "k", "planned_s", "media_name", "media_duration_s", "end_ms", "ended_by",
    "lasted_s", "about", "agreed",
)  # fmt: skip
SESSION_READ = (*SESSION_COLUMNS, "number")
"""Columns of a session as it is read; the file itself counts ``number``."""
MEDIA_COLUMNS = ("at_s", "media_s", "state")
HAPPENING_COLUMNS = ("at_s", "id", "type", "people", "label", "emotion")
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
class Statement:
    """One change to the file; ``second`` where it stores one, so that it may be let go when there is no room."""

    sql: str
    values: tuple[Any, ...] = ()
    second: bool = False


def to_ms(moment: datetime) -> int:
    """Unix milliseconds."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def from_ms(ms: int) -> datetime:
    """UTC time of Unix milliseconds."""
    return _EPOCH + timedelta(milliseconds=ms)


def put_session(record: SessionRecord) -> Statement:
    """Store ``record``, in the place of one with its id, or behind all others."""
    values = (
        record.id, record.title, record.kind.value, to_ms(record.start), record.k, record.planned_s,
        record.media_name, record.media_duration_s, None if record.end is None else to_ms(record.end),
        record.ended_by, record.lasted_s, json.dumps(dict(record.about), ensure_ascii=False), int(record.agreed),
    )  # fmt: skip
    return Statement(_PUT_SESSION, (*values, record.id))


def begin_session(record: SessionRecord) -> list[Statement]:
    """Store ``record`` as the last one; what was kept under its id goes, as when a clip is played again."""
    return [
        *forget_content(record.id),
        Statement("DELETE FROM session WHERE id = ?", (record.id,)),
        put_session(record),
    ]


def forget_content(session: str) -> list[Statement]:
    """Take away the seconds, events and film times of ``session``, and what was derived from them."""
    tables = ("second", "happening", "media_point", "summary", "page")
    return [Statement(f"DELETE FROM {table} WHERE session = ?", (session,)) for table in tables]  # noqa: S608 - ours


def put_second(session: str, second: Second) -> Statement:
    """Store one second."""
    return Statement(_replace("second", ("session", *SECOND_COLUMNS)), (session, *second_values(second)), second=True)


def second_values(second: Second) -> tuple[Any, ...]:
    """In the order of :data:`SECOND_COLUMNS`; what figures there are none of is ``None``."""
    own = (
        second.second, second.observed_s, second.people, second.people_max, second.person_s, int(second.suppressed),
    )  # fmt: skip
    figures = second.figures
    if figures is None:
        return own + (None,) * (len(SECOND_COLUMNS) - len(own))
    return (
        *own, figures.person_s, *figures.scores, *figures.shares, figures.uncertain, figures.valence, figures.attention,
    )  # fmt: skip


def put_happening(session: str, happening: Happening) -> Statement:
    """Store one event or marker."""
    values = (
        session, happening.at_s, happening.id, happening.type, happening.people, happening.label, happening.emotion,
    )  # fmt: skip
    return Statement(_replace("happening", ("session", *HAPPENING_COLUMNS)), values)


def put_media(session: str, point: MediaPoint) -> Statement:
    """Store where the film was."""
    return Statement(_replace("media_point", ("session", *MEDIA_COLUMNS)), (session, *astuple(point)))


def end_session(session: str, end: datetime, ended_by: str, lasted_s: float) -> Statement:
    """Note that ``session`` is over."""
    sql = "UPDATE session SET end_ms = ?, ended_by = ?, lasted_s = ? WHERE id = ?"
    return Statement(sql, (to_ms(end), ended_by, lasted_s, session))


def end_others(running: str | None) -> list[Statement]:
    """Sessions that nobody ended, other than ``running``, ended with their last second."""
    lasted = "coalesce((SELECT max(kept.second) + 1 FROM second AS kept WHERE kept.session = session.id), 0)"
    where = "WHERE end_ms IS NULL AND id IS NOT ?"
    sql = f"UPDATE session SET lasted_s = {lasted}, end_ms = start_ms + 1000 * {lasted}, ended_by = 'interruption' "  # noqa: S608 - ours
    return [Statement(sql + where, (running,))]


def session_of(row: Sequence[Any]) -> SessionRecord:
    """From a row of :data:`SESSION_READ`.

    Raises:
        FileDamaged: it is none that was ever written; as do the others below.
    """
    found = dict(zip(SESSION_READ, checked("session", SESSION_READ, row, _SESSION), strict=True))
    start_ms, end_ms = found.pop("start_ms"), found.pop("end_ms")
    return SessionRecord(
        **found
        | {
            "kind": SessionKind(found["kind"]),
            "start": from_ms(start_ms),
            "end": None if end_ms is None else from_ms(end_ms),
            "about": _about(found["about"]),
            "agreed": bool(found["agreed"]),
        }
    )


def second_of(row: Sequence[Any]) -> Second:
    """From a row of :data:`SECOND_COLUMNS`."""
    number, observed_s, people, people_max, person_s, suppressed, counted_s, *rest = checked(
        "second", SECOND_COLUMNS, row, _SECOND if row[6] is None else _SECOND_WITH_FIGURES
    )
    figures = None
    if counted_s is not None:
        scores, shares, others = rest[: len(SCORES)], rest[len(SCORES) : -3], rest[-3:]
        figures = Figures(counted_s, tuple(scores), tuple(shares), *others)
    return Second(number, observed_s, people, people_max, person_s, bool(suppressed), figures)


def seconds_of(rows: Sequence[Sequence[Any]]) -> tuple[Second, ...]:
    """From the rows of a whole session; a damaged file gives them in any order, and twice."""
    found = tuple(map(second_of, rows))
    if any(later.second <= earlier.second for earlier, later in pairwise(found)):
        msg = "is damaged (a session's seconds are out of order)"
        raise FileDamaged(msg)
    return found


def happening_of(row: Sequence[Any]) -> Happening:
    """From a row of :data:`HAPPENING_COLUMNS`."""
    return Happening(*checked("happening", HAPPENING_COLUMNS, row, _HAPPENING))


def media_of(row: Sequence[Any]) -> MediaPoint:
    """From a row of :data:`MEDIA_COLUMNS`."""
    return MediaPoint(*checked("media_point", MEDIA_COLUMNS, row, _MEDIA))


def _about(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        msg = "is damaged (what a session says of its device cannot be read)"
        raise FileDamaged(msg)
    return found


def _replace(table: str, columns: Sequence[str]) -> str:
    return f"REPLACE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - ours


_PUT_SESSION = (
    f"REPLACE INTO session ({', '.join(SESSION_READ)}) VALUES ({', '.join('?' * len(SESSION_COLUMNS))}, coalesce("  # noqa: S608 - ours
    "(SELECT number FROM session WHERE id = ?), (SELECT coalesce(max(number), 0) + 1 FROM session)))"
)
