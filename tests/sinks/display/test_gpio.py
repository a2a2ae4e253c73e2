"""Wrong and busy pins, missing drivers and permissions: one line each that names display, pin and remedy."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from edge.config import RgbLedConfig
from edge.core.errors import EdgeError, HardwareUnavailable, SinkError
from edge.sinks import gpio
from edge.sinks.display.rgb_led import RgbLed
from edge.sinks.display.simulated import SimulatedPin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.sinks.display.simulated import SimulatedPins

WHERE = "RGB LED: GPIO17 (red)"
BOARD = Path("/dev/gpiochip0")
CONFIG = RgbLedConfig(kind="rgb_led", red=17, green=27, blue=22)

# what lgpio raises, without lgpio: an exception whose text is the repr of its value
LgpioError = type(
    "error",
    (Exception,),
    {
        "__module__": "lgpio",
        "__init__": lambda self, value: setattr(self, "value", value),
        "__str__": lambda self: repr(self.value),
    },
)


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (gpiozero.GPIOPinInUse("pin GPIO17 is already in use by <x>"), SinkError, "busy; stop the program"),
        (LgpioError("GPIO busy"), SinkError, "busy; stop the program"),
        (OSError(16, "Device or resource busy"), SinkError, "busy; stop the program"),
        (gpiozero.PinInvalidPin("99 is not a valid pin name"), SinkError, "no such pin; choose another BCM number"),
        (gpiozero.PinMultiplePins("several"), SinkError, "no such pin"),
        (gpiozero.PinNoPins("none"), SinkError, "no such pin"),
        (gpiozero.PinPWMUnsupported("no"), SinkError, "cannot dim; install lgpio: sudo apt install python3-lgpio"),
        (gpiozero.PinPWMFixedValue("no"), SinkError, "cannot dim"),
        (gpiozero.BadPinFactory("No module named 'RPi'"), HardwareUnavailable, "no GPIO here (No module named 'RPi')"),
        (gpiozero.PinUnknownPi("unable to locate Pi"), HardwareUnavailable, "no GPIO here (unable to locate Pi)"),
        (PermissionError(13, "Permission denied"), SinkError, "sudo usermod -aG gpio"),
        (LgpioError("can not open gpiochip"), SinkError, "sudo usermod -aG gpio"),
        (LgpioError("no permission to access device"), SinkError, "sudo usermod -aG gpio"),
        (LgpioError("bad GPIO number"), SinkError, "bad GPIO number; check the pin"),
        (gpiozero.GPIODeviceClosed("closed"), SinkError, "closed; check the pin"),
        (OSError(5, "Input/output error"), SinkError, "Input/output error"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_foreign_error_becomes_one_line(error: Exception, kind: type[EdgeError], says: str) -> None:
    with pytest.raises(kind) as caught, gpio.gpio_errors(WHERE):
        raise error
    message = str(caught.value)
    assert message.startswith(f"{WHERE}: ")
    assert says in message
    assert "\n" not in message


def test_every_error_of_gpiozero_is_mapped() -> None:
    kinds = [
        value
        for value in vars(gpiozero.exc).values()
        if isinstance(value, type) and issubclass(value, gpiozero.GPIOZeroError)
    ]
    assert len(kinds) > 30
    assert all(isinstance(gpio.explain(WHERE, kind("text")), EdgeError) for kind in kinds)


def test_our_own_mistakes_keep_their_traceback() -> None:
    with pytest.raises(TypeError), gpio.gpio_errors(WHERE):
        raise TypeError


@pytest.mark.usefixtures("pins")
def test_a_pin_taken_by_another_display_is_named() -> None:
    with RgbLed(CONFIG), pytest.raises(SinkError, match=r"^RGB LED: GPIO17 \(red\): the pin is busy"):
        RgbLed(CONFIG).open()


@pytest.mark.usefixtures("pins")
def test_a_pin_that_the_board_lacks_is_named() -> None:
    with pytest.raises(SinkError, match=r"^LEDs: GPIO99 \(happy\): this board has no such pin"):
        gpio.open_leds("LEDs", {"happy": 99}, active_high=True)


def test_one_bad_pin_frees_the_others(pins: SimulatedPins) -> None:
    with gpiozero.LED(22), pytest.raises(SinkError, match=r"GPIO22 \(blue\)"):
        RgbLed(CONFIG).open()
    with RgbLed(CONFIG):
        assert pins.levels([17]) == {17: 0.0}


class BusyPin(SimulatedPin):
    """As lgpio's when the kernel or another program holds line 27."""

    def __init__(self, factory: Any, info: Any) -> None:
        if info.name == "GPIO27":
            msg = "GPIO busy"
            raise LgpioError(msg)
        super().__init__(factory, info)


