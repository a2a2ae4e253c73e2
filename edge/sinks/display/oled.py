"""A 128x64 OLED with an SSD1306 on I2C."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge.sinks.display.luma_display import LumaDisplay
from edge.sinks.display.screen import screen

if TYPE_CHECKING:
    from PIL.Image import Image

    from edge.config import OledConfig
    from edge.core.events import Look

_DISPLAY_OFF = 0xAE


class Oled(LumaDisplay):
    """Display of a face, its name, the number of people and a confidence bar."""

    bus = "i2c"
    native_size = (128, 64)

    def __init__(self, config: OledConfig) -> None:
        super().__init__(f"OLED at 0x{config.i2c_address:02X} on /dev/i2c-{config.i2c_port}", config)
        self._port, self._address = config.i2c_port, config.i2c_address

    def connect(self) -> Any:
        """Return the SSD1306."""
        from luma.core.interface.serial import i2c
        from luma.oled.device import ssd1306

        serial = i2c(port=self._port, address=self._address)
        try:
            # luma's devices live until the process ends: create none for a display that is not connected
            serial.command(_DISPLAY_OFF)
        except BaseException:
            serial.cleanup()
            raise
        return ssd1306(serial, rotate=self._config.rotate)

    def picture(self, look: Look, size: tuple[int, int]) -> Image:
        """Draw the face beside the values, or above them on a rotated display."""
        return screen(look, size)
