"""The panel on simulated pins: what is pressed reaches the loop, what the loop tells is seen and heard."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from gpiozero import Device

from edge import config as configuration
from edge.config import PanelConfig
from edge.core.commands import CommandQueue, SetPrivacy, StartSession, StopSession
from edge.core.errors import ConfigError, SinkError
from edge.core.events import CameraStatus, Privacy, RunningSession, Session, SessionKind
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
def inbox() -> CommandQueue:
    return CommandQueue()


class Clock:
    """Monotonic seconds that pass only when a test lets them."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_panel(pins: SimulatedPins, inbox: CommandQueue, clock: Clock) -> Iterator[Callable[..., PanelSink]]:
    """``open_panel(**settings)``: with every pin in use; no press is long unless ``long_press_s`` is given."""
    del pins  # gpiozero has them from now on
    with ExitStack() as opened:

        def make(**settings: Any) -> PanelSink:
            given = {"long_press_s": 3600, "debounce_s": 0.02, **settings}
            made = PanelSink(PanelConfig(button=BUTTON, light=LIGHT, buzzer=BUZZER, **given), inbox, clock=clock)
            made.open()
            opened.callback(made.close)
            return made

        yield make


@pytest.fixture
def panel(open_panel: Callable[..., PanelSink]) -> PanelSink:
    return open_panel()


def button() -> Any:
    """The simulated pin; what it does reaches the panel before the call returns."""
    factory: Any = Device.pin_factory
    return factory.pin(BUTTON)


def press(clock: Clock, seconds: float) -> None:
    button().drive_low()
    clock.now_s += seconds
    button().drive_high()


def asked(inbox: CommandQueue) -> list[Any]:
    return [request.command for request in inbox.take()]


def test_a_short_press_pauses(panel: PanelSink, inbox: CommandQueue, clock: Clock) -> None:
    for _ in range(2):
        press(clock, 0.05)
        assert asked(inbox) == [SetPrivacy()]
    assert panel.name == "panel"


def test_a_long_press_is_about_the_session(
    open_panel: Callable[..., PanelSink], inbox: CommandQueue, eventually: Callable[..., Any]
) -> None:
    panel = open_panel(long_press_s=0.02)
    for running, expected in ((None, StartSession()), (RUNNING, StopSession()), (RunningSession(None), StartSession())):
        if running is not None:
            panel.handle(running)
        button().drive_low()
        assert eventually(lambda: asked(inbox)) == [expected]
        button().drive_high()
        assert asked(inbox) == []


def test_a_short_press_after_a_long_one_pauses(panel: PanelSink, inbox: CommandQueue, clock: Clock) -> None:
    button().drive_low()
    panel._held()  # as gpiozero calls it when the time is up
    clock.now_s += 2
    button().drive_high()
    assert asked(inbox) == [StartSession()]
    press(clock, 0.05)
    assert asked(inbox) == [SetPrivacy()]


@pytest.mark.parametrize(("closed_s", "presses"), [(0.0, 0), (0.019, 0), (0.021, 1)])
def test_a_contact_closed_for_a_moment_only_is_no_press(
    panel: PanelSink, inbox: CommandQueue, clock: Clock, closed_s: float, presses: int
) -> None:
    del panel
    press(clock, closed_s)
    assert asked(inbox) == [SetPrivacy()] * presses


def test_a_contact_that_bounces_is_one_press(panel: PanelSink, inbox: CommandQueue, clock: Clock) -> None:
    del panel
    for _ in range(3):
        press(clock, 0.001)
        clock.now_s += 0.001
    press(clock, 0.06)
    for _ in range(3):
        clock.now_s += 0.001
        press(clock, 0.001)
    assert asked(inbox) == [SetPrivacy()]


def test_the_light_tells_looking_session_pause_and_camera(
    panel: PanelSink, pins: SimulatedPins, eventually: Callable[..., Any]
) -> None:
    panel.handle(Privacy(on=False))
    panel.handle(CameraStatus.ONLINE)
    assert eventually(lambda: pins.levels([LIGHT])[LIGHT] == 1)
    panel.handle(CameraStatus.OFFLINE)
    seen = len(pins.history(LIGHT))
    assert eventually(lambda: len(pins.history(LIGHT)) >= seen + 5)
    panel.handle(CameraStatus.ONLINE)
    panel.handle(Privacy(on=True))
    assert eventually(lambda: pins.levels([LIGHT])[LIGHT] == 0)
    panel.handle(Privacy(on=False))
    assert eventually(lambda: pins.levels([LIGHT])[LIGHT] == 1)
    panel.handle(RUNNING)
    assert eventually(lambda: pins.levels([LIGHT])[LIGHT] == 0)
    panel.close()
    panel.close()
    assert not pins.levels([LIGHT])[LIGHT]


class Light:
    """Keeps how it is to blink: seconds on and off."""

    def __init__(self) -> None:
        self.patterns: list[tuple[float, float]] = []

    def blink(self, on_s: float, off_s: float) -> None:
        self.patterns.append((on_s, off_s))

    def on(self) -> None:
        self.patterns.append((1, 0))


def test_the_light_blinks_fast_slowly_or_winks(panel: PanelSink, monkeypatch: pytest.MonkeyPatch) -> None:
    light = Light()
    monkeypatch.setattr(panel, "_light", light)
    for message in (CameraStatus.OFFLINE, CameraStatus.ONLINE, RUNNING, Privacy(on=True), CameraStatus.OFFLINE):
        panel.handle(message)
    fast, steady, wink, slow = (0.2, 0.2), (1, 0), (1.8, 0.2), (0.1, 1.9)
    assert light.patterns == [fast, steady, wink, slow, slow]


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
    assert eventually(lambda: beeps() == 2 and not pins.levels([BUZZER])[BUZZER])
    panel.handle(RunningSession(None))
    assert eventually(lambda: beeps() == 5)


def test_a_pin_in_use_is_one_line_and_frees_the_others(pins: SimulatedPins) -> None:
    taken = PanelSink(PanelConfig(button=BUTTON), CommandQueue())
    taken.open()
    second = PanelSink(PanelConfig(button=BUTTON, light=LIGHT), CommandQueue())
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
