"""One LED per emotion and an optional status LED."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.sinks.display.led_display import LedDisplay

if TYPE_CHECKING:
    from edge.config import LedsConfig
    from edge.core.events import Look

STATUS = "status"


class Leds(LedDisplay):
    """A row of LEDs.

    An emotion lights its own LED, or the status LED if it has none. Other looks play their pattern on the status LED,
    or on all LEDs together if there is none.
    """

    def __init__(self, config: LedsConfig) -> None:
        super().__init__("LEDs", config.pins(), brightness=config.brightness, active_high=config.active_high)
        self._of_emotion = {emotion: f"leds.{emotion}" for emotion in config.leds}
        self._of_the_rest = [STATUS] if config.status is not None else list(self._of_emotion.values())

    def targets(self, look: Look) -> dict[str, float]:
        """Return full light for the LEDs on which this look is shown."""
        if look.emotion is None:
            return dict.fromkeys(self._of_the_rest, 1.0)
        return {self._of_emotion.get(look.emotion, STATUS): 1.0}
