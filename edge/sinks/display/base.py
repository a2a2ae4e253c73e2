"""Base class of displays; :class:`~edge.sinks.display.sink.DisplaySink` drives it from one thread."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from edge.core.events import Look


class Display(ABC):
    """A piece of hardware that shows looks.

    ``open`` and ``close`` may be called repeatedly, ``close`` also before ``open``. ``name`` identifies the display
    with its pins or bus and begins every message.
    """

    name: str

    @abstractmethod
    def open(self) -> None:
        """Open the hardware and leave it dark.

        Raises:
            SinkError: it is busy, broken or not permitted; the message names the pin or bus and the remedy.
            HardwareUnavailable: a package or the hardware itself is missing.
        """

    @abstractmethod
    def show(self, look: Look) -> None:
        """Show ``look`` from now on.

        Raises:
            SinkError: the hardware went away.
        """

    @abstractmethod
    def dim(self, level: float) -> None:
        """Set the brightness to ``level`` 0..1 of the configured one, also after ``close`` and ``open``.

        Raises:
            SinkError: the hardware went away.
        """

    def animate(self, now_ns: int) -> None:  # noqa: B027 - most displays are static
        """Advance a blinking or breathing look to ``now_ns`` on a monotonic clock; called at least every 50 ms."""

    @abstractmethod
    def close(self) -> None:
        """Go dark and release the hardware; idempotent."""

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
