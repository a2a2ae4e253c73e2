"""Catalog of recorded sessions: list, drawn reports, deletion; runs on the server's threads.

Each takes milliseconds, so that it never waits for the worker, which has the lowest priority on a busy board.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from edge.core.errors import EdgeError, InputError
from edge.kiosk.requests import Refused
from edge.kiosk.worker import Message
from edge.recording.summaries import session_summaries
from edge.reports import page_cache
from edge.reports.library import finished, reading
from edge.reports.text import file_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from edge.recording.file import SessionFile
    from edge.recording.values import SessionRecord, SessionSummary

T = TypeVar("T")
_SUM_UP_S = 0.3
"""How long a list sums sessions up that have no summary yet; the rest is left for the next request."""


class Gone(InputError):
    """A session that is not there, or no longer."""


class Catalog:
    """Reads and deletes in the sessions' file at ``path``; used on the server's event loop."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def newest(self, *, before: int | None, limit: int) -> dict[str, Any]:
        """Return the sessions that began last, or those that began before number ``before``.

        Raises:
            Refused: the file cannot be read.
        """
        return await self._do(lambda: self._newest(before, limit))

    async def look_up(self, ids: Sequence[str]) -> tuple[list[SessionRecord], Message | None]:
        """Return these sessions, and the page of a single one if it was drawn since its last change.

        Raises:
            Refused: one is not there, or the file cannot be read.
        """
        return await self._do(lambda: self._look_up(ids))

    async def delete(self, ids: Sequence[str]) -> None:
        """Take these sessions away.

        Raises:
            Refused: one is not there, or runs.
        """
        await self._do(lambda: self._delete(ids))

    async def _do(self, step: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(step)
        except Gone as error:
            raise Refused(404, "gone", str(error)) from None
        except EdgeError as error:
            raise Refused(409, "refused", str(error)) from None

    def _newest(self, before: int | None, limit: int) -> dict[str, Any]:
        if not self._path.exists():
            return {"sessions": [], "more": False}
        with reading(self._path) as file:
            found = file.newest(before=before, limit=limit + 1)
            shown = found[:limit]
            figures = session_summaries(file, shown, limit_s=_SUM_UP_S)
        lines = [line(record, figures.get(record.id)) for record in shown]
        return {"sessions": lines, "more": len(found) > limit}

    def _look_up(self, ids: Sequence[str]) -> tuple[list[SessionRecord], Message | None]:
        with reading(self._path) as file:
            records = [record_of(file, identity) for identity in ids]
            page = page_cache.find(file, records[0]) if len(records) == 1 else None
        if page is None:
            return records, None
        return records, Message({"final": True, "name": file_name(records[0], "html")}, page.encode())

    def _delete(self, ids: Sequence[str]) -> None:
        with reading(self._path) as file:
            for record in finished(record_of(file, identity) for identity in ids):
                file.delete(record.id)


def record_of(file: SessionFile, identity: str) -> SessionRecord:
    """Return the session with this id.

    Raises:
        Gone: there is none.
    """
    found = file.session(identity)
    if found is None:
        msg = f"session {identity} is not kept here, or no longer"
        raise Gone(msg)
    return found


def line(record: SessionRecord, summary: SessionSummary | None) -> dict[str, Any]:
    """Return a session's entry in the list; ``pending`` until its summary exists."""
    return {
        "id": record.id,
        "number": record.number,
        "title": record.title,
        "kind": record.kind.value,
        "start": record.start.isoformat(timespec="seconds"),
        "lasted_s": round(record.lasted_s, 1),
        "running": record.running,
        "media": record.media_name,
        "k": record.k,
        "agreed": record.agreed,
        "pending": summary is None,
        "people": _rounded(None if summary is None else summary.people, 1),
        "people_max": None if summary is None else summary.people_max,
        "valence": _rounded(None if summary is None else summary.valence, 2),
        "figures_s": 0 if summary is None else summary.figures_s,
        "withheld_s": 0 if summary is None else summary.withheld_s,
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
