"""A display as a sink: applies the minimum display time and advances animations."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from edge.core.events import Lighting, Look
from edge.core.sink_base import BaseSink
from edge.sinks.display.min_display_time import MinDisplayTime

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.config import DisplayConfig
    from edge.core.events import Message
    from edge.sinks.display.base import Display


class DisplaySink(BaseSink):
    """Sink that shows looks on ``display``; ``handle`` and ``tick`` belong to one thread.

    ``tick`` is required at least every 50 ms: it shows the waiting look and advances blinking. ``clock`` returns
    monotonic nanoseconds, the same clock with which ``tick`` is called.
    """

    wants_ticks = True
    accepts: tuple[type, ...] = (Look, Lighting)

    def __init__(
        self, display: Display, config: DisplayConfig, *, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self.name = f"display {config.kind}"
        self.display = display
        self._clock = clock
        self._hold = MinDisplayTime(round(config.min_hold_s * 1e9))

    def open(self) -> None:
        """Open the display and show the last look, if it was closed in between.

        Raises:
            SinkError: it cannot be used now.
            HardwareUnavailable: a package or the hardware is missing.
        """
        self.display.open()
        self._hold.forget()
        self._show(self._hold.tick(self._clock()))

    def handle(self, message: Message) -> None:
        """Accept a look or a brightness.

        Raises:
            SinkError: the display went away.
        """
        if isinstance(message, Look):
            self._show(self._hold.offer(message, self._clock()))
        elif isinstance(message, Lighting):
            self.display.dim(message.level)

    def tick(self, now_ns: int) -> None:
        """Show the look that is due and advance animations to ``now_ns``.

        Raises:
            SinkError: the display went away.
        """
        self._show(self._hold.tick(now_ns))
        self.display.animate(now_ns)

    def close(self) -> None:
        """Go dark and release the hardware; idempotent."""
        self.display.close()

    def _show(self, look: Look | None) -> None:
        if look is not None:
            self.display.show(look)
