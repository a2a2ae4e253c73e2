"""Creation of the configured display; only its backend is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.config import LedsConfig, MatrixConfig, OledConfig, RgbLedConfig
from edge.sinks.display.sink import DisplaySink

if TYPE_CHECKING:
    from edge.config import DisplayConfig
    from edge.sinks.display.base import Display


def create(config: DisplayConfig) -> DisplaySink:
    """Return a sink for the display of ``config``, not opened.

    Raises:
        ConfigError: ``emulate`` names no emulator.
    """
    return DisplaySink(create_display(config), config)


def create_display(config: DisplayConfig) -> Display:
    """Return the display of ``config`` without its sink, not opened.

    Raises:
        ConfigError: ``emulate`` names no emulator.
    """
    if isinstance(config, RgbLedConfig):
        from edge.sinks.display.rgb_led import RgbLed

        return RgbLed(config)
    if isinstance(config, LedsConfig):
        from edge.sinks.display.leds import Leds

        return Leds(config)
    if isinstance(config, MatrixConfig):
        from edge.sinks.display.matrix import Matrix

        return Matrix(config)
    if isinstance(config, OledConfig):
        from edge.sinks.display.oled import Oled

        return Oled(config)
    from edge.sinks.display.terminal import Terminal

    return Terminal()
