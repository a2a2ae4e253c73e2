"""Report which events are stored in the session file, for answers that are held back until then."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.recording.writer import SessionWriter

_PENDING_MAX = 1000


class CommitWatcher:
    """Watcher of writes: passes the ``seq`` of stored events to ``kept``, and calls ``failing`` when writes fail."""

    def __init__(self) -> None:
        self._handled: list[int] = []
        self._failed = False
        self.kept: Callable[[list[int]], None] = lambda _numbers: None
        self.failing: Callable[[], None] = lambda: None

    def handled(self, number: int) -> None:
        """Note that everything to be stored of this event was passed to the writer."""
        self._handled.append(number)
        del self._handled[:-_PENDING_MAX]

    def notify(self, writer: SessionWriter) -> None:
        """Call the callbacks for what has changed; to be called after each write."""
        if not writer.waits and (self._handled or self._failed):
            kept, self._handled = self._handled, []
            self._failed = False
            self.kept(kept)
        elif writer.faulty and self._handled and not self._failed:
            self._failed = True
            self.failing()
