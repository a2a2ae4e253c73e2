"""Exponential backoff with jitter, so that a fleet does not reconnect all at once (pure except for randomness)."""

from __future__ import annotations

import random


class Backoff:
    """Pauses of ``first_s``, then twice as long each time up to ``max_s``; each is drawn from its upper half."""

    def __init__(self, *, first_s: float = 0.5, max_s: float = 60.0, seed: int | None = None) -> None:
        self._first_s = first_s
        self._max_s = max_s
        self._random = random.Random(seed)
        self._next_s = min(first_s, max_s)

    def reset(self) -> None:
        """Return to the shortest pause after a successful attempt."""
        self._next_s = min(self._first_s, self._max_s)

    def next_s(self) -> float:
        """Return the pause before the next attempt, in seconds."""
        pause, self._next_s = self._next_s, min(self._next_s * 2, self._max_s)
        return pause * self._random.uniform(0.5, 1.0)
