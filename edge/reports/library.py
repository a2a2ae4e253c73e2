"""Access to stored sessions, shared by the commands and the device's pages."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.core.errors import InputError
from edge.recording.file import SessionFile
from edge.util.sqlite import FileFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from edge.recording.media_timeline import FilmClock
    from edge.recording.values import RecordedEvent, Recording, SessionRecord
    from edge.reports.highlights import Moment
    from edge.reports.spans import TimeUse
    from edge.reports.timeline import SessionTimeline

_FEWEST = 4


@contextmanager
def reading(path: Path) -> Iterator[SessionFile]:
    """Open the file at ``path``, which a device may be writing at the same time.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    try:
        if not path.exists():
            msg = f"{path}: there are no sessions yet: start one with `face-edge sessions start`"
            raise InputError(msg)
        with SessionFile(path, timeout_s=5.0) as file:
            yield file
    except PermissionError:
        msg = f"{path}: only the user that runs the device, or root, may read it: use sudo"
        raise InputError(msg) from None
    except FileFault as fault:
        msg = f"{path}: {fault}; if another user runs the device, use sudo"
        raise InputError(msg) from None


def choose(file: SessionFile, word: str) -> SessionRecord:
    """Return the session that ``word`` names: an id, the beginning or end of one, or ``last``.

    Raises:
        InputError: no session matches, or more than one.
    """
    records = file.sessions()
    if word.lower() == "last" and records:
        return records[0]
    wanted = word.upper()
    exact = [record for record in records if record.id == wanted]
    matches = exact or [record for record in records if record.id.startswith(wanted) or record.id.endswith(wanted)]
    if len(matches) == 1 and (exact or len(wanted) >= _FEWEST):
        return matches[0]
    reason = "names no session" if not matches else f"names {len(matches)} sessions: give more of the id"
    if matches and len(wanted) < _FEWEST:
        reason = f"is too short: give {_FEWEST} characters or more"
    msg = f"{word!r} {reason}; `face-edge sessions list` shows them"
    raise InputError(msg)


def choose_all(file: SessionFile, words: Iterable[str]) -> list[SessionRecord]:
    """Return the sessions that ``words`` name, each once.

    Raises:
        InputError: as :func:`choose`.
    """
    return list({record.id: record for record in (choose(file, word) for word in words)}.values())


def finished(records: Iterable[SessionRecord]) -> list[SessionRecord]:
    """Return ``records`` as a list after checking that all are finished.

    Raises:
        InputError: a session is running.
    """
    sessions = list(records)
    for record in sessions:
        if record.running:
            msg = f"session {record.name!r} is running: end it first with `face-edge sessions stop`"
            raise InputError(msg)
    return sessions


@dataclass(frozen=True, slots=True)
class Digest:
    """Key figures of a session; ``shares`` by emotion, values are ``None`` without figures.

    ``shares``, ``valence``, ``attention`` and ``people`` come from the same seconds: those of ``use.measured_s``.
    """

    timeline: SessionTimeline
    clock: FilmClock
    use: TimeUse
    markers: list[RecordedEvent]
    moments: list[Moment]
    shares: dict[str, float | None]
    valence: float | None
    attention: float | None
    people: float | None


def digest(recording: Recording) -> Digest:
    """Return the key figures of a whole session."""
    from edge.recording.media_timeline import FilmClock
    from edge.reports.highlights import markers_of, strongest
    from edge.reports.spans import time_use
    from edge.reports.timeline import SessionTimeline

    timeline, markers = SessionTimeline.of(recording), markers_of(recording.events)
    return Digest(
        timeline=timeline,
        clock=FilmClock.of(recording),
        use=time_use(recording, timeline),
        markers=markers,
        moments=strongest(timeline, markers),
        shares={str(name): timeline.mean(timeline.share(name)) for name in timeline.labels},
        valence=timeline.mean(timeline.valence),
        attention=timeline.mean_in_time(timeline.attention),
        people=timeline.faces(slice(None)) or None,
    )
