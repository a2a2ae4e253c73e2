"""Memory of requests by their transaction, so that one that arrives twice is done once; thread-safe."""

from __future__ import annotations

import threading
from collections import OrderedDict

REMEMBERED = 256
"""Transactions that were done; the oldest is forgotten first."""
IN_PROGRESS = "this transaction is being done"
DONE = "this transaction was answered already"
BUSY = "too many requests wait: try again"


class Transactions:
    """``begin`` before a request is handed on, ``end`` with its answer; requests without a transaction are counted too.

    Only what was done is remembered: a request that was refused changed nothing, and may come again under the same
    transaction.
    """

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._lock = threading.Lock()
        self._named: set[str] = set()
        self._done: OrderedDict[str, None] = OrderedDict()
        self.in_progress = 0
        """Number of requests that were begun and have not ended."""

    def begin(self, transaction: str | None) -> str:
        """Note that ``transaction`` is in progress; return why it must not be done now, or an empty string."""
        with self._lock:
            if transaction is not None:
                if transaction in self._done:
                    return DONE
                if transaction in self._named:
                    return IN_PROGRESS
                self._named.add(transaction)
            self.in_progress += 1
            return ""

    def end(self, transaction: str | None, *, done: bool) -> None:
        """Note what became of ``transaction``."""
        with self._lock:
            self.in_progress -= 1
            if transaction is None:
                return
            self._named.discard(transaction)
            if done:
                self._done[transaction] = None
                if len(self._done) > self._remembered:
                    self._done.popitem(last=False)
