"""Pins of a simulated board: levels, history, and nothing left behind."""

from __future__ import annotations

import time

import gpiozero

from edge.sinks.display import simulated
from edge.sinks.display.simulated import simulated_pins


def test_levels_and_history_follow_an_led() -> None:
    begin = time.monotonic()
    with simulated_pins() as pins, gpiozero.PWMLED(17) as led:
        led.value = 0.25
        assert pins.levels([17, 18]) == {17: 0.25, 18: 0.0}
        led.off()
        history = pins.history(17)
    assert [level for _, level in history] == [0.25, 0.0]
    assert begin <= history[0][0] <= history[1][0] <= time.monotonic()


def test_the_former_pins_come_back() -> None:
    before = gpiozero.Device.pin_factory
    with simulated_pins():
        assert gpiozero.Device.pin_factory is not before
    assert gpiozero.Device.pin_factory is before


def test_history_is_bounded() -> None:
    with simulated_pins() as pins, gpiozero.PWMLED(17) as led:
        for step in range(simulated.HISTORY_LENGTH + 10):
            led.value = 0.1 + 0.1 * (step % 2)
        assert len(pins.history(17)) == simulated.HISTORY_LENGTH
        assert len(led.pin.states) == simulated.HISTORY_LENGTH
