"""Confirmation of QoS 0 messages, for brokers that accept nothing else.

A broker handles the packets of a connection in order, so when it answers a request that was sent after a message, it
has read the message as well. The request is an UNSUBSCRIBE for a topic that was never subscribed to, which changes
nothing and is always answered.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from edge.sinks.mqtt.receipt import Receipt

PATIENCE_S = 10.0
"""Seconds after which an unanswered request counts as unsupported; written messages then count as confirmed."""


class Fence:
    """Delays receipts of QoS 0 messages until confirmed; ``ask`` sends the request and returns its number."""

    def __init__(self, ask: Callable[[], int | None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._expected: set[int] = set()
        self._written: list[Receipt] = []
        self._behind: list[Receipt] = []
        self._released: list[Receipt] = []
        self._number: int | None = None
        self._asked_s = 0.0
        self._unanswered = False

    def expect(self, number: int) -> None:
        """Expect confirmation of message ``number``; call this before :meth:`sort` sees its receipt."""
        self._expected.add(number)

    def answered(self, number: int) -> None:
        """Process the broker's answer to request ``number``."""
        if number == self._number:
            self._release()

    def sort(self, receipts: Iterable[Receipt]) -> list[Receipt]:
        """Return the confirmed receipts; send the request for the rest if none is pending."""
        passed = []
        for receipt in receipts:
            if receipt.number in self._expected:
                self._expected.discard(receipt.number)
                self._written.append(receipt)
            else:
                passed.append(receipt)
        if self._number is not None and self._clock() - self._asked_s > PATIENCE_S:
            self._unanswered = True
            self._release()
        if self._unanswered:
            self._released += self._written
            self._written = []
        elif self._written and self._number is None:
            self._number, self._asked_s = self._ask(), self._clock()
            self._behind, self._written = self._written, []
        released, self._released = self._released, []
        return [*passed, *released]

    def _release(self) -> None:
        self._released += self._behind
        self._behind, self._number = [], None
