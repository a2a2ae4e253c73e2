"""Pauses between starts that fail: one failure costs none, those that follow it ever more."""

from __future__ import annotations

import time

_LONGEST_S = 30.0
_COUNTED = 10


class Pauses:
    """Count failures in a row, and say whether it is too soon to try again."""

    def __init__(self) -> None:
        self._failures = 0
        self._not_before_s = 0.0

    @property
    def resting(self) -> bool:
        """Return whether the pause after the last failure has not ended."""
        return time.monotonic() < self._not_before_s

    def fail(self) -> None:
        """Begin the pause after a failure."""
        pause_s = 0.0 if self._failures == 0 else min(_LONGEST_S, 2.0 ** (self._failures - 1))
        self._failures = min(self._failures + 1, _COUNTED)
        self._not_before_s = time.monotonic() + pause_s

    def succeed(self) -> None:
        """Forget earlier failures."""
        self._failures = 0
