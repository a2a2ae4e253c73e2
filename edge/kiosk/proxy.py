"""Reverse proxies: whose word is believed about the client, and the path below which they serve the pages.

``X-Forwarded-For``, ``-Proto``, ``-Host`` and ``-Prefix`` are read from the proxies of ``kiosk.trusted_proxies`` alone;
anyone else could write anything in them.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse

from edge.util.sockets import plain_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import HTTPConnection
    from starlette.types import ASGIApp, Receive, Scope, Send

    from edge.config.networks import Networks

_LOG = logging.getLogger(__name__)
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_HOST = re.compile(r"[A-Za-z0-9.\-_:\[\]]{1,255}")
_PREFIX_KEY, _PROXIED_KEY = "face_edge.prefix", "face_edge.proxied"


def prefix_of(request: HTTPConnection) -> str:
    """Return the path below which the proxy serves the pages, as ``/face``; empty where there is none or unknown."""
    return str(request.scope.get(_PREFIX_KEY, ""))


def is_proxied(request: HTTPConnection) -> bool:
    """Return True where a reverse proxy may stand in between: one that is trusted, or one on this machine."""
    return bool(request.scope.get(_PROXIED_KEY, False))


def root_of(request: HTTPConnection) -> str:
    """Return what goes before the address of a page: ``/face/``, or relative to this one where that is not known.

    A proxy that takes a path away need not say so, hence the relative form.
    """
    prefix = prefix_of(request)
    return f"{prefix}/" if prefix else "../" * (str(request.scope["path"]).count("/") - 1)


class ForwardedHeaders:
    """Middleware in front of everything: client, scheme, host and path as the browser has them.

    ``is_own`` tells whether a ``Host`` is a name of this device; ``public_prefix`` is the path of ``kiosk.public_url``.
    """

    def __init__(
        self, app: ASGIApp, *, trusted: Networks, is_own: Callable[[str], bool], public_prefix: str = ""
    ) -> None:
        self._app = app
        self._trusted = trusted
        self._is_own = is_own
        self._public_prefix = public_prefix if _is_prefix(public_prefix) else ""
        self._reported: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on as the browser sent it."""
        if scope["type"] == "http":
            scope = self._resolved(dict(scope))
            path, prefix = str(scope["path"]), scope[_PREFIX_KEY] or self._public_prefix
            if prefix and path == prefix:  # relative addresses count from the slash
                await RedirectResponse(f"{prefix.rpartition('/')[2]}/", 307)(scope, receive, send)
                return
            if prefix and path.startswith(f"{prefix}/"):
                scope[_PREFIX_KEY], scope["path"] = prefix, path.removeprefix(prefix)
                scope["raw_path"] = scope["path"].encode()
        await self._app(scope, receive, send)

    def _resolved(self, scope: Scope) -> Scope:
        peer, port = scope.get("client") or ("", 0)
        peer = plain_address(peer)
        scope.update({"client": (peer, port), _PREFIX_KEY: "", _PROXIED_KEY: _is_loopback(peer)})
        headers = Headers(scope=scope)
        if peer not in self._trusted:
            self._report(peer, headers)
            return scope
        client, hops = self._client(peer, _values(headers, "x-forwarded-for"))
        scope.update({"client": (client, 0 if hops else port), _PROXIED_KEY: True})
        scheme = _of_hop(_values(headers, "x-forwarded-proto"), hops).lower()
        if scheme in {"http", "https"}:
            scope["scheme"] = scheme
        host = _of_hop(_values(headers, "x-forwarded-host"), hops)
        # where the proxy's own request came under a strange name, that is refused later: the name may be an attacker's
        if _HOST.fullmatch(host) and self._is_own(headers.get("host", "")):
            scope["headers"] = list(scope["headers"])
            MutableHeaders(scope=scope)["host"] = host
        prefix = _of_hop(_values(headers, "x-forwarded-prefix"), hops).rstrip("/")
        if _is_prefix(prefix):
            scope[_PREFIX_KEY] = prefix
        return scope

    def _client(self, peer: str, forwarded: list[str]) -> tuple[str, int]:
        """Return the nearest address that is no trusted proxy, and how many entries led to it."""
        address, hops = peer, 0
        for entry in reversed(forwarded):
            found = _address(entry)
            if found is None or address not in self._trusted:
                break
            address, hops = found, hops + 1
        return address, hops

    def _report(self, peer: str, headers: Headers) -> None:
        """Log once that an unknown proxy is not believed."""
        if "x-forwarded-for" in headers and not self._reported:
            self._reported.add(peer)
            _LOG.warning(
                "X-Forwarded-For from %s is not believed, so all its clients count as one: where that is your "
                "reverse proxy, set kiosk.trusted_proxies",
                peer,
            )


def public_prefix(public_url: str) -> str:
    """Return the path of ``kiosk.public_url``, without a slash at its end."""
    return urlsplit(public_url).path.rstrip("/")


def _is_prefix(text: str) -> bool:
    return _PREFIX.fullmatch(text) is not None and not {".", ".."} & set(text.split("/"))


def _values(headers: Headers, name: str) -> list[str]:
    """Return the comma-separated values of all lines of a header."""
    return [value.strip() for line in headers.getlist(name) for value in line.split(",") if value.strip()]


def _of_hop(values: list[str], hops: int) -> str:
    """Return the value that the outermost trusted proxy wrote; each may have added one."""
    return values[-min(max(1, hops), len(values))] if values else ""


def _address(entry: str) -> str | None:
    """Return the address in an entry of X-Forwarded-For, which may have quotes and a port."""
    text = entry.strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return None
    return plain_address(text)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
