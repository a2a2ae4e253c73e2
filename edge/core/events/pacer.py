"""How often state is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.core.events.messages import State


class Pacer:
    """State's rate rule: on change, at most one per ``min_interval``, the trailing value always, a heartbeat."""

    def __init__(self, *, min_interval_ns: int = 10**9, heartbeat_ns: int = 60 * 10**9) -> None:
        self._min_interval_ns = min_interval_ns
        self._heartbeat_ns = heartbeat_ns
        self._sent: State | None = None
        self._sent_ns = 0
        self._latest: State | None = None

    def offer(self, state: State, now_ns: int) -> State | None:
        """Take the newest state; returns it when it is to be sent now."""
        self._latest = state
        return self.tick(now_ns)

    def tick(self, now_ns: int) -> State | None:
        """What is due at ``now_ns``: a held-back change, or a heartbeat."""
        if self._latest is None:
            return None
        if self._sent is not None:
            elapsed = now_ns - self._sent_ns
            due = self._min_interval_ns if self._latest.differs_from(self._sent) else self._heartbeat_ns
            if elapsed < due:
                return None
        self._sent, self._sent_ns = self._latest, now_ns
        return self._latest

    def flush(self) -> State | None:
        """The trailing value that was not sent yet, if any."""
        if self._latest is None or not self._latest.differs_from(self._sent):
            return None
        self._sent = self._latest
        return self._latest
