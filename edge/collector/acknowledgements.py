"""Pending acknowledgements, each to be sent over the connection on which its message arrived."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge.collector.inbox import IncomingMessage
    from edge.collector.polled_connection import PolledConnection


class Acknowledgements:
    """Pending acknowledgements; ``settle`` may be called from another thread than the rest."""

    def __init__(self) -> None:
        self._due: deque[tuple[int, int]] = deque()
        self._link = 0
        self.in_hand = 0
        """Number of QoS 1 messages of this connection that are not acknowledged."""

    @property
    def due(self) -> bool:
        """True while acknowledgements wait for ``give``."""
        return bool(self._due)

    def begin(self) -> int:
        """Start a new connection and return its number, from 1 on."""
        self._link += 1
        self.in_hand = 0
        return self._link

    def came(self, qos: int) -> None:
        """Count a message received over this connection."""
        self.in_hand += qos > 0

    def settle(self, letters: Iterable[IncomingMessage]) -> None:
        """Mark messages as ready to be acknowledged."""
        self._due.extend((letter.link, letter.number) for letter in letters if letter.link)

    def give(self, link: PolledConnection) -> None:
        """Acknowledge messages of this connection; those of another are sent again, so theirs would be meaningless."""
        while self._due:
            came_over, number = self._due.popleft()
            if came_over == self._link:
                link.acknowledge(number)
                self.in_hand -= 1
