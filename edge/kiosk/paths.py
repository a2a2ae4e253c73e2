"""Places that clients take for a while: streams, uploads, visitors' rooms, requests that are being answered.

There is a bounded number of each. One address gets no more than its share, and some places beyond the bound are for
operators who are logged in and for the device's own screen. Whoever is on that screen always gets a place: where none
is free, the oldest of the same kind makes room.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from edge.util.connections import site_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import Scope

_SCREEN = frozenset({"127.0.0.1", "::1"})
_FORWARDED = ("x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded", "via")


@dataclass(frozen=True, slots=True)
class Client:
    """A client that takes a slot; ``site`` is the network that counts as one address.

    ``operates`` is true for an operator who is logged in, ``local`` for a program on the device itself.
    """

    site: str
    operates: bool = False
    local: bool = False


def site(scope: Scope) -> str:
    """Return the address, or network, that a request counts for."""
    return site_of((scope.get("client") or ("",))[0])


def is_local(scope: Scope) -> bool:
    """Return True for a request of the device's own screen: from this machine and through no proxy."""
    address = (scope.get("client") or ("",))[0]
    headers = Headers(scope=scope)
    return address in _SCREEN and not any(name in headers for name in _FORWARDED)


class Full(Exception):
    """No place is free; ``of_address`` where only this address has its share."""

    def __init__(self, *, of_address: bool) -> None:
        super().__init__("this address has its share" if of_address else "every place is taken")
        self.of_address = of_address


class Places:
    """``most`` places, ``per_address`` of them for one address at most, and ``reserved`` ones beyond for operators."""

    def __init__(self, most: int, *, per_address: int | None = None, reserved: int = 0) -> None:
        self.most = most
        self.per_address = max(1, most // 2) if per_address is None else per_address
        self.reserved = reserved
        self._taken: dict[object, tuple[Client, Callable[[], None] | None]] = {}
        self._by_site: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._taken)

    def check(self, client: Client) -> None:
        """See that :meth:`take` gives ``client`` a place now.

        Raises:
            Full: it does not.
        """
        if self._displaceable(client) is not None or (client.operates and len(self) < self.most + self.reserved):
            return
        if client.local and len(self) < self.most + self.reserved and self._by_site[client.site] < self.per_address:
            return
        if self._by_site[client.site] >= self.per_address:
            raise Full(of_address=True)
        if len(self) >= self.most:
            raise Full(of_address=False)

    @contextmanager
    def take(self, client: Client, end: Callable[[], None] | None = None) -> Iterator[None]:
        """Hold a place; ``end`` lets it go early, for another one from the device's own screen.

        Raises:
            Full: none is free.
        """
        self.check(client)
        oldest = self._displaceable(client)
        if oldest is not None:
            _, make_room = self._taken[oldest]
            self._release(oldest)
            if make_room is not None:
                make_room()
        key = object()
        self._taken[key] = client, end
        self._by_site[client.site] += 1
        try:
            yield
        finally:
            self._release(key)

    def _release(self, key: object) -> None:
        found = self._taken.pop(key, None)
        if found is not None:
            self._by_site[found[0].site] -= 1
            if not self._by_site[found[0].site]:
                del self._by_site[found[0].site]

    def _displaceable(self, client: Client) -> object | None:
        """Return the oldest place from the device's own screen, where a new one from there needs it."""
        free = len(self) < self.most + self.reserved and self._by_site[client.site] < self.per_address
        if not client.local or client.operates or free:
            return None
        own = (key for key, (held, end) in self._taken.items() if held.local and not held.operates and end is not None)
        return next(own, None)
