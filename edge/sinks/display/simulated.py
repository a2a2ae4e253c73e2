"""LEDs for a machine without GPIO: gpiozero's mock pins, with their levels and history to read.

Used by ``face-edge demo`` and by whoever tries a configuration on a desk computer. gpiozero's pin driver is one for
the whole process, so that every display opened within :func:`simulated_pins` gets simulated pins.
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
"""Changes kept per pin: a demonstration without end must not fill the memory."""


class SimulatedPin(MockPWMPin):
    """A mock pin that can be dimmed and knows when its level changed."""

    def __init__(self, factory: Any, info: Any) -> None:
        self.history: deque[tuple[float, float]] = deque(maxlen=HISTORY_LENGTH)
        super().__init__(factory, info)

    def clear_states(self) -> None:
        """Begin gpiozero's own list of changes anew, bounded as well."""
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
        """What each pin drives now, as a share of full voltage 0..1; 0 for one that drives nothing."""
        return {pin: self._level(pin) for pin in pins}

    def history(self, pin: int) -> list[tuple[float, float]]:
        """``(time.monotonic() seconds, level 0..1)`` of each change of ``pin``, oldest first."""
        return list(self._factory.pin(pin).history)

    def driven(self, pin: int) -> bool:
        """True while a device drives ``pin``; an LED on a pin that floats is dark, whichever way it is wired."""
        return bool(self._factory.pin(pin).function == "output")

    def _level(self, pin: int) -> float:
        return float(self._factory.pin(pin).state) if self.driven(pin) else 0.0


@contextmanager
def simulated_pins() -> Iterator[SimulatedPins]:
    """Give gpiozero simulated pins for as long as the context lasts, then what it had before."""
    before = Device.pin_factory
    factory = MockFactory(pin_class=SimulatedPin)
    Device.pin_factory = factory
    try:
        yield SimulatedPins(factory)
    finally:
        factory.close()
        Device.pin_factory = before
