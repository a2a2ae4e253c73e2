"""What a client asks of the broker when it connects."""

from __future__ import annotations

from dataclasses import dataclass

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


@dataclass(frozen=True, slots=True)
class ConnectOptions:
    """What a client asks for in CONNECT; zero and ``None`` leave the broker's defaults.

    ``receive_maximum`` bounds the messages of QoS 1 that the broker sends before they are acknowledged,
    ``packet_max_bytes`` what it sends at all.
    """

    session_expiry_s: int = 0
    clean_start: bool = True
    receive_maximum: int | None = None
    packet_max_bytes: int | None = None
    manual_ack: bool = False

    def properties(self) -> Properties:
        """As CONNECT carries them."""
        made = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        if self.session_expiry_s:
            made.SessionExpiryInterval = self.session_expiry_s
        if self.receive_maximum:
            made.ReceiveMaximum = self.receive_maximum
        if self.packet_max_bytes:
            made.MaximumPacketSize = self.packet_max_bytes
        return made


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes, retained, when the client is gone without a word."""

    topic: str
    payload: str
