"""Lists of addresses and networks in the configuration."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

_LOCALHOST = ("127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Networks:
    """Addresses and networks; ``text in networks`` is False if the text is not an address."""

    members: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()

    @classmethod
    def of(cls, text: str) -> Networks:
        """Parse addresses, networks in CIDR notation and ``localhost``, separated by spaces or commas.

        Raises:
            ValueError: one is none of these, or includes every address.
        """
        words = text.replace(",", " ").replace("localhost", " ".join(_LOCALHOST)).split()
        return cls(tuple(map(_network, words)))

    def __contains__(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        return any(parsed in member for member in self.members)


def _network(word: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        network = ipaddress.ip_network(word.strip("[]"), strict=False)
    except ValueError:
        msg = f"expected addresses or networks such as 127.0.0.1 and 172.16.0.0/12, found {word!r}"
        raise ValueError(msg) from None
    if network.prefixlen == 0:
        msg = f"{word} includes every address: list only the addresses of the proxies"
        raise ValueError(msg)
    return network
