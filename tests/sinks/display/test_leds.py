"""RGB LED and LED row on simulated pins: levels, colours, patterns, close."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from edge.config import LedsConfig, RgbLedConfig
from edge.core.events import Look, LookKind
from edge.core.types import EMOTIONS, Emotion
from edge.sinks.display.led_display import FAINTEST
from edge.sinks.display.leds import Leds
from edge.sinks.display.looks import APPEARANCES
from edge.sinks.display.rgb_led import RgbLed

if TYPE_CHECKING:
    from edge.sinks.display.led_display import LedDisplay
    from edge.sinks.display.simulated import SimulatedPins

RGB = {"red": 17, "green": 27, "blue": 22}
ROW = {emotion: pin for pin, emotion in enumerate(EMOTIONS, start=5)}
STATUS = 21


def rgb_led(**settings: Any) -> RgbLed:
    return RgbLed(RgbLedConfig(kind="rgb_led", **RGB, **settings))


def row(**settings: Any) -> Leds:
    return Leds(LedsConfig(kind="leds", **{"leds": ROW, **settings}))


def course(display: LedDisplay, board: SimulatedPins, look: Look, *, seconds: float = 4.0) -> list[tuple[float, ...]]:
    """Levels of all pins over time, seen every 50 ms."""
    pins = [*RGB.values(), *ROW.values(), STATUS]
    display.show(look)
    seen = []
    for step in range(round(seconds / 0.05)):
        display.animate(step * 50_000_000)
        seen.append(tuple(board.levels(pins).values()))
    return seen


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_rgb_led_shows_the_colour_at_the_brightness(pins: SimulatedPins, emotion: Emotion) -> None:
    with rgb_led(brightness=0.5) as display:
        display.show(Look(LookKind.EMOTION, emotion))
        levels = list(pins.levels(RGB.values()).values())
    assert levels == pytest.approx([0.5 * share for share in APPEARANCES[emotion].colour], abs=0.0051)


def test_common_anode_turns_the_levels_round(pins: SimulatedPins) -> None:
    display = rgb_led(brightness=1, common_anode=True)
    display.open()
    assert pins.levels(RGB.values()) == {17: 1.0, 27: 1.0, 22: 1.0}
    display.show(Look(LookKind.EMOTION, Emotion.SAD))
    assert pins.levels(RGB.values()) == pytest.approx({17: 1.0, 27: 1.0, 22: 0.3})
    display.close()


@pytest.mark.parametrize("make", [rgb_led, row, lambda: row(status=STATUS)], ids=["rgb", "row", "row and status"])
@pytest.mark.parametrize("brightness", [1.0, 0.6, 0.1])
def test_every_two_looks_differ(pins: SimulatedPins, looks: list[Look], make: Any, brightness: float) -> None:
    display = make()
    display._brightness = brightness
    with display:
        courses = [tuple(course(display, pins, look)) for look in looks]
    assert len(set(courses)) == len(looks)


def test_an_emotion_lights_its_own_led_only(pins: SimulatedPins) -> None:
    with row(brightness=0.6) as display:
        for emotion in EMOTIONS:
            display.show(Look(LookKind.EMOTION, emotion))
            lit = {pin: level for pin, level in pins.levels(ROW.values()).items() if level}
            assert lit == {ROW[emotion]: 0.6}


def test_what_is_no_emotion_takes_the_status_led_or_all(pins: SimulatedPins) -> None:
    with row(status=STATUS, brightness=1) as display:
        display.show(Look(LookKind.FAULT))
        assert pins.levels([STATUS, *ROW.values()]) == {STATUS: 1.0, **dict.fromkeys(ROW.values(), 0.0)}
    with row(brightness=1) as display:
        display.show(Look(LookKind.FAULT))
        assert set(pins.levels(ROW.values()).values()) == {1.0}


def test_an_emotion_without_an_led_takes_the_status_led(pins: SimulatedPins) -> None:
    with row(leds={Emotion.HAPPY: 5}, status=STATUS, brightness=1) as display:
        display.show(Look(LookKind.EMOTION, Emotion.SAD))
        assert pins.levels([5, STATUS]) == {5: 0.0, STATUS: 1.0}
    with row(leds={Emotion.HAPPY: 5}) as display:
        display.show(Look(LookKind.EMOTION, Emotion.SAD))
        assert pins.levels([5]) == {5: 0.0}


def test_repeated_looks_do_not_start_the_pattern_anew(pins: SimulatedPins) -> None:
    with rgb_led(brightness=1) as display:
        for step in range(12):
            display.show(Look(LookKind.STARTING))
            display.animate(step * 50_000_000)
        assert pins.levels([17]) == {17: 0.0}, "0.55 s into a blink of 1 s"


def test_fault_is_recorded_as_a_double_blink(pins: SimulatedPins) -> None:
    with rgb_led(brightness=1) as display:
        course(display, pins, Look(LookKind.FAULT), seconds=1.0)
        assert [level for _, level in pins.history(17)] == [1, 0, 1, 0]


def test_a_faint_look_is_never_quite_dark(pins: SimulatedPins) -> None:
    with rgb_led(brightness=0.01) as display:
        display.show(Look(LookKind.NO_FACE))
        assert pins.levels([17]) == {17: FAINTEST}


def test_brightness_zero_is_dark(pins: SimulatedPins, looks: list[Look]) -> None:
    with rgb_led(brightness=0) as display:
        for look in looks:
            display.show(look)
        assert pins.levels(RGB.values()) == dict.fromkeys(RGB.values(), 0.0)
