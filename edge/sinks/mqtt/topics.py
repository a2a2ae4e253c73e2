"""The node's topics, each with its retain flag and quality of service, in one table."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

_RETAINED_AND_QOS = {
    "availability": (True, 1),
    "info": (True, 1),
    "camera": (True, 1),
    "state": (True, 0),
    "health": (True, 0),
    "event": (False, 1),
    "aggregate": (False, 1),
    "track": (False, 0),
    "session": (True, 1),
    "privacy/state": (True, 1),
    "display/state": (True, 1),
}


@dataclass(frozen=True, slots=True)
class Topic:
    """Topic of one kind of message, with its delivery settings."""

    name: str
    retain: bool
    qos: int

    @property
    def kind(self) -> str:
        """The last level: ``event``, ``state``, …."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Topics:
    """Every topic that a node publishes on."""

    availability: Topic
    info: Topic
    camera: Topic
    state: Topic
    health: Topic
    event: Topic
    aggregate: Topic
    track: Topic
    session: Topic
    privacy_state: Topic
    display_state: Topic

    @classmethod
    def of(cls, prefix: str, node: str) -> Self:
        """Return the topics ``PREFIX/NODE/…`` of one node."""
        return cls(
            **{
                name.replace("/", "_"): Topic(f"{prefix}/{node}/{name}", retain, qos)
                for name, (retain, qos) in _RETAINED_AND_QOS.items()
            }
        )

    def all(self) -> tuple[Topic, ...]:
        """Return all topics."""
        return tuple(getattr(self, field.name) for field in fields(self))


@dataclass(frozen=True, slots=True)
class Publication:
    """One message on its way to the broker.

    ``expiry_s``, ``content_type`` and ``correlation`` (of an answer) reach MQTT 5 brokers only.
    ``seq`` is the number within the topic. A message with one must not be lost: it passes through the outbox.
    """

    topic: Topic
    payload: str
    content_type: str = "application/json"
    expiry_s: int | None = None
    seq: int | None = None
    correlation: bytes | None = None


PLAIN = "text/plain"


def availability(topics: Topics, *, online: bool) -> Publication:
    """Return the ``online`` or ``offline`` message, to publish or to register as the last will."""
    return Publication(topics.availability, "online" if online else "offline", PLAIN)
