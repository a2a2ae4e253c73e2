"""Limits on the connections of a server that untrusted clients reach: per address, in total, and by descriptors.

A connection is idle while it waits for its client: for a request, the rest of one, or the reading of a response. At a
limit, the connection that has been idle longest is closed in favour of a new one. A client cannot displace the active
connections of another address.
"""

from __future__ import annotations

import ipaddress
import resource
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from edge.util.sockets import plain_address

if TYPE_CHECKING:
    from collections.abc import Callable

_IPV6_SITE = 64
"""Prefix length of an IPv6 site: a client that has one address of it can use them all."""
_RESERVED_DESCRIPTORS = 256


class ManagedConnection(Protocol):
    """A connection that a :class:`ConnectionTable` holds."""

    @property
    def idle_since(self) -> float | None:
        """Return the monotonic time in seconds since which the client is awaited; ``None`` if it is not."""
        ...

    def drop(self) -> None:
        """Close it at once and discard unsent data."""
        ...


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Largest number of connections in total and per address; descriptors from ``descriptor`` on are reserved."""

    most: int
    per_address: int
    descriptor: int

    @classmethod
    def of(cls, most: int, per_address: int) -> ConnectionLimits:
        """Return limits that reserve a part of this process's descriptors, by its current limit."""
        limit = descriptor_limit()
        reserved = min(_RESERVED_DESCRIPTORS, limit // 4)
        most = max(1, min(most, (limit - reserved) * 3 // 4))
        return cls(most, max(1, min(per_address, most * 2 // 3)), limit - reserved)


def descriptor_limit() -> int:
    """Return how many descriptors this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 20 if soft == resource.RLIM_INFINITY else soft


def site_of(address: str) -> str:
    """Return the unit that counts as one client: an IPv4 address, or the /64 of an IPv6 address."""
    plain = plain_address(address)
    try:
        parsed = ipaddress.ip_address(plain)
    except ValueError:
        return plain
    if parsed.version == 4 or parsed.is_loopback:
        return plain
    return str(ipaddress.ip_network((parsed, _IPV6_SITE), strict=False))


class ConnectionTable:
    """The open connections by address; used on one thread.

    ``exempt`` returns whether the limit per address does not apply to an address, such as a reverse proxy's.
    """

    def __init__(self, bounds: ConnectionLimits, *, exempt: Callable[[str], bool] = lambda _: False) -> None:
        self.bounds = bounds
        self._exempt = exempt
        self._by_site: dict[str, dict[ManagedConnection, None]] = {}
        self._count = 0
        self.displaced = 0

    def __len__(self) -> int:
        return self._count

    def admit(self, address: str, descriptor: int) -> str:
        """Make room for a connection from ``address``; return the reason for its refusal, or an empty string.

        ``descriptor`` is its number. The kernel assigns the lowest free one, so it shows how many are in use.
        """
        site = site_of(address)
        ours = self._by_site.get(site, {})
        if len(ours) >= self.bounds.per_address and not self._exempt(address) and not self._displace([site]):
            return "too many from one address"
        if (descriptor >= self.bounds.descriptor or self._count >= self.bounds.most) and not self._displace():
            return "too many in all" if self._count >= self.bounds.most else "too few descriptors are free"
        return ""

    def add(self, address: str, connection: ManagedConnection) -> None:
        """Register ``connection`` until it is removed."""
        self._by_site.setdefault(site_of(address), {})[connection] = None
        self._count += 1

    def remove(self, address: str, connection: ManagedConnection) -> None:
        """Unregister ``connection``; may be called repeatedly."""
        site = site_of(address)
        held = self._by_site.get(site, {})
        if connection in held:
            del held[connection]
            self._count -= 1
            if not held:
                del self._by_site[site]

    def all(self) -> list[tuple[str, ManagedConnection]]:
        """Return every connection with the address or network under which it is counted."""
        return [(site, connection) for site, held in self._by_site.items() for connection in held]

    def make_room(self) -> None:
        """Close some idle connections because another part of the process has used up the descriptors."""
        for _ in range(16):
            if not self._displace():
                return

    def _displace(self, sites: list[str] | None = None) -> bool:
        """Close the longest idle connection of the first of ``sites`` that has one, by default of the busiest site."""
        if sites is None:
            sites = sorted(self._by_site, key=lambda site: (self._exempt(site), -len(self._by_site[site])))
        for site in sites:
            idle = [(since, one) for one in self._by_site[site] if (since := one.idle_since) is not None]
            if idle:
                victim = min(idle, key=lambda pair: pair[0])[1]
                self.remove(site, victim)
                self.displaced += 1
                victim.drop()
                return True
        return False
