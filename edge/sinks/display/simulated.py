"""LEDs for a machine without GPIO: gpiozero's mock pins with readable levels and history.

Used by ``face-edge demo`` and to try a configuration on a desktop computer. gpiozero has one pin driver per process, so
every display opened within :func:`simulated_pins` gets simulated pins.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gpiozero import Device
from gpiozero.pins.mock import MockFactory, MockPWMPin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HISTORY_LENGTH = 10_000
"""Number of changes kept per pin, so that an endless demonstration does not fill the memory."""


class SimulatedPin(MockPWMPin):
    """A dimmable mock pin with times of its changes."""

    def __init__(self, factory: Any, info: Any) -> None:
        self.history: deque[tuple[float, float]] = deque(maxlen=HISTORY_LENGTH)
        super().__init__(factory, info)

    def clear_states(self) -> None:
        """Restart gpiozero's list of changes, bounded as well."""
        super().clear_states()
        begun: list[Any] = self.states
        self.states: Any = deque(begun, maxlen=HISTORY_LENGTH)

    def _change_state(self, value: float) -> bool:
        changed = bool(super()._change_state(value))
        if changed:
            self.history.append((time.monotonic(), float(value)))
        return changed


class SimulatedPins:
    """The pins of a simulated board, by BCM number."""

    def __init__(self, factory: Any) -> None:
        self._factory = factory

    def levels(self, pins: Iterable[int]) -> dict[int, float]:
        """Return the current level of each pin as a share of full voltage 0..1; 0 for one that drives nothing."""
        return {pin: self._level(pin) for pin in pins}

    def history(self, pin: int) -> list[tuple[float, float]]:
        """Return ``(time.monotonic() seconds, level 0..1)`` of each change of ``pin``, oldest first."""
        return list(self._factory.pin(pin).history)

    def driven(self, pin: int) -> bool:
        """Return whether a device drives ``pin``; an LED on a floating pin is dark, however it is wired."""
        return bool(self._factory.pin(pin).function == "output")

    def _level(self, pin: int) -> float:
        return float(self._factory.pin(pin).state) if self.driven(pin) else 0.0


@contextmanager
def simulated_pins() -> Iterator[SimulatedPins]:
    """Give gpiozero simulated pins inside the context, then restore its driver."""
    before = Device.pin_factory
    factory = MockFactory(pin_class=SimulatedPin)
    Device.pin_factory = factory
    try:
        yield SimulatedPins(factory)
    finally:
        factory.close()
        Device.pin_factory = before
