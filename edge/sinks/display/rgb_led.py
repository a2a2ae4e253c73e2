"""One RGB LED: a colour an emotion, blinking and breathing for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.sinks.display.led_display import LedDisplay
from edge.sinks.display.looks import appearance

if TYPE_CHECKING:
    from edge.config import RgbLedConfig
    from edge.core.events import Look


class RgbLed(LedDisplay):
    """An RGB LED on three pins, common cathode or common anode.

    It is three dimmable LEDs to gpiozero, so that a pin that cannot be had is named.
    """

    def __init__(self, config: RgbLedConfig) -> None:
        super().__init__("RGB LED", config.pins(), brightness=config.brightness, active_high=not config.common_anode)

    def targets(self, look: Look) -> dict[str, float]:
        """The look's colour."""
        return dict(zip(("red", "green", "blue"), appearance(look).colour, strict=True))
