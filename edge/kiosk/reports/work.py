"""What the worker process does with the sessions' file; see :mod:`edge.kiosk.worker`."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.errors import EdgeError, InputError
from edge.kiosk.worker.wire import Message
from edge.sessions.library import finished, reading
from edge.sessions.summaries import glances

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from edge.sessions.file import SessionFile
    from edge.sessions.values import Glance, Recording, SessionRecord


class Gone(InputError):
    """A session that is not there, or no longer."""


def make(settings: dict[str, Any]) -> Callable[[Message], Iterator[Message]]:
    """The handler; ``settings`` has the file's ``path``.

    A message names what to ``do`` and its arguments, ``with``. An answer with ``refused`` says why nothing was done.
    """
    path = Path(settings["path"])
    deeds: dict[str, Callable[..., Message]] = {"list": _list, "draw": _draw, "export": _export, "delete": _delete}

    def handle(message: Message) -> Iterator[Message]:
        try:
            yield deeds[message.head["do"]](path, **message.head["with"])
        except Gone as error:
            yield Message({"refused": str(error), "code": "gone"})
        except EdgeError as error:
            yield Message({"refused": str(error), "code": "refused"})

    return handle


def _list(path: Path, *, before: int | None, limit: int) -> Message:
    """The sessions that began last, or those that began before number ``before``."""
    if not path.exists():
        return Message({"sessions": [], "more": False})
    with reading(path) as file:
        older = [record for record in file.sessions() if before is None or record.number < before]
        shown = older[:limit]
        figures = glances(file, shown)
    return Message({
        "sessions": [_line(record, figures.get(record.id)) for record in shown],
        "more": len(older) > len(shown),
    })  # fmt: skip


def _line(record: SessionRecord, glance: Glance | None) -> dict[str, Any]:
    figures = {
        "people": None if glance is None or glance.people is None else round(glance.people, 1),
        "people_max": None if glance is None else glance.people_max,
        "valence": None if glance is None or glance.valence is None else round(glance.valence, 2),
        "withheld_s": 0 if glance is None else glance.withheld_s,
    }
    return {
        "id": record.id,
        "number": record.number,
        "title": record.title,
        "kind": record.kind.value,
        "start": record.start.isoformat(timespec="seconds"),
        "lasted_s": round(record.lasted_s, 1),
        "running": record.running,
        "media": record.media_name,
        **figures,
    }


def _draw(path: Path, *, ids: Sequence[str]) -> Message:
    """The report of one session, or several side by side."""
    from edge.sessions.compare import comparison
    from edge.sessions.report import report

    with reading(path) as file:
        recordings = [_recording(file, identity) for identity in ids]
    page = report(recordings[0]) if len(recordings) == 1 else comparison(recordings)
    records = [recording.record for recording in recordings]
    name = file_name(records[0], "html") if len(records) == 1 else f"face-edge-{len(records)}-sessions.html"
    return Message({"final": not any(record.running for record in records), "name": name}, page.encode())


def _export(path: Path, *, ids: Sequence[str], form: str) -> Message:
    """One session's data."""
    from edge.sessions.export import write

    with reading(path) as file:
        recording = _recording(file, ids[0])
    with tempfile.TemporaryDirectory(prefix="face-edge-") as folder:
        made = Path(folder, "session")
        write(recording, made, form)
        return Message({"name": file_name(recording.record, form)}, made.read_bytes())


def _delete(path: Path, *, ids: Sequence[str]) -> Message:
    with reading(path) as file:
        for record in finished(_record(file, identity) for identity in ids):
            file.delete(record.id)
    return Message({"deleted": list(ids)})


def _record(file: SessionFile, identity: str) -> SessionRecord:
    found = file.session(identity)
    if found is None:
        msg = f"session {identity} is not kept here, or no longer"
        raise Gone(msg)
    return found


def _recording(file: SessionFile, identity: str) -> Recording:
    return file.recording(_record(file, identity))


def file_name(record: SessionRecord, suffix: str) -> str:
    """What a browser calls the file: title and day, in letters that every system takes."""
    words = re.sub(r"[^\w]+", "-", record.title, flags=re.ASCII).strip("-").lower()[:60]
    return f"{words or 'session'}-{record.start.astimezone():%Y-%m-%d-%H%M}.{suffix}"
