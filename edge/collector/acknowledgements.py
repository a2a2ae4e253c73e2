"""What the broker is still to be told: a message is acknowledged over the connection that it came over."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge.collector.inbox import IncomingMessage
    from edge.collector.polled_connection import PolledConnection


class Acknowledgements:
    """``settle`` may be called from another thread than the rest."""

    def __init__(self) -> None:
        self._due: deque[tuple[int, int]] = deque()
        self._link = 0
        self.in_hand = 0
        """Messages of QoS 1 that came over this connection and are not acknowledged."""

    @property
    def due(self) -> bool:
        """True while something waits for ``give``."""
        return bool(self._due)

    def begin(self) -> int:
        """A new connection; gives its number, from 1 on."""
        self._link += 1
        self.in_hand = 0
        return self._link

    def came(self, qos: int) -> None:
        """A message came over this connection."""
        self.in_hand += qos > 0

    def settle(self, letters: Iterable[IncomingMessage]) -> None:
        """These need not come again."""
        self._due.extend((letter.link, letter.number) for letter in letters if letter.link)

    def give(self, link: PolledConnection) -> None:
        """Acknowledge; what came over another connection comes again, and its receipt would mean nothing here."""
        while self._due:
            came_over, number = self._due.popleft()
            if came_over == self._link:
                link.acknowledge(number)
                self.in_hand -= 1
