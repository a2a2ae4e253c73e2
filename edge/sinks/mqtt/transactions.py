"""Record of requests by transaction, so that a repeated request is executed once; thread-safe."""

from __future__ import annotations

import threading
from collections import OrderedDict

REMEMBERED = 256
"""Maximum number of completed transactions remembered; the oldest is forgotten first."""
IN_PROGRESS = "this transaction is in progress"
DONE = "this transaction was answered already"
BUSY = "too many requests wait: try again"


class Transactions:
    """Transactions in progress and completed; requests without a transaction are counted too.

    Call ``begin`` before a request is passed on and ``end`` with its answer. Only completed requests are remembered: a
    refused one changed nothing and may be sent again under the same transaction.
    """

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._lock = threading.Lock()
        self._named: set[str] = set()
        self._done: OrderedDict[str, None] = OrderedDict()
        self.in_progress = 0
        """Number of requests that have begun and not ended."""

    def begin(self, transaction: str | None) -> str:
        """Record ``transaction`` as in progress; return why it must not be executed now, or an empty string."""
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
        """Record the end of ``transaction`` and whether it was ``done``."""
        with self._lock:
            self.in_progress -= 1
            if transaction is None:
                return
            self._named.discard(transaction)
            if done:
                self._done[transaction] = None
                if len(self._done) > self._remembered:
                    self._done.popitem(last=False)
