"""Under which names and addresses this device is reached."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from edge.core.errors import HardwareUnavailable
from edge.system.installation import adding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge.config import KioskConfig

    Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MOST = 32
"""Addresses that are told; a machine with many virtual networks has more than anyone comes by."""


def own_addresses() -> tuple[str, ...]:
    """Addresses of this machine's interfaces but link-local ones: IPv4 first, loopback last.

    Raises:
        HardwareUnavailable: `ifaddr` is not installed.
    """
    try:
        import ifaddr
    except ImportError:
        msg = f'the addresses of this device need ifaddr: {adding("kiosk")}, or set kiosk.tls = "off"'
        raise HardwareUnavailable(msg) from None
    given = [ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips]
    return sort(str(ip) if isinstance(ip, str) else str(ip[0]) for ip in given)


def sort(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return the usable ones of ``addresses``, each once: IPv4 first, loopback last."""
    found: set[Address] = set()
    for text in addresses:
        address = ipaddress.ip_address(text.partition("%")[0])
        if not (address.is_link_local or address.is_multicast or address.is_unspecified):
            found.add(address)
    return tuple(str(one) for one in sorted(found, key=lambda one: (one.is_loopback, one.version, int(one)))[:MOST])


def reached_at(config: KioskConfig, host: str, addresses: tuple[str, ...]) -> str | None:
    """Return the ``HOST:PORT`` by which others reach this server; ``None`` where only this machine can.

    ``host`` is a request's own ``HOST[:PORT]``: who came from elsewhere came by what others can come by.
    """
    if not is_local(host):
        return host
    served = ipaddress.ip_address(config.host)
    if served.is_loopback:
        return None
    names = [config.host] if not served.is_unspecified else [one for one in addresses if not is_local(one)]
    port = host.rpartition(":")[2]
    suffix = f":{port}" if port.isdigit() and not host.endswith("]") and ":" in host else ""
    return None if not names else (f"[{names[0]}]" if ":" in names[0] else names[0]) + suffix


def is_local(host: str) -> bool:
    """Return whether ``host`` (``HOST[:PORT]`` or an address) is a loopback name or address."""
    name = host.partition("]")[0].strip("[") if host.startswith("[") else host
    name = name if name.count(":") > 1 else name.partition(":")[0]
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name.rstrip(".") == "localhost"