@pytest.fixture
def board(request: pytest.FixtureRequest) -> Iterator[None]:
    """A simulated board with the pins that the test asks for."""
    before = gpiozero.Device.pin_factory
    gpiozero.Device.pin_factory = MockFactory(pin_class=request.param)
    yield
    gpiozero.Device.pin_factory.close()
    gpiozero.Device.pin_factory = before


@pytest.mark.usefixtures("board")
@pytest.mark.parametrize("board", [BusyPin], indirect=True)
def test_a_pin_held_by_another_program_is_named() -> None:
    with pytest.raises(SinkError, match=r"^RGB LED: GPIO27 \(green\): the pin is busy; stop the program"):
        RgbLed(CONFIG).open()


@pytest.mark.usefixtures("board")
@pytest.mark.parametrize("board", [MockPin], indirect=True)
def test_a_driver_that_cannot_dim_is_refused() -> None:
    with pytest.raises(SinkError, match=r"GPIO17 \(red\): its driver cannot dim; install lgpio"):
        RgbLed(CONFIG).open()


@pytest.mark.skipif(BOARD.exists(), reason="this machine has GPIO")
def test_without_gpio_the_message_says_so_and_a_later_attempt_is_made_afresh() -> None:
    for _ in range(2):
        with pytest.raises(HardwareUnavailable, match="there is no GPIO here") as caught:
            RgbLed(CONFIG).open()
        assert "face-edge demo" in str(caught.value)
        assert gpiozero.Device.pin_factory is None


STAND_IN = """
import os
folder = os.environ.get("LG_WD", os.getcwd())
os.chdir(folder)
open(os.path.join(folder, ".lgd-nfy0"), "x").close()
open(".lgd-nfy0").close()
"""


@pytest.fixture
def lgpio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A module that treats the working directory as the real lgpio does when it is imported."""
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / "lgpio.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delenv("LG_WD", raising=False)
    real = sys.modules.pop("lgpio", None)
    yield
    sys.modules.pop("lgpio", None)
    if real is not None:
        sys.modules["lgpio"] = real


@pytest.mark.usefixtures("lgpio")
@pytest.mark.parametrize("writable", [True, False])
def test_lgpio_leaves_the_working_directory_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, writable: bool
) -> None:
    home = tmp_path if writable else Path("/proc")
    monkeypatch.chdir(home)
    (tmp_path / ".lgd-nfy3").touch()
    gpio.load_lgpio()
    assert "lgpio" in sys.modules
    assert Path.cwd() == home
    assert "LG_WD" not in os.environ
    assert [path.name for path in tmp_path.glob(".lgd*")] == [".lgd-nfy3"], "another program's pipe is not ours"


@pytest.mark.usefixtures("lgpio")
def test_a_chosen_directory_for_lgpio_is_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = tmp_path / "chosen"
    chosen.mkdir()
    monkeypatch.setenv("LG_WD", str(chosen))
    monkeypatch.chdir(tmp_path)
    gpio.load_lgpio()
    assert (chosen / ".lgd-nfy0").exists()
    assert Path.cwd() == tmp_path
