"""Pauses between connection attempts and filtering of log lines, so that no broker is flooded."""

from __future__ import annotations

from edge.util.backoff import Backoff

_STABLE_AFTER_S = 5.0
_FLAPPING = 3
_HOPEFUL_S = 60.0


class ReconnectPolicy:
    """Policy that resets pauses and log filter only after a stable connection; times in monotonic seconds."""

    def __init__(self) -> None:
        # a restarted Mosquitto has lost shared subscriptions: reconnect before the devices do
        self._quick = Backoff(first_s=0.05, max_s=0.25)
        self._backoff = Backoff(first_s=1.0, max_s=10.0)
        self._joined_s: float | None = None
        self._lost_s: float | None = None
        self._short_lived = 0
        self._said = ""

    @property
    def flapping(self) -> bool:
        """True after several successive short-lived connections."""
        return self._short_lived >= _FLAPPING

    def attempting(self) -> None:
        """Record a connection attempt."""
        self._joined_s = None

    def joined(self, now_s: float) -> None:
        """Record that the connection was established."""
        self._joined_s = now_s

    def lost(self, now_s: float) -> None:
        """Record that the connection ended or failed."""
        if self._joined_s is not None and now_s - self._joined_s >= _STABLE_AFTER_S:
            self._quick.reset()
            self._backoff.reset()
            self._lost_s = None
            self._said = ""
            self._short_lived = 0
        elif self._joined_s is not None:
            self._short_lived += 1

    def is_news(self, text: str) -> bool:
        """Return whether ``text`` differs from the last line logged."""
        news, self._said = text != self._said, text
        return news

    def pause_s(self, now_s: float) -> float:
        """Return the next pause in seconds: short while a broker may be restarting, then increasing."""
        self._lost_s = now_s if self._lost_s is None else self._lost_s
        hopeful = now_s - self._lost_s < _HOPEFUL_S and not self.flapping
        return (self._quick if hopeful else self._backoff).next_s()
