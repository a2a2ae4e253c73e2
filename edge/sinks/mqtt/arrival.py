"""Received messages and the protocol of their listeners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Arrival:
    """A received message; ``response_topic`` and ``correlation`` are MQTT 5 properties, if the sender set them."""

    topic: str
    payload: bytes
    retained: bool = False
    response_topic: str | None = None
    correlation: bytes | None = None


class Listener(Protocol):
    """Receiver of the messages on some topics."""

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Topic filters; no two listeners share one."""

    def take(self, arrival: Arrival) -> None:
        """Handle a message on the client's thread; return at once and raise nothing."""
