"""Identity of a collector in its group."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Membership:
    """Identity and capacity of this collector.

    ``own_client_id`` is for a broker that prescribes the client id of a user; by default it is built from the names.
    ``receive_maximum`` bounds memory: at most that many messages of ``packet_max_bytes`` are held, two batches, so that
    one is read while the other is written. With ``leave`` the collector processes waiting messages and ends its
    session.
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
        """Client id, stable across restarts so that the broker finds the session."""
        return self.own_client_id or f"{self.prefix.replace('/', '-')}-collect-{self.group}-{self.instance}"
