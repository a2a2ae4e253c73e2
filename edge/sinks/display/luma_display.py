"""Base class of LED matrix and OLED: a luma device that shows monochrome pictures."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from edge.sinks.display.base import Display
from edge.sinks.display.luma_device import check_emulator, emulated, luma_errors

if TYPE_CHECKING:
    from PIL.Image import Image

    from edge.config import MatrixConfig, OledConfig
    from edge.core.events import Look


class LumaDisplay(Display):
    """A monochrome display; a subclass opens the real device and draws the picture of a look.

    ``device`` is luma's device while it is open. Brightness is the chip's contrast; 0 switches the light off.
    """

    bus: str
    native_size: tuple[int, int]

    def __init__(self, name: str, config: MatrixConfig | OledConfig) -> None:
        check_emulator(config.emulate, name)
        self.name = f"{name} (emulated by {config.emulate})" if config.emulate else name
        self.device: Any = None
        self._config = config
        self._picture: Image | None = None
        self._shown: bytes | None = None
        self._level = 1.0

    @abstractmethod
    def connect(self) -> Any:
        """Return luma's device on the real bus."""

    @abstractmethod
    def picture(self, look: Look, size: tuple[int, int]) -> Image:
        """Return the picture of ``look``, ``size`` (width, height) pixels of mode ``1``."""

    def open(self) -> None:
        """Open the display, blank and at the configured brightness."""
        self.close()
        with luma_errors(self.name, self.bus):
            self.device = self._emulated() if self._config.emulate else self.connect()
            self.device.clear()
            self._shine()

    def show(self, look: Look) -> None:
        """Draw ``look``; an unchanged picture is not sent again, since the bus is slow."""
        if self.device is not None:
            self._picture = self.picture(look, self.device.size)
            with luma_errors(self.name, self.bus):
                self._draw()

    def dim(self, level: float) -> None:
        """Set the chip's contrast, or blank it and switch its light off."""
        self._level = level
        if self.device is not None:
            with luma_errors(self.name, self.bus):
                self._shine()

    def close(self) -> None:
        """Blank the display, switch its light off and close the bus."""
        device, self.device, self._shown, self._picture = self.device, None, None, None
        if device is None:
            return
        with luma_errors(self.name, self.bus), ExitStack() as steps:
            # luma's cleanup runs last, even if the display no longer responds
            steps.callback(_release, device)
            device.clear()
            device.hide()

    @property
    def _contrast(self) -> int:
        return round(self._config.brightness * self._level * 255)

    def _shine(self) -> None:
        self.device.contrast(self._contrast)
        if self._contrast:
            self.device.show()
            self._draw()
        else:
            self.device.clear()
            self.device.hide()
            self._shown = None

    def _draw(self) -> None:
        if self._picture is None or not self._contrast or self._picture.tobytes() == self._shown:
            return
        self.device.display(self._picture)
        self._shown = self._picture.tobytes()

    def _emulated(self) -> Any:
        stem = f"face-edge-{self._config.kind}"
        rotate, matrix = self._config.rotate, self._config.kind == "matrix"
        return emulated(self._config.emulate, self.native_size, rotate=rotate, matrix=matrix, stem=stem)


def _release(device: Any) -> None:
    """Close the bus without sending anything over it."""
    device.persist = True
    device.cleanup()
