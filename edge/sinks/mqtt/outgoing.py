"""What waits for the broker; pure and not thread-safe by itself.

Of each retained topic only the newest value counts and is sent again on every connection. Anything else leaves in order
and is kept until the broker has acknowledged it; beyond the bound the oldest is dropped and counted.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.sinks.mqtt.topics import Publication


class Outgoing:
    """``put`` in, ``take`` and ``sent`` on the way out, ``acknowledged`` or ``reconnected`` afterwards."""

    def __init__(self, capacity: int = 1000) -> None:
        self._capacity = capacity
        self._newest: dict[str, Publication] = {}
        self._due: dict[str, None] = {}
        self._waiting: deque[Publication] = deque()
        self._in_flight: dict[int, Publication] = {}
        self._events_in_flight = 0
        self.drops = 0

    @property
    def depth(self) -> int:
        """Events that the broker has not acknowledged."""
        return len(self._waiting) + self._events_in_flight

    @property
    def idle(self) -> bool:
        """True when nothing is left to send and no event awaits its receipt."""
        return not self.depth and not self._due

    def put(self, publication: Publication) -> None:
        """Add a message."""
        name = publication.topic.name
        if publication.topic.retain:
            self._newest[name] = publication
            self._due[name] = None
            return
        if self.depth >= self._capacity and self._waiting:
            self._waiting.popleft()
            self.drops += 1
        self._waiting.append(publication)

    def take(self, window: int) -> Publication | None:
        """The next message to send, as long as fewer than ``window`` await their receipt: retained ones first."""
        if len(self._in_flight) >= window:
            return None
        if self._due:
            name = next(iter(self._due))
            del self._due[name]
            return self._newest[name]
        return self._waiting.popleft() if self._waiting else None

    def sent(self, publication: Publication, number: int) -> None:
        """``publication`` went out as ``number``."""
        if publication.topic.qos:
            self._in_flight[number] = publication
            self._events_in_flight += not publication.topic.retain

    def acknowledged(self, number: int, *, taken: bool = True) -> Publication | None:
        """The broker answered ``number``; an event that it did not take is lost and counted."""
        publication = self._in_flight.pop(number, None)
        if publication is not None and not publication.topic.retain:
            self._events_in_flight -= 1
            self.drops += not taken
        return publication

    def reconnected(self) -> None:
        """A new connection: every retained value is due, and what was not acknowledged waits again, in order."""
        unanswered = [publication for publication in self._in_flight.values() if not publication.topic.retain]
        self._waiting.extendleft(reversed(unanswered))
        self._in_flight.clear()
        self._events_in_flight = 0
        self._due = dict.fromkeys(self._newest)
