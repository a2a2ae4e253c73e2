"""Says which events have reached the sessions' file, to whoever holds an answer back until they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.recording.writer import SessionWriter

_MOST = 1000


class CommitWatcher:
    """``kept`` hears of events by their ``seq``, ``failing`` that the file cannot be written now."""

    def __init__(self) -> None:
        self._handled: list[int] = []
        self._failed = False
        self.kept: Callable[[list[int]], None] = lambda _numbers: None
        self.failing: Callable[[], None] = lambda: None

    def handled(self, number: int) -> None:
        """What is to be kept of this event, if anything, was given to the keeper."""
        self._handled.append(number)
        del self._handled[:-_MOST]

    def tell(self, keeper: SessionWriter) -> None:
        """Tell what has changed; to be called after each write."""
        if not keeper.waits and (self._handled or self._failed):
            kept, self._handled = self._handled, []
            self._failed = False
            self.kept(kept)
        elif keeper.faulty and self._handled and not self._failed:
            self._failed = True
            self.failing()
