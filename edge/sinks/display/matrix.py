"""An 8x8 LED matrix with a MAX7219 on SPI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge.sinks.display import glyphs
from edge.sinks.display.looks import mien
from edge.sinks.display.luma_display import LumaDisplay

if TYPE_CHECKING:
    from PIL.Image import Image

    from edge.config import MatrixConfig
    from edge.core.events import Look


class Matrix(LumaDisplay):
    """Display of one glyph; SPI has no acknowledgement, so a missing matrix goes unnoticed."""

    bus = "spi"
    native_size = (glyphs.SIZE, glyphs.SIZE)

    def __init__(self, config: MatrixConfig) -> None:
        super().__init__(f"8x8 matrix on /dev/spidev{config.spi_port}.{config.spi_device}", config)
        self._port, self._chip_select = config.spi_port, config.spi_device

    def connect(self) -> Any:
        """Return the MAX7219; its chip select is the bus's, no other pin is used."""
        from luma.core.interface.serial import noop, spi
        from luma.led_matrix.device import max7219

        # there are no data/command and reset pins: without a substitute luma would need RPi.GPIO
        serial = spi(port=self._port, device=self._chip_select, gpio=noop())
        return max7219(serial, width=glyphs.SIZE, height=glyphs.SIZE, rotate=self._config.rotate)

    def picture(self, look: Look, size: tuple[int, int]) -> Image:  # noqa: ARG002 - always square
        """Return the look's glyph."""
        return glyphs.picture(mien(look))
