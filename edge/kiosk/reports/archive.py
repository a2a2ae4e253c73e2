"""The server's side of kept sessions: asks the worker, bounds how much waits for it, keeps the page just drawn."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from edge.kiosk.requests import Refused
from edge.kiosk.worker import Limits, Message, Worker, WorkerFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.kiosk.app import Kiosk

_MIB = 2**20
_LIMITS = Limits(file=512 * _MIB, message=256 * _MIB)
"""It writes an export's temporary file, and Matplotlib its list of fonts."""
_WAITING_MAX = 6
_TIMEOUT_S = 300.0
"""For the report of a long day on a small board that is busy."""
_RUNNING_S = 30.0
"""How old a page of a session that still runs may be when it is shown."""


class Archive:
    """Hands work to one process at a time; used on the server's event loop."""

    def __init__(self, kiosk: Kiosk) -> None:
        from edge.sessions.places import session_path

        settings = {"path": str(session_path(kiosk.config))}
        self._worker = Worker("edge.kiosk.reports.work:make", settings, limits=_LIMITS, idle_s=60.0)
        self._waiting = 0
        self._last: tuple[tuple[str, ...], float, Message] | None = None
        kiosk.endings.append(self.close)

    async def do(self, deed: str, **arguments: Any) -> Message:
        """The worker's answer.

        Raises:
            Refused: it is not there, may not be done, took too long, or too many wait already.
        """
        if self._waiting >= _WAITING_MAX:
            raise Refused(503, "busy", "other reports are being drawn: try again in a moment")
        self._waiting += 1
        try:
            answer = await self._worker.ask(Message({"do": deed, "with": arguments}), timeout_s=_TIMEOUT_S)
        except WorkerFailed as error:
            raise Refused(503, "failed", str(error)) from None
        finally:
            self._waiting -= 1
        if "refused" in answer.head:
            raise Refused(404 if answer.head["code"] == "gone" else 409, answer.head["code"], answer.head["refused"])
        if "error" in answer.head:
            raise Refused(500, "failed", answer.head["error"])
        return answer

    async def draw(self, ids: Sequence[str]) -> Message:
        """The page of these sessions; the last one stays, so that showing and saving it draws it once.

        Raises:
            Refused: as :meth:`do`.
        """
        key, last = tuple(ids), self._last
        if last is not None and last[0] == key and time.monotonic() < last[1]:
            return last[2]
        answer = await self.do("draw", ids=list(ids))
        self._last = (key, time.monotonic() + (600.0 if answer.head["final"] else _RUNNING_S), answer)
        return answer

    async def delete(self, ids: Sequence[str]) -> Message:
        """Take these sessions away.

        Raises:
            Refused: as :meth:`do`; one that runs is refused.
        """
        self._last = None
        return await self.do("delete", ids=list(ids))

    def close(self) -> None:
        """End the process and forget what was drawn; harmless when repeated."""
        self._last = None
        self._worker.kill()
