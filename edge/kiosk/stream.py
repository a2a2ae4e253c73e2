"""Server-sent events: each viewer gets what is new on the board, as often as it takes it.

Written here because of what no library does at once: newest values instead of a queue, one rate for all viewers
together so that many of them cannot take the processor from the loop, and an end when the server stops.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection

    from starlette.types import Receive, Scope, Send

    from edge.kiosk.paths import Client, Places
    from edge.kiosk.topic_cache import ChangeNotifier, TopicCache

FASTEST_S = 1 / 30
"""Between two updates of one viewer."""
UPDATES_PER_S = 250
"""Of all viewers together, about."""
PING_S = 5.0
SEND_TIMEOUT_S = 10.0
"""A viewer that takes nothing for so long is gone."""
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Held(Response):
    """A stream that holds a place while it lasts."""

    def __init__(self, places: Places, client: Client, stream: Stream, answer: Response | None = None) -> None:
        super().__init__()
        self._places, self._client, self._stream, self._answer = places, client, stream, answer or stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer; ``Full`` was ruled out by who made it."""
        with self._places.take(self._client, self._stream.end):
            await self._answer(scope, receive, send)


class Stream(Response):
    """The endless answer to one viewer."""

    media_type = "text/event-stream"

    def __init__(
        self,
        board: TopicCache,
        bell: ChangeNotifier,
        topics: Collection[str],
        *,
        greeting: str,
        may_go_on: Callable[[], bool] = lambda: True,
    ) -> None:
        """Answer with ``topics`` for as long as ``may_go_on``, which is asked before anything is sent."""
        self.status_code = 200
        self.background = None
        self.init_headers(_HEADERS)
        self._board = board
        self._bell = bell
        self._topics = topics
        self._greeting = greeting
        self._may_go_on = may_go_on
        self._ended = asyncio.Event()

    def end(self) -> None:
        """End it early: its place is needed; on the event loop."""
        self._ended.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the viewer or the server goes."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        leaving = asyncio.create_task(_disconnect(receive))
        sending = asyncio.create_task(self._send_all(send))
        ending = asyncio.create_task(self._ended.wait())
        tasks = {leaving, sending, ending}
        _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._ended.is_set():
            await send({"type": "http.response.body", "body": b""})

    async def _send_all(self, send: Send) -> None:
        async for text in self.updates():
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def updates(self) -> AsyncIterator[str]:
        """Yield what is sent: a greeting, then news, and a ping where there is none."""
        changed = self._bell.enter()
        number = 0
        try:
            yield _event("hello", self._greeting)
            while not self._bell.closed:
                try:
                    async with asyncio.timeout(PING_S):
                        await changed.wait()
                except TimeoutError:
                    if not self._may_go_on():
                        break
                    yield _event("ping", "0")
                    continue
                changed.clear()
                if not self._may_go_on():
                    break
                number, fresh = self._board.newer_than(number, self._topics)
                if fresh:
                    yield "".join(_event(topic, text) for topic, text in fresh)
                    await asyncio.sleep(max(FASTEST_S, len(self._bell) / UPDATES_PER_S))
        finally:
            self._bell.leave(changed)


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _event(name: str, data: str) -> str:
    return f"event: {name}\ndata: {data}\n\n"
