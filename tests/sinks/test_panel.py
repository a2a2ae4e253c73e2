"""The panel on simulated pins: what is pressed reaches the loop, what the loop tells is seen and heard."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from gpiozero import Device

from edge import config as configuration
from edge.commands import Inbox, SetPrivacy, StartSession, StopSession
from edge.config import PanelConfig
from edge.errors import ConfigError, SinkError
from edge.events import CameraStatus, Privacy, RunningSession, Session, SessionKind
from edge.sinks.display.simulated import simulated_pins
from edge.sinks.panel import PanelSink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge.sinks.display.simulated import SimulatedPins

BUTTON, LIGHT, BUZZER = 3, 4, 18
RUNNING = RunningSession(
    Session(id="0" * 26, title="t", start=datetime(2026, 1, 1, tzinfo=UTC), kind=SessionKind.OTHER)
)


@pytest.fixture
def pins() -> Iterator[SimulatedPins]:
    with simulated_pins() as made:
        yield made


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def panel(pins: SimulatedPins, inbox: Inbox) -> Iterator[PanelSink]:
    del pins  # gpiozero has them from now on
    made = PanelSink(PanelConfig(button=BUTTON, light=LIGHT, buzzer=BUZZER, long_press_s=0.15, debounce_s=0.02), inbox)
    made.open()
    yield made
    made.close()


def press(seconds: float) -> None:
    factory: Any = Device.pin_factory
    pin = factory.pin(BUTTON)
    pin.drive_low()
    time.sleep(seconds)
    pin.drive_high()


def asked(inbox: Inbox) -> list[Any]:
    return [request.command for request in inbox.take()]


def test_a_short_press_pauses_and_a_long_one_is_about_the_session(
    panel: PanelSink, inbox: Inbox, eventually: Callable[..., Any]
) -> None:
    press(0.05)
    assert eventually(lambda: asked(inbox)) == [SetPrivacy()]
    press(0.3)
    assert asked(inbox) == [StartSession()]
    panel.handle(RUNNING)
    press(0.3)
    assert asked(inbox) == [StopSession()]
    time.sleep(0.1)
    press(0.05)
    assert eventually(lambda: asked(inbox)) == [SetPrivacy()]


def test_a_contact_that_bounces_is_one_press(panel: PanelSink, inbox: Inbox, eventually: Callable[..., Any]) -> None:
    del panel
    factory: Any = Device.pin_factory
    pin = factory.pin(BUTTON)
    for _ in range(3):
        pin.drive_low()
        pin.drive_high()
    pin.drive_low()
    time.sleep(0.06)
    pin.drive_high()
    assert eventually(lambda: asked(inbox)) == [SetPrivacy()]
    time.sleep(0.1)
    assert asked(inbox) == []


def test_the_light_tells_looking_session_pause_and_camera(
    panel: PanelSink, pins: SimulatedPins, eventually: Callable[..., Any]
) -> None:
    panel.handle(Privacy(on=False))
    panel.handle(CameraStatus.ONLINE)
    assert eventually(lambda: pins.levels([LIGHT])[LIGHT] == 1)
    panel.handle(CameraStatus.OFFLINE)
    seen = len(pins.history(LIGHT))
    assert eventually(lambda: len(pins.history(LIGHT)) >= seen + 5, 5)
    times = [at for at, _ in pins.history(LIGHT)[seen + 1 :]]
    assert all(0.1 < later - earlier < 0.6 for earlier, later in pairwise(times))
    panel.handle(CameraStatus.ONLINE)
    panel.handle(Privacy(on=True))
    assert eventually(lambda: pins.levels([LIGHT])[LIGHT] == 0)
    panel.handle(Privacy(on=False))
    assert eventually(lambda: pins.levels([LIGHT])[LIGHT] == 1)
    panel.handle(RUNNING)
    assert eventually(lambda: pins.levels([LIGHT])[LIGHT] == 0, 5)
    panel.close()
    panel.close()
    assert not pins.levels([LIGHT])[LIGHT]


def test_the_buzzer_confirms_changes_only(
    panel: PanelSink, pins: SimulatedPins, eventually: Callable[..., Any]
) -> None:
    def beeps() -> int:
        return sum(level > 0 for _, level in pins.history(BUZZER))

    panel.handle(Privacy(on=False))
    panel.handle(RunningSession(None))
    panel.handle(Privacy(on=False))
    assert beeps() == 0
    panel.handle(RUNNING)
    assert eventually(lambda: beeps() == 2)
    time.sleep(0.3)
    panel.handle(RunningSession(None))
    assert eventually(lambda: beeps() == 5)


def test_a_pin_in_use_is_one_line_and_frees_the_others(pins: SimulatedPins) -> None:
    taken = PanelSink(PanelConfig(button=BUTTON), Inbox())
    taken.open()
    second = PanelSink(PanelConfig(button=BUTTON, light=LIGHT), Inbox())
    with pytest.raises(SinkError, match=r"^panel: GPIO3 \(button\): the pin is busy"):
        second.open()
    assert not pins.driven(LIGHT)
    taken.close()
    second.open()
    second.close()


def test_a_pin_of_a_display_is_refused() -> None:
    display = [{"kind": "rgb_led", "red": 4, "green": 27, "blue": 22}]
    with pytest.raises(ConfigError, match=r"panel\.light: pin GPIO4 is already used by display\.0\.red"):
        configuration.load(environment={}, flags={"display": display, "panel.light": 4})
