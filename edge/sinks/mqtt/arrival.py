"""A message that reached us, and who wants it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Arrival:
    """As it came; ``response_topic`` and ``correlation`` are MQTT 5's, where the sender gave them."""

    topic: str
    payload: bytes
    retained: bool = False
    response_topic: str | None = None
    correlation: bytes | None = None


class Listener(Protocol):
    """Wants what is published on some topics."""

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Topic filters; no two listeners share one."""

    def take(self, arrival: Arrival) -> None:
        """See to a message, on the client's thread; returns at once and raises nothing."""
