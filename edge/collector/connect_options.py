"""Properties of MQTT 5 CONNECT and the last will."""

from __future__ import annotations

from dataclasses import dataclass

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


@dataclass(frozen=True, slots=True)
class ConnectOptions:
    """Options of CONNECT; zero and ``None`` keep the broker's defaults.

    ``receive_maximum`` bounds the unacknowledged QoS 1 messages from the broker, ``packet_max_bytes`` the size of its
    packets.
    """

    session_expiry_s: int = 0
    clean_start: bool = True
    receive_maximum: int | None = None
    packet_max_bytes: int | None = None
    manual_ack: bool = False

    def properties(self) -> Properties:
        """Return the options as properties of CONNECT."""
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
    """Retained message that the broker publishes when the client disappears."""

    topic: str
    payload: str
