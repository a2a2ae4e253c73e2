"""What the commands and the device's pages both do with the sessions that are kept."""

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
    from edge.recording.values import Happening, Recording, SessionRecord
    from edge.reports.highlights import Moment
    from edge.reports.spans import TimeUse
    from edge.reports.timeline import Timeline

_FEWEST = 4


@contextmanager
def reading(path: Path) -> Iterator[SessionFile]:
    """The file at ``path``, which a device may be writing at the same time.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    try:
        if not path.exists():
            msg = f"{path}: there are no sessions yet: begin one with `face-edge sessions start`"
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
    """The session that ``word`` names: an id, the beginning or end of one, or ``last``.

    Raises:
        InputError: none, or more than one.
    """
    records = file.sessions()
    if word.lower() == "last" and records:
        return records[0]
    wanted = word.upper()
    exact = [record for record in records if record.id == wanted]
    found = exact or [record for record in records if record.id.startswith(wanted) or record.id.endswith(wanted)]
    if len(found) == 1 and (exact or len(wanted) >= _FEWEST):
        return found[0]
    why = "names no session" if not found else f"names {len(found)} sessions: give more of the id"
    if found and len(wanted) < _FEWEST:
        why = f"is too short: give {_FEWEST} characters or more"
    msg = f"{word!r} {why}; `face-edge sessions list` shows them"
    raise InputError(msg)


def choose_all(file: SessionFile, words: Iterable[str]) -> list[SessionRecord]:
    """The sessions that ``words`` name, each once.

    Raises:
        InputError: as :func:`choose`.
    """
    return list({record.id: record for record in (choose(file, word) for word in words)}.values())


def finished(records: Iterable[SessionRecord]) -> list[SessionRecord]:
    """These, where all are over and may be deleted.

    Raises:
        InputError: one is running.
    """
    found = list(records)
    for record in found:
        if record.running:
            msg = f"session {record.name!r} is running: end it first with `face-edge sessions stop`"
            raise InputError(msg)
    return found


@dataclass(frozen=True, slots=True)
class Digest:
    """A session in a few figures; ``shares`` by emotion, ``None`` where there is nothing to say.

    ``shares``, ``valence``, ``attention`` and ``people`` come from the same seconds: those of ``use.measured_s``.
    """

    timeline: Timeline
    clock: FilmClock
    use: TimeUse
    markers: list[Happening]
    moments: list[Moment]
    shares: dict[str, float | None]
    valence: float | None
    attention: float | None
    people: float | None


def digest(recording: Recording) -> Digest:
    """The figures of a whole session."""
    from edge.recording.media_timeline import FilmClock
    from edge.reports.highlights import markers_of, strongest
    from edge.reports.spans import time_use
    from edge.reports.timeline import Timeline

    timeline, markers = Timeline.of(recording), markers_of(recording.happenings)
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
