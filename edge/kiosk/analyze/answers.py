"""Answers of the analyze page that do something while they last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.responses import FileResponse
    from starlette.types import Message, Receive, Scope, Send

    from edge.kiosk.analyze.jobs import VisitorSession
    from edge.kiosk.analyze.pace import Pace
    from edge.kiosk.stream import Stream


class Presence(Response):
    """A stream that says: this visitor is here."""

    def __init__(self, room: VisitorSession, tab: str, stream: Stream) -> None:
        super().__init__()
        self._room, self._tab, self._stream = room, tab, stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send news, and see the visitor as present meanwhile."""
        self._room.tabs.add(self._tab)
        try:
            await self._stream(scope, receive, send)
        finally:
            self._room.touch()  # the tab stays: a lost connection may come back


class Paced(Response):
    """A file that is sent no faster than the pace allows."""

    def __init__(self, pace: Pace, file: FileResponse) -> None:
        super().__init__()
        self._pace, self._file = pace, file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send, and wait after each piece."""

        async def slowly(message: Message) -> None:
            await send(message)
            await self._pace.take(len(message.get("body", b"")))

        await self._file(scope, receive, slowly)
