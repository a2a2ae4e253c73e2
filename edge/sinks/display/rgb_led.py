"""One RGB LED: a color per emotion, blinking and breathing for other states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.sinks.display.led_display import LedDisplay
from edge.sinks.display.looks import appearance

if TYPE_CHECKING:
    from edge.config import RgbLedConfig
    from edge.core.events import Look


class RgbLed(LedDisplay):
    """An RGB LED on three pins, common cathode or common anode.

    It is three dimmable LEDs for gpiozero, so that errors name the affected pin.
    """

    def __init__(self, config: RgbLedConfig) -> None:
        super().__init__("RGB LED", config.pins(), brightness=config.brightness, active_high=not config.common_anode)

    def targets(self, look: Look) -> dict[str, float]:
        """Return the look's color as light per role."""
        return dict(zip(("red", "green", "blue"), appearance(look).colour, strict=True))
