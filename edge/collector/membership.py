"""Who a collector is in its group."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Membership:
    """Who this collector is, and how much it takes at a time.

    ``own_client_id`` is for a broker that allows a user one client id; by default it is made of the names.
    ``receive_maximum`` bounds memory: so many messages of at most ``packet_max_bytes`` are here at once, two batches,
    so that one can be read while the other is written. ``leave`` takes what waits and then ends the session for good.
    """

    prefix: str
    group: str
    instance: str
    session_expiry_s: int = 7 * 86_400
    receive_maximum: int = 2000
    packet_max_bytes: int = 64 * 1024
    leave: bool = False
    leave_after_s: float = 3.0
    stop_grace_s: float = 10.0
    own_client_id: str = ""

    @property
    def client_id(self) -> str:
        """Stable over restarts: the broker finds the session by it."""
        return self.own_client_id or f"{self.prefix.replace('/', '-')}-collect-{self.group}-{self.instance}"
