"""Base class of RGB LED and LED row: dimmable LEDs that follow a look's pattern."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edge.sinks.display.base import Display
from edge.sinks.display.looks import appearance, mien
from edge.sinks.gpio import gpio_errors, open_leds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.core.events import Look
    from edge.sinks.display.looks import Mien, Pattern

FAINTEST = 0.01
"""Smallest duty that is not dark: lgpio's PWM supports only whole percents, and so do we."""


class LedDisplay(Display):
    """LEDs by role; a subclass defines in :meth:`targets` which of them a look lights and how brightly."""

    def __init__(self, name: str, pins: Mapping[str, int], *, brightness: float, active_high: bool) -> None:
        self.name = name
        self._pins = dict(pins)
        self._brightness = brightness
        self._level = 1.0
        self._active_high = active_high
        self._leds: dict[str, Any] = {}
        self._now: _Showing | None = None

    @abstractmethod
    def targets(self, look: Look) -> Mapping[str, float]:
        """Return the light 0..1 of each role's LED at the top of the look's pattern; omitted roles are dark."""

    def open(self) -> None:
        """Open the pins; the LEDs are dark."""
        self.close()
        self._leds = open_leds(self.name, self._pins, active_high=self._active_high)

    def show(self, look: Look) -> None:
        """Light the look's LEDs; a look already shown continues its pattern."""
        if self._now is not None and self._now.mien == mien(look):
            return
        self._now = _Showing(mien(look), appearance(look).pattern, dict(self.targets(look)))
        self._write(self._now, self._now.elapsed_s)

    def dim(self, level: float) -> None:
        """Apply the brightness to the current look at once."""
        self._level = level
        if self._now is not None:
            self._write(self._now, self._now.elapsed_s)

    def animate(self, now_ns: int) -> None:
        """Follow the pattern, whose time starts with the first call after ``show``."""
        if self._now is None or self._now.pattern.steady:
            return
        if self._now.since_ns is None:
            self._now.since_ns = now_ns
        self._now.elapsed_s = (now_ns - self._now.since_ns) / 1e9
        self._write(self._now, self._now.elapsed_s)

    def close(self) -> None:
        """Switch all LEDs off and release all pins."""
        leds, self._leds, self._now = self._leds, {}, None
        with gpio_errors(self.name), ExitStack() as all_of_them:
            for led in leds.values():
                all_of_them.callback(led.close)
                all_of_them.callback(led.off)

    def _write(self, showing: _Showing, elapsed_s: float) -> None:
        level = showing.pattern.level(elapsed_s) * self._brightness * self._level
        for role, led in self._leds.items():
            light = showing.targets.get(role, 0.0) * level
            duty = max(round(light, 2), FAINTEST) if light > 0 else 0.0
            if duty != showing.written.get(role):
                with gpio_errors(f"{self.name}: GPIO{self._pins[role]} ({role})"):
                    led.value = duty
                showing.written[role] = duty


@dataclass(slots=True)
class _Showing:
    """The look being shown and the start of its pattern."""

    mien: Mien
    pattern: Pattern
    targets: dict[str, float]
    since_ns: int | None = None
    elapsed_s: float = 0.0
    written: dict[str, float] = field(default_factory=dict)
