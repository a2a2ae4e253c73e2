"""Work on the sessions' file in the worker process; see :mod:`edge.kiosk.worker`."""

from __future__ import annotations

import queue
import tempfile
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.core.errors import EdgeError
from edge.kiosk.reports.catalog import Gone, record_of
from edge.kiosk.worker.wire import Message
from edge.reports.library import reading
from edge.reports.text import file_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Tell = Callable[[float], None]

_READ, _LOADED = 0.05, 0.3
"""Progress when the sessions are read, and when what draws is loaded."""


def make(settings: dict[str, Any]) -> Callable[[Message], Iterator[Message]]:
    """Return the handler; ``settings`` has the file's ``path``.

    A message names what to ``do`` and its arguments, ``with``. Answers with ``progress``, 0 to 1, come before the last
    one; one with ``refused`` says why nothing was done.
    """
    path = Path(settings["path"])
    deeds: dict[str, Callable[..., Message]] = {"draw": _draw, "export": _export}

    def handle(message: Message) -> Iterator[Message]:
        try:
            yield from _telling(partial(deeds[message.head["do"]], path, **message.head["with"]))
        except Gone as error:
            yield Message({"refused": str(error), "code": "gone"})
        except EdgeError as error:
            yield Message({"refused": str(error), "code": "refused"})

    return handle


def _telling(deed: Callable[[Tell], Message]) -> Iterator[Message]:
    """Do ``deed`` on a thread of its own, so that what it tells of its progress can be sent meanwhile."""
    told: queue.SimpleQueue[Message | BaseException] = queue.SimpleQueue()

    def work() -> None:
        try:
            told.put(deed(lambda progress: told.put(Message({"progress": round(progress, 3)}))))
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            told.put(error)

    thread = threading.Thread(target=work, name="report", daemon=True)
    thread.start()
    while True:
        found = told.get()
        if isinstance(found, BaseException):
            raise found
        yield found
        if "progress" not in found.head:
            thread.join()
            return


def _draw(path: Path, tell: Tell, *, ids: Sequence[str]) -> Message:
    """Draw the report of one session or several side by side; keep that of a finished one in the file."""
    with reading(path) as file:
        recordings = [file.recording(record_of(file, identity)) for identity in ids]
    tell(_READ)
    from edge.reports import page_cache
    from edge.reports.compare import comparison
    from edge.reports.report import report

    tell(_LOADED)

    def progress(done: int, whole: int) -> None:
        tell(_LOADED + (1 - _LOADED) * done / max(whole, 1))

    records = [recording.record for recording in recordings]
    final = not any(record.running for record in records)
    if len(recordings) > 1:
        page = comparison(recordings, progress=progress)
        return Message({"final": final, "name": f"face-edge-{len(records)}-sessions.html"}, page.encode())
    page = report(recordings[0], progress=progress)
    with reading(path) as file:
        page_cache.keep(file, records[0], page)
    return Message({"final": final, "name": file_name(records[0], "html")}, page.encode())


def _export(path: Path, tell: Tell, *, ids: Sequence[str], form: str) -> Message:
    """One session's data."""
    from edge.reports.export import write

    with reading(path) as file:
        recording = file.recording(record_of(file, ids[0]))
    with tempfile.TemporaryDirectory(prefix="face-edge-") as folder:
        made = Path(folder, "session")
        write(recording, made, form, progress=lambda done, whole: tell(done / max(whole, 1)))
        return Message({"name": file_name(recording.record, form)}, made.read_bytes())
