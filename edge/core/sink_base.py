"""The base of sinks with neither a clock nor a queue of their own."""

from __future__ import annotations


class BaseSink:
    """Defaults for the parts of :class:`~edge.core.protocols.Sink` that few sinks need."""

    wants_ticks: bool = False

    def tick(self, now_ns: int) -> None:
        """Do nothing: there is nothing to do without a message."""

    @property
    def queue_depth(self) -> int:
        """Messages that wait in the sink itself: none."""
        return 0

    @property
    def drops(self) -> int:
        """Messages that the sink itself has dropped: none."""
        return 0
