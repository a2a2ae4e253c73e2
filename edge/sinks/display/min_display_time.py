"""Minimum display time: each look stays for a while, and the newest is always shown eventually."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.sinks.display.looks import mien

if TYPE_CHECKING:
    from edge.core.events import Look


class MinDisplayTime:
    """Decision when a look is shown; pure, all times in nanoseconds of one monotonic clock.

    Another emotion or kind waits until the current one has been shown for ``min_hold_ns``; new values of the current
    one (confidence, people) pass at once. Of waiting looks only the newest is kept.
    """

    def __init__(self, min_hold_ns: int) -> None:
        self._min_hold_ns = min_hold_ns
        self._shown: Look | None = None
        self._since_ns = 0
        self.wanted: Look | None = None

    def offer(self, look: Look, now_ns: int) -> Look | None:
        """Accept the newest look; return it if it must be shown now."""
        self.wanted = look
        return self.tick(now_ns)

    def tick(self, now_ns: int) -> Look | None:
        """Return the waiting look once it is due."""
        if self.wanted is None or self.wanted == self._shown:
            return None
        if self._shown is None or mien(self.wanted) != mien(self._shown):
            if self._shown is not None and now_ns - self._since_ns < self._min_hold_ns:
                return None
            self._since_ns = now_ns
        self._shown = self.wanted
        return self._shown

    def forget(self) -> None:
        """Reset after the display was closed: the wanted look is due at once."""
        self._shown = None
