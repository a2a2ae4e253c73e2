"""Queue between the thread that reads from the broker and the one that writes to the database.

QoS 1 messages are bounded by the receive maximum, since nothing is acknowledged before it is stored; QoS 0 messages are
bounded here: beyond the limit they are dropped and counted.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """A received message; ``link`` is the number of its connection, 0 for QoS 0, which is not acknowledged."""

    topic: str
    payload: bytes
    received_at: datetime
    number: int
    link: int


class Inbox:
    """Thread-safe queue of received messages: ``put`` on one side, ``take`` on the other."""

    def __init__(self, *, unacknowledged_max: int = 10_000) -> None:
        self._letters: deque[IncomingMessage] = deque()
        self._changed = threading.Condition()
        self._unacknowledged_max = unacknowledged_max
        self._unacknowledged = 0
        self._closed = False
        self.drops = 0

    def __len__(self) -> int:
        return len(self._letters)

    def put(self, letter: IncomingMessage) -> None:
        """Add a message; drop it if it is of QoS 0 and too many of those wait."""
        with self._changed:
            if not letter.link:
                if self._unacknowledged >= self._unacknowledged_max:
                    self.drops += 1
                    return
                self._unacknowledged += 1
            self._letters.append(letter)
            if len(self._letters) == 1:
                self._changed.notify()

    def take(self, most: int, *, linger_s: float, timeout_s: float) -> list[IncomingMessage] | None:
        """Return up to ``most`` messages, in order.

        Wait ``timeout_s`` for the first one, and ``linger_s`` more for others, since a commit costs the same for many.
        Return an empty list if none arrived, and ``None`` if the inbox is closed and empty.
        """
        with self._changed:
            if not self._letters and not self._closed:
                self._changed.wait(timeout_s)
            if not self._letters:
                return None if self._closed else []
        until_s = time.monotonic() + linger_s
        while len(self._letters) < most and not self._closed and (left_s := until_s - time.monotonic()) > 0:
            time.sleep(min(left_s, 0.005))
        with self._changed:
            taken = [self._letters.popleft() for _ in range(min(most, len(self._letters)))]
            self._unacknowledged -= sum(not letter.link for letter in taken)
        return taken

    def close(self) -> None:
        """Close the inbox; waiting messages can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
