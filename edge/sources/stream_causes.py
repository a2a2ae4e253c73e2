"""Diagnosis of network cameras without video: the likeliest cause and its remedy in one line."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

_NOT_HERE = "it has nothing at this path ({status}); see the camera's manual for the path of its stream"
_OVERLOADED = "it answers {status}: too many viewers, or it wants a restart"
_OF_STATUS = {
    401: "it refuses this user name or password (401); check both, and that the user may see the video",
    403: "it refuses access (403); check which users and addresses the camera allows",
    **dict.fromkeys((404, 410, 454), _NOT_HERE),
    **dict.fromkeys((429, 453, 500, 502, 503, 504), _OVERLOADED),
}
_PORTS = {"http": 80, "https": 443, "rtsp": 554, "rtsps": 322}
_TLS = {"https", "rtsps"}


@dataclass(frozen=True, slots=True)
class Target:
    """Address and credentials of a camera."""

    scheme: str
    host: str
    port: int
    path: str
    user: str | None
    password: str

    @property
    def encrypted(self) -> bool:
        """True if the connection uses TLS."""
        return self.scheme in _TLS


def target(uri: str) -> Target:
    """Parse the address of a stream."""
    parts = urlsplit(uri)
    path = parts.path or "/"
    return Target(
        parts.scheme,
        parts.hostname or "",
        parts.port or _PORTS[parts.scheme],
        f"{path}?{parts.query}" if parts.query else path,
        None if parts.username is None else unquote(parts.username),
        unquote(parts.password or ""),
    )


def unverified() -> ssl.SSLContext:
    """Return a TLS context that, like FFmpeg, accepts self-signed certificates; the received data are not trusted."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def of_connection(error: Exception, to: Target) -> str:
    """Return why a connection failed."""
    cause = getattr(error, "reason", error)
    for kind, words in _OF_CONNECTION:
        if isinstance(cause, kind):
            return words(to)
    return f"{to.host}: {getattr(cause, 'strerror', None) or cause}; check the address and the network"


def of_status(status: int, to: Target) -> str | None:
    """Explain an HTTP or RTSP status for a stream; return ``None`` for success."""
    if status < 300:
        return None
    words = _OF_STATUS.get(status, "it answers {status}; check the path and the camera's settings")
    if status == 401 and to.user is None:
        words = "it wants a user name and a password (401): {scheme}://USER:PASSWORD@{host}/…"
    return words.format(status=status, scheme=to.scheme, host=to.host)


def _refused(to: Target) -> str:
    return f"nothing listens on port {to.port} of {to.host}; check the port, and that the camera is on"


def _unknown(to: Target) -> str:
    return f"the name {to.host} is not known in this network; check it, or give the camera's IP address"


def _silent(to: Target) -> str:
    return f"{to.host} does not answer; check the address, and that the camera is on and in this network"


def nothing_sent(to: Target) -> str:
    """Return the cause for a camera that accepts the connection and stays silent."""
    return f"{to.host} accepts the connection and sends nothing: it may have too many viewers or need a restart"


def _no_tls(to: Target) -> str:
    plain = to.scheme.removesuffix("s")
    return f"port {to.port} does not speak TLS as {to.scheme}:// does; try {plain}://"


def _closed(to: Target) -> str:
    return f"it closes the connection without an answer; check that port {to.port} is the one for {to.scheme}://"


_OF_CONNECTION: tuple[tuple[type[BaseException], Callable[[Target], str]], ...] = (
    (ConnectionRefusedError, _refused),
    (socket.gaierror, _unknown),
    (TimeoutError, _silent),
    (ssl.SSLError, _no_tls),
    (ConnectionError, _closed),
)
