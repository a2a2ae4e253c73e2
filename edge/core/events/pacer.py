"""Rate limit of the published state."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.core.events.messages import State


class Pacer:
    """Publishes a changed state at most once per ``min_interval``, always the last value, and a heartbeat."""

    def __init__(self, *, min_interval_ns: int = 10**9, heartbeat_ns: int = 60 * 10**9) -> None:
        self._min_interval_ns = min_interval_ns
        self._heartbeat_ns = heartbeat_ns
        self._sent: State | None = None
        self._sent_ns = 0
        self._latest: State | None = None

    def offer(self, state: State, now_ns: int) -> State | None:
        """Take the newest state; return it if it is due now."""
        self._latest = state
        return self.tick(now_ns)

    def tick(self, now_ns: int) -> State | None:
        """Return the state that is due at ``now_ns``, a held-back change or a heartbeat; otherwise ``None``."""
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
        """Return the last value if it was not sent yet."""
        if self._latest is None or not self._latest.differs_from(self._sent):
            return None
        self._sent = self._latest
        return self._latest
