"""Settings of the displays, and the pins that each uses."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edge.config.section import BcmPin, ConfigSection, Seconds, Share
from edge.core.class_names import ClassName


class _DisplayConfig(ConfigSection):
    brightness: Share = Field(0.6, description="0 dark to 1 full")
    min_hold_s: Seconds = Field(0.3, description="each look is shown for at least this long")


class RgbLedConfig(_DisplayConfig):
    """One RGB LED with a colour per emotion."""

    kind: Literal["rgb_led"] = Field(description="this display")
    red: BcmPin = Field(description="pin of the red channel, BCM number", examples=[17])
    green: BcmPin = Field(description="pin of the green channel, BCM number", examples=[27])
    blue: BcmPin = Field(description="pin of the blue channel, BCM number", examples=[22])
    common_anode: bool = Field(False, description="the LED is lit while the pin is low")

    def pins(self) -> dict[str, int]:
        """Return the pins by role."""
        return {"red": self.red, "green": self.green, "blue": self.blue}


class LedsConfig(_DisplayConfig):
    """One LED per emotion, or per class of a model with its own; omit those that are not connected."""

    kind: Literal["leds"] = Field(description="this display")
    leds: dict[ClassName, BcmPin] = Field(
        min_length=1,
        description="pin of each emotion's LED, BCM number",
        examples=[{"angry": 5, "disgust": 6, "fear": 13, "happy": 19, "sad": 26, "surprise": 16, "neutral": 20}],
    )
    status: BcmPin | None = Field(
        None, description="pin of an LED for no face, uncertain, paused and fault", examples=[21]
    )
    active_high: bool = Field(True, description="the LED is lit while the pin is high")

    def pins(self) -> dict[str, int]:
        """Return the pins by role."""
        status = {} if self.status is None else {"status": self.status}
        return {f"leds.{emotion}": pin for emotion, pin in self.leds.items()} | status


class MatrixConfig(_DisplayConfig):
    """An 8x8 MAX7219 LED matrix on SPI."""

    kind: Literal["matrix"] = Field(description="this display")
    spi_port: int = Field(0, ge=0, le=6, description="SPI bus: /dev/spidevPORT.DEVICE")
    spi_device: int = Field(0, ge=0, le=2, description="chip select on that bus")
    rotate: Literal[0, 1, 2, 3] = Field(0, description="quarter turns")
    emulate: str = Field(
        "", description="without hardware: dummy, or luma.emulator's capture, pygame, gifanim, asciiart"
    )

    def pins(self) -> dict[str, int]:
        """Return the pins by role, of SPI0 only; other buses need their own overlays."""
        if self.emulate or self.spi_port != 0:
            return {}
        return {"MOSI": 10, "SCLK": 11, "CE": 8 - self.spi_device} if self.spi_device < 2 else {}


class OledConfig(_DisplayConfig):
    """A 128x64 SSD1306 OLED on I2C."""

    kind: Literal["oled"] = Field(description="this display")
    i2c_port: int = Field(1, ge=0, le=20, description="I2C bus: /dev/i2c-PORT")
    i2c_address: int = Field(0x3C, ge=0x03, le=0x77, description="address on that bus: 60 is 0x3C")
    rotate: Literal[0, 1, 2, 3] = Field(0, description="quarter turns")
    emulate: str = Field(
        "", description="without hardware: dummy, or luma.emulator's capture, pygame, gifanim, asciiart"
    )

    def pins(self) -> dict[str, int]:
        """Return the pins by role, of I2C bus 1 only."""
        return {"SDA": 2, "SCL": 3} if self.i2c_port == 1 and not self.emulate else {}


class TerminalConfig(_DisplayConfig):
    """An emoji and a bar on the terminal."""

    kind: Literal["terminal"] = Field(description="this display")

    def pins(self) -> dict[str, int]:
        """Return no pins."""
        return {}


DisplayConfig = Annotated[
    RgbLedConfig | LedsConfig | MatrixConfig | OledConfig | TerminalConfig, Field(discriminator="kind")
]
SHARED_BUS_ROLES = {"SDA", "SCL", "MOSI", "SCLK"}
