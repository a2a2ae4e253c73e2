"""Bounds how many requests are answered at a time, so that strangers' requests leave places for operators.

A request that has come in whole takes a place until its answer begins. While its body is on the way, or its answer is
read, the connection's own time limits hold.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse

from edge.kiosk.guard import TooLarge
from edge.kiosk.paths import Full, Places
from edge.kiosk.requests import too_large
from edge.util.rates import TokenBuckets

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from edge.kiosk.paths import Client

_MOST, _PER_ADDRESS, _RESERVED = 64, 24, 16
_BURST, _PER_S = 1000, 50
"""Requests of one address; operators and the device's own screen have no such bound."""
_SENDING = frozenset({"PUT", "POST"})


class Crowd:
    """Middleware behind the guard; what is sent below one of the paths ``streamed`` has bounds of its own."""

    def __init__(self, app: ASGIApp, *, client_of: Callable[[Request], Client], streamed: tuple[str, ...] = ()) -> None:
        self._app, self._client_of, self._streamed = app, client_of, streamed
        self.places = Places(_MOST, per_address=_PER_ADDRESS, reserved=_RESERVED)
        self._rate = TokenBuckets(_BURST, _PER_S)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] != "http" or (scope["method"] in _SENDING and scope["path"].startswith(self._streamed)):
            await self._app(scope, receive, send)
            return
        try:
            messages = await _whole(receive)
        except TooLarge as error:
            await (await too_large(Request(scope), error))(scope, receive, send)
            return
        client = self._client_of(Request(scope))
        if not (client.operates or client.local or self._rate.take(client.site)):
            words = {"error": "busy", "detail": "this address sends too many requests: try again"}
            # the end of the connection drops what was sent ahead of the answers
            await JSONResponse(words, 429, {"Retry-After": "2", "Connection": "close"})(scope, receive, send)
            return
        with ExitStack() as place:
            try:
                place.enter_context(self.places.take(client))
            except Full as full:
                whose = "this address has" if full.of_address else "the device has"
                words = {"error": "busy", "detail": f"{whose} as many requests at work as may be: try again"}
                await JSONResponse(words, 503, {"Retry-After": "2"})(scope, receive, send)
                return

            async def replay() -> Message:
                return messages.pop(0) if messages else await receive()

            async def begin(message: Message) -> None:
                place.close()
                await send(message)

            await self._app(scope, replay, begin)


async def _whole(receive: Receive) -> list[Message]:
    """Return the messages of a request's body, all of them, or what came before its client went."""
    messages = [await receive()]
    while messages[-1]["type"] == "http.request" and messages[-1].get("more_body", False):
        messages.append(await receive())
    return messages
