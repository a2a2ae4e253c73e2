"""Listening TCP sockets for the page, the metrics and the embedded broker."""

from __future__ import annotations

import errno
import ipaddress
import logging
import socket
from dataclasses import dataclass

from edge.core.errors import SinkError

_LOG = logging.getLogger(__name__)
_HIGHEST_PRIVILEGED_PORT = 1023
_ALL_IPV4 = "0.0.0.0"  # noqa: S104 - used for comparison, and for "::" on a machine without IPv6
_ALL = "::"
_NO_IPV6 = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT}


@dataclass(frozen=True, slots=True)
class ServerDescription:
    """Description of a server for messages: its name, the setting of its address, and how to choose another port."""

    name: str
    host_setting: str
    port_remedy: str


def listen(host: str, port: int, service: ServerDescription) -> socket.socket:
    """Listen on the IP address ``host``; ``::`` serves IPv4 and IPv6.

    On a machine without IPv6, ``::`` serves IPv4 only and a warning is logged.

    Raises:
        SinkError: the address cannot be served.
    """
    try:
        return _bind(host, port)
    except OSError as error:
        if host != _ALL or error.errno not in _NO_IPV6:
            raise _as_sink_error(error, host, port, service) from None
    _LOG.warning("%s: this machine has no IPv6: %s is served over IPv4 only", service.host_setting, service.name)
    try:
        return _bind(_ALL_IPV4, port)
    except OSError as error:
        raise _as_sink_error(error, _ALL_IPV4, port, service) from None


def check_address(host: str, port: int, service: ServerDescription) -> None:
    """Check that this process may serve ``host`` and ``port``, even if they are in use at present.

    Raises:
        SinkError: the address is not this machine's, or the port needs privileges.
    """
    try:
        _try(host, port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE and not (host == _ALL and error.errno in _NO_IPV6):
            raise _as_sink_error(error, host, port, service) from None


def is_taken(host: str, port: int) -> bool:
    """Return whether another socket serves this address and port."""
    try:
        _try(host, port)
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False


def local_address(host: str) -> str:
    """Return the address at which this machine itself reaches a server on ``host``."""
    if not ipaddress.ip_address(host).is_unspecified:
        return host
    # IPv4 for "::" too, which also works on machines without IPv6
    return "127.0.0.1" if host != _ALL or socket.has_dualstack_ipv6() or not socket.has_ipv6 else "::1"


def in_url(host: str) -> str:
    """Return ``host`` in the notation of URLs: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host


def plain_address(address: str) -> str:
    """Return a peer's address; an IPv4-mapped IPv6 address in its IPv4 form."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


def _try(host: str, port: int) -> None:
    """Bind without listening, which does not disturb other servers."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind(socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)[0][4])


def _bind(host: str, port: int) -> socket.socket:
    if ":" not in host:
        return socket.create_server((host, port))
    both = host == _ALL and socket.has_dualstack_ipv6()
    if host == _ALL and not both:
        _LOG.warning("this system has no dual-stack sockets: [::]:%d serves IPv6 only", port)
    # resolved first: a link-local address is bound together with its interface
    address = socket.getaddrinfo(host, port, socket.AF_INET6, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)[0][4]
    return socket.create_server(address, family=socket.AF_INET6, dualstack_ipv6=both)


def _as_sink_error(error: OSError, host: str, port: int, service: ServerDescription) -> SinkError:
    if error.errno == errno.EADDRINUSE:
        return SinkError(f"port {port} is used by another program: stop it or {service.port_remedy}")
    if error.errno in {errno.EACCES, errno.EPERM} and port <= _HIGHEST_PRIVILEGED_PORT:
        return SinkError(f"port {port} needs privileges: {service.port_remedy}, above {_HIGHEST_PRIVILEGED_PORT}")
    if error.errno in _NO_IPV6 or isinstance(error, socket.gaierror):
        return SinkError(f"{host} is not an address of this machine: set {service.host_setting}")
    if error.errno == errno.EINVAL and ipaddress.ip_address(host).is_link_local:
        return SinkError(f"{host} needs its interface, as in {host}%eth0: set {service.host_setting}")
    return SinkError(f"{service.name} cannot be served at {in_url(host)}:{port}: {error.strerror or error}")
