"""The live streams of the pages: one for each viewer, a bounded number in all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import Response

from edge.core.commands import CheckHealth
from edge.kiosk.paths import Places
from edge.kiosk.stream import Held, Stream
from edge.kiosk.topic_cache import ChangeNotifier

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from starlette.types import Receive, Scope, Send

    from edge.kiosk.commands import CommandClient
    from edge.kiosk.paths import Client
    from edge.kiosk.topic_cache import TopicCache

_RESERVED_STREAMS = 8
"""Beyond ``kiosk.max_viewers``, for operators who are logged in and the device's own screen."""
_HEALTH_S = 5.0


class LiveFeed:
    """Streams what is new in ``board``; used on the server's event loop."""

    def __init__(self, board: TopicCache, commands: CommandClient, max_viewers: int) -> None:
        self._board = board
        self._commands = commands
        self._places = Places(max_viewers, reserved=_RESERVED_STREAMS)
        self._operators = 0

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serve on ``loop`` from now on."""
        self._notifier = ChangeNotifier(loop)
        self._operators = 0
        self._board.on_change(self._notifier.ring)

    def close_streams(self) -> None:
        """End all streams: they have no end of their own."""
        self._notifier.close()

    def end(self) -> None:
        """Stop listening for news."""
        self._board.on_change(None)

    def check(self, client: Client) -> None:
        """See that ``client`` gets a stream now.

        Raises:
            Full: no place is free.
        """
        self._places.check(client)

    def stream(
        self,
        client: Client,
        topics: Collection[str],
        *,
        greeting: str,
        may_go_on: Callable[[], bool],
        operates: bool,
    ) -> Response:
        """Return the endless answer to ``client``; while an operator reads it, health figures come more often."""
        stream = Stream(self._board, self._notifier, topics, greeting=greeting, may_go_on=may_go_on)
        return Held(self._places, client, stream, _OperatorStream(self, stream) if operates else None)

    def count_operator(self, change: int) -> None:
        """Add ``change`` to the number of operators who watch."""
        self._operators += change

    async def watch_health(self) -> None:
        """Ask for fresh health figures more often than the feed's while an operator watches; until cancelled."""
        while True:
            await asyncio.sleep(_HEALTH_S)
            if self._operators:
                answer = await self._commands.ask(CheckHealth())
                if answer.data is not None:
                    self._board.put("health", answer.data)


class _OperatorStream(Response):
    """A stream to an operator, counted while it lasts."""

    def __init__(self, feed: LiveFeed, stream: Stream) -> None:
        super().__init__()
        self._feed = feed
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._feed.count_operator(1)
        try:
            await self._stream(scope, receive, send)
        finally:
            self._feed.count_operator(-1)
