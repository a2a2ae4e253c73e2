"""What every display does, whichever it is: opened and closed again and again, every look shown, dark at the end."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from edge.config import LedsConfig, MatrixConfig, OledConfig, RgbLedConfig
from edge.core.events import Look, LookKind
from edge.core.types import EMOTIONS, Emotion
from edge.sinks.display.factory import create_display
from edge.sinks.display.looks import MIENS
from edge.sinks.display.luma_display import LumaDisplay
from edge.sinks.display.sheet import sample
from edge.sinks.display.simulated import simulated_pins
from edge.sinks.display.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge.sinks.display.base import Display

LOOKS = [sample(mien) for mien in MIENS]
ROW = {emotion: pin for pin, emotion in enumerate(EMOTIONS, start=5)}
CONFIGS: dict[str, RgbLedConfig | LedsConfig | MatrixConfig | OledConfig] = {
    "rgb_led": RgbLedConfig(kind="rgb_led", red=17, green=27, blue=22),
    "rgb_led common anode": RgbLedConfig(kind="rgb_led", red=17, green=27, blue=22, common_anode=True),
    "leds": LedsConfig(kind="leds", leds=ROW),
    "leds and status": LedsConfig(kind="leds", leds=ROW, status=21),
    "leds active low": LedsConfig(kind="leds", leds=ROW, status=21, active_high=False),
    "matrix": MatrixConfig(kind="matrix", emulate="dummy"),
    "oled": OledConfig(kind="oled", emulate="dummy"),
    "oled upright": OledConfig(kind="oled", emulate="dummy", rotate=1),
}


@dataclass
class Bench:
    """A display and how to see from outside whether it is dark."""

    display: Display
    is_dark: Callable[[], bool]


class Tty(io.StringIO):
    """A terminal in memory."""

    def isatty(self) -> bool:
        return True


def terminal_bench() -> Bench:
    stream = Tty()
    return Bench(Terminal(stream, environment={}), lambda: stream.getvalue().rpartition("\x1b[K")[2] == "")


@pytest.fixture(params=[*CONFIGS, "terminal"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Every display on simulated hardware."""
    if request.param == "terminal":
        yield terminal_bench()
        return
    config = CONFIGS[request.param]
    display = create_display(config)
    low_is_lit = getattr(config, "common_anode", False) or not getattr(config, "active_high", True)
    with simulated_pins() as pins:
        kept: list[Any] = []

        def is_dark() -> bool:
            if isinstance(display, LumaDisplay):
                kept[:] = [display.device] if display.device is not None else kept
                return not kept or kept[0].image is None or kept[0].image.getbbox() is None
            driven = [pin for pin in config.pins().values() if pins.driven(pin)]
            return all(level == low_is_lit for level in pins.levels(driven).values())

        yield Bench(display, is_dark)
    display.close()


def test_close_before_open_is_harmless(bench: Bench) -> None:
    bench.display.close()
    assert bench.is_dark()


def test_open_is_dark(bench: Bench) -> None:
    bench.display.open()
    assert bench.is_dark()
    bench.display.close()


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.emotion or look.kind)
def test_each_look_shows_and_close_leaves_it_dark(bench: Bench, look: Look) -> None:
    with bench.display as display:
        display.show(look)
        shining = []
        for now_ms in range(0, 4000, 50):
            display.animate(now_ms * 1_000_000)
            shining.append(not bench.is_dark())
        assert any(shining)
    assert bench.is_dark()


def test_open_and_close_again_and_again(bench: Bench) -> None:
    for look in LOOKS[:3]:
        bench.display.open()
        bench.display.show(look)
        assert not bench.is_dark()
        bench.display.close()
        bench.display.close()
        assert bench.is_dark()


def test_open_twice_starts_afresh(bench: Bench) -> None:
    bench.display.open()
    bench.display.open()
    bench.display.show(Look(LookKind.EMOTION, Emotion.HAPPY, 0.9, 1))
    assert not bench.is_dark()
    bench.display.close()


def test_dimmed_to_nothing_it_is_dark_until_it_shines_again(bench: Bench) -> None:
    with bench.display as display:
        display.show(LOOKS[0])
        display.dim(0)
        assert bench.is_dark()
        display.show(LOOKS[1])
        display.animate(10**9)
        assert bench.is_dark(), "a new look does not light a display that is off"
        display.dim(0.5)
        assert not bench.is_dark()
    assert bench.is_dark()


def test_switched_off_it_stays_dark_when_opened_again(bench: Bench) -> None:
    bench.display.dim(0)
    with bench.display as display:
        display.show(LOOKS[0])
        assert bench.is_dark()
        display.dim(1)
        assert not bench.is_dark()


def test_a_closed_display_ignores_looks(bench: Bench) -> None:
    with bench.display:
        pass
    bench.display.show(LOOKS[0])
    bench.display.animate(10**9)
    assert bench.is_dark()


def test_a_display_has_a_name_for_messages(bench: Bench) -> None:
    assert bench.display.name
    assert "\n" not in bench.display.name
