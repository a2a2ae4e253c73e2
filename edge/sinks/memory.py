"""A sink that stores what it receives, for tests and embedding applications."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

from edge.core.events import CameraStatus, Event, Health, Info, Look, State
from edge.core.sink_base import BaseSink
from edge.core.types import Observation

if TYPE_CHECKING:
    from edge.core.events import Message

T = TypeVar("T")


class MemorySink(BaseSink):
    """Store of all messages in order, ``messages``; ``opened`` and ``closed`` count the calls."""

    def __init__(
        self,
        accepts: tuple[type, ...] = (Observation, State, Event, Info, Health, CameraStatus, Look),
        name: str = "memory",
    ) -> None:
        self.name = name
        self.accepts = accepts
        self.messages: list[Message] = []
        self.opened = 0
        self.closed = 0
        self._arrived = threading.Condition()

    def open(self) -> None:
        """Count the call."""
        self.opened += 1

    def handle(self, message: Message) -> None:
        """Store ``message``."""
        with self._arrived:
            self.messages.append(message)
            self._arrived.notify_all()

    def close(self) -> None:
        """Count the call."""
        self.closed += 1

    def of(self, kind: type[T]) -> list[T]:
        """Return the messages of one kind received so far."""
        return [message for message in self.messages if isinstance(message, kind)]

    def wait_for(self, kind: type[T], *, count: int = 1, timeout_s: float = 60.0) -> list[T]:
        """Return the messages of ``kind`` once there are ``count`` of them or the time is up."""
        with self._arrived:
            self._arrived.wait_for(lambda: len(self.of(kind)) >= count, timeout_s)
        return self.of(kind)
