"""Middleware for every request: checks of host and body size, and the headers of the response.

A page of a stranger's site whose name was made to point at this device (DNS rebinding) arrives under that name: only
addresses, this machine's names and those in the configuration are served.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_MAX = 16 * 1024
"""Bytes of a request's body, where its route has no bound of its own."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
"""Headers of every answer, where its route has no other value."""


def own_names(configured: str, public_url: str) -> frozenset[str]:
    """Names under which this device is reached, in small letters."""
    host = socket.gethostname().lower().split(".")[0]
    public = urlsplit(public_url).hostname or ""
    names = {"localhost", host, f"{host}.local", f"{host}.lan", f"{host}.home.arpa", public}
    return frozenset(filter(None, names | set(configured.lower().split())))


def is_own(names: frozenset[str], host: str) -> bool:
    """Return True where ``host``, as ``NAME[:PORT]``, is an address or among ``names``."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name.rstrip(".") in names or _is_address(name)


class Guard:
    """Middleware in front of everything; ``bounds`` are prefixes of paths that take larger bodies, in bytes."""

    def __init__(self, app: ASGIApp, *, is_own: Callable[[str], bool], bounds: Iterable[tuple[str, int]] = ()) -> None:
        self._app = app
        self._is_own = is_own
        self._bounds = tuple(bounds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        send = _with_headers(send)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_own(hosts[0]):
            answer = JSONResponse({"error": "unknown host name: see kiosk.hostnames"}, status_code=421)
            await answer(scope, receive, send)
            return
        bound = next((size for prefix, size in self._bounds if scope["path"].startswith(prefix)), BODY_MAX)
        if _announced(headers) > bound:
            await JSONResponse({"error": f"more than {bound} bytes"}, status_code=413)(scope, receive, send)
            return
        await self._app(scope, _bounded(receive, bound), send)


class TooLarge(Exception):
    """A body that goes on beyond its bound without having said so."""


def _announced(headers: Headers) -> int:
    length = headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() else 0


def _bounded(receive: Receive, bound: int) -> Receive:
    received = 0

    async def count() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > bound:
            msg = f"more than {bound} bytes"
            raise TooLarge(msg)
        return message

    return count


async def failed(_request: Request, _error: Exception) -> Response:
    """Answer an internal error; no middleware runs for it, so it sets its headers itself."""
    return JSONResponse({"error": "failed", "detail": "a fault of the device: see its log"}, 500, ALWAYS)


def _with_headers(send: Send) -> Send:
    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in ALWAYS.items():
                headers.setdefault(name, value)
        await send(message)

    return add


def _is_address(name: str) -> bool:
    """Nobody can make a name of an address: it cannot be pointed elsewhere."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
