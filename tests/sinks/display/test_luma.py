"""Matrix and OLED: the chips' own bytes over a recorded bus, emulators, and every error of the bus in one line."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import luma.core.error as luma_errors
import numpy as np
import pytest
from luma.core.device import dummy

from edge.config import MatrixConfig, OledConfig
from edge.core.errors import ConfigError, EdgeError, HardwareUnavailable, SinkError
from edge.core.events import Look, LookKind
from edge.core.types import Emotion
from edge.sinks.display import glyphs, luma_device
from edge.sinks.display.looks import mien
from edge.sinks.display.matrix import Matrix
from edge.sinks.display.oled import Oled
from edge.sinks.display.screen import screen

# luma's own, until it follows Pillow
pytestmark = pytest.mark.filterwarnings("ignore:Image.Image.getdata:DeprecationWarning")
HAPPY = Look(LookKind.EMOTION, Emotion.HAPPY, 0.8, 2)
WHERE = "OLED at 0x3C on /dev/i2c-1"


class RecordedBus:
    """The far end of the wire: keeps every command and data byte; fails from ``fail_after`` transfers on."""

    def __init__(self) -> None:
        self.commands: list[tuple[int, ...]] = []
        self.data_sent: list[bytes] = []
        self.closed = 0
        self.error: Exception | None = None

    def command(self, *values: int) -> None:
        self._maybe_fail()
        self.commands.append(values)

    def data(self, values: Any) -> None:
        self._maybe_fail()
        self.data_sent.append(bytes(values))

    def cleanup(self) -> None:
        self.closed += 1

    def _maybe_fail(self) -> None:
        if self.error is not None:
            raise self.error


class WiredMatrix(Matrix):
    """The real MAX7219 driver on a recorded bus."""

    def connect(self) -> Any:
        from luma.led_matrix.device import max7219

        self.wire = RecordedBus()
        return max7219(self.wire, rotate=self._config.rotate)

    def registers(self) -> dict[int, int]:
        """The chip's registers as they are now: 1 to 8 the columns, 10 intensity, 12 shutdown."""
        return {
            transfer[index]: transfer[index + 1]
            for transfer in self.wire.data_sent
            for index in range(0, len(transfer), 2)
        }


class WiredOled(Oled):
    """The real SSD1306 driver on a recorded bus."""

    def connect(self) -> Any:
        from luma.oled.device import ssd1306

        self.wire = RecordedBus()
        return ssd1306(self.wire, rotate=self._config.rotate)


def wired_matrix(**settings: Any) -> WiredMatrix:
    return WiredMatrix(MatrixConfig(kind="matrix", **settings))


def wired_oled(**settings: Any) -> WiredOled:
    return WiredOled(OledConfig(kind="oled", **settings))


def lit(display: WiredMatrix) -> np.ndarray:
    """What the LEDs show: bit ``y`` of column register ``x + 1``."""
    registers = display.registers()
    return np.array([[bool(registers[x + 1] >> y & 1) for x in range(8)] for y in range(8)])


def test_matrix_lights_the_glyph(looks: list[Look]) -> None:
    with wired_matrix() as display:
        for look in looks:
            display.show(look)
            assert np.array_equal(lit(display), np.asarray(glyphs.picture(mien(look)), dtype=bool))


def test_matrix_turns_with_its_mounting() -> None:
    with wired_matrix(rotate=1) as display:
        display.show(HAPPY)
        upright = np.asarray(glyphs.picture(Emotion.HAPPY), dtype=bool)
        assert np.array_equal(lit(display), np.rot90(upright, -1))


@pytest.mark.parametrize(("brightness", "intensity", "on"), [(1.0, 15, 1), (0.5, 8, 1), (0.02, 0, 1), (0.0, 0, 0)])
def test_matrix_brightness_is_the_chips_intensity(brightness: float, intensity: int, on: int) -> None:
    with wired_matrix(brightness=brightness) as display:
        registers = display.registers()
        assert (registers[10], registers[12]) == (intensity, on)


def test_matrix_is_blank_and_off_after_close() -> None:
    display = wired_matrix()
    with display:
        display.show(HAPPY)
    assert not lit(display).any()
    assert display.registers()[12] == 0
    assert display.wire.closed == 1


def test_oled_gets_the_screens_bytes(looks: list[Look]) -> None:
    with wired_oled() as display:
        for look in looks:
            display.show(look)
            drawn = np.asarray(screen(look, (128, 64)), dtype=np.uint8)
            pages = np.packbits(drawn.reshape(8, 8, 128), axis=1, bitorder="little").tobytes()
            assert display.wire.data_sent[-1] == pages


@pytest.mark.parametrize(("brightness", "contrast"), [(1.0, 255), (0.6, 153)])
def test_oled_brightness_is_the_chips_contrast(brightness: float, contrast: int) -> None:
    with wired_oled(brightness=brightness) as display:
        assert (0x81, contrast) in display.wire.commands
        assert display.wire.commands[-1] != (0xAE,)


def test_oled_at_brightness_zero_is_off() -> None:
    with wired_oled(brightness=0) as display:
        assert display.wire.commands[-1] == (0xAE,)


def test_oled_is_blank_and_off_after_close() -> None:
    display = wired_oled()
    with display:
        display.show(HAPPY)
    assert not any(display.wire.data_sent[-1])
    assert display.wire.commands[-1] == (0xAE,)
    assert display.wire.closed == 1


def test_the_same_picture_is_sent_once() -> None:
    with wired_oled() as display:
        display.show(HAPPY)
        sent = len(display.wire.data_sent)
        display.show(Look(LookKind.EMOTION, Emotion.HAPPY, 0.79, 2))
        assert len(display.wire.data_sent) == sent


def test_a_display_that_stops_answering_is_reported_and_its_bus_let_go() -> None:
    display = wired_oled()
    display.open()
    wire = display.wire
    wire.error = luma_errors.DeviceNotFoundError("I2C device not found on address: 0x3C")
    with pytest.raises(SinkError, match="no device responds at this address; check wiring"):
        display.show(HAPPY)
    with pytest.raises(SinkError, match="no device responds"):
        display.close()
    assert wire.closed == 1
    display.close()
    assert wire.closed == 1


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (luma_errors.DeviceNotFoundError("I2C device not found: /dev/i2c-1"), HardwareUnavailable, "raspi-config"),
        (luma_errors.DeviceNotFoundError("I2C device not found on address: 0x3C"), SinkError, "no device responds"),
        (luma_errors.DevicePermissionError("denied"), SinkError, "sudo usermod -aG spi,i2c,gpio"),
        (luma_errors.DeviceAddressError("I2C device address invalid: x"), SinkError, "address invalid"),
        (luma_errors.DeviceDisplayModeError("Unsupported display mode"), SinkError, "Unsupported display mode"),
        (luma_errors.UnsupportedPlatform("GPIO access not available"), HardwareUnavailable, "do_i2c 0"),
        (FileNotFoundError(errno.ENOENT, "No such file"), HardwareUnavailable, "do_i2c 0"),
        (OSError(errno.ENODEV, "No such device"), HardwareUnavailable, "do_i2c 0"),
        (PermissionError(errno.EACCES, "Permission denied"), SinkError, "sudo usermod -aG"),
        (OSError(errno.EBUSY, "busy"), SinkError, "the bus is busy"),
        (OSError(errno.EREMOTEIO, "Remote I/O error"), SinkError, "no device responds"),
        (OSError(errno.EINVAL, "Invalid argument"), SinkError, "Invalid argument; check the wiring"),
        (ModuleNotFoundError("No module named 'spidev'", name="spidev"), HardwareUnavailable, "python3-spidev"),
        (ModuleNotFoundError("No module named 'luma.oled'", name="luma.oled"), HardwareUnavailable, "luma is missing"),
        (ModuleNotFoundError("No module named 'luma.emulator'", name="luma.emulator"), HardwareUnavailable, "luma"),
        (RuntimeError("Emulator requires pygame to be installed"), HardwareUnavailable, "luma.emulator"),
        (SystemExit(), SinkError, "window was closed"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_each_foreign_error_becomes_one_line(error: BaseException, kind: type[EdgeError], says: str) -> None:
    with pytest.raises(kind) as caught, luma_device.luma_errors(WHERE, "i2c"):
        raise error
    assert str(caught.value).startswith(f"{WHERE}: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_error_of_luma_is_mapped() -> None:
    kinds = [kind for kind in vars(luma_errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(kinds) >= 6
    assert all(isinstance(luma_device.explain(WHERE, "i2c", kind("text")), EdgeError) for kind in kinds)


def test_our_own_mistakes_keep_their_traceback() -> None:
    with pytest.raises(ZeroDivisionError), luma_device.luma_errors(WHERE, "spi"):
        raise ZeroDivisionError


@pytest.mark.skipif(Path("/dev/i2c-19").exists(), reason="this machine has that bus")
def test_a_bus_that_does_not_exist() -> None:
    with pytest.raises(HardwareUnavailable, match=r"^OLED at 0x3D on /dev/i2c-19: there is no such bus; switch I2C on"):
        Oled(OledConfig(kind="oled", i2c_port=19, i2c_address=0x3D)).open()


@pytest.mark.skipif(Path("/dev/spidev6.2").exists(), reason="this machine has that bus")
def test_an_spi_bus_that_does_not_exist() -> None:
    """Without the package spidev its lack is the message, with it the bus is missing."""
    with pytest.raises(HardwareUnavailable, match=r"^8x8 matrix on /dev/spidev6.2: (the package spidev|there is no)"):
        Matrix(MatrixConfig(kind="matrix", spi_port=6, spi_device=2)).open()


def test_the_dummy_keeps_the_picture() -> None:
    with Matrix(MatrixConfig(kind="matrix", emulate="dummy")) as display:
        assert isinstance(display.device, dummy)
        display.show(HAPPY)
        assert display.device.image.tobytes() == glyphs.picture(Emotion.HAPPY).tobytes()


@pytest.mark.parametrize(
    ("display", "name", "size"),
    [
        (Matrix(MatrixConfig(kind="matrix", emulate="capture")), "face-edge-matrix.png", (128, 128)),
        (Oled(OledConfig(kind="oled", emulate="capture")), "face-edge-oled.png", (512, 256)),
    ],
    ids=["matrix", "oled"],
)
def test_capture_writes_one_picture_where_it_runs(
    display: Matrix | Oled, name: str, size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    with display:
        display.show(HAPPY)
        assert [path.name for path in tmp_path.iterdir()] == [name]
        picture = np.asarray(Image.open(tmp_path / name).convert("L"))
    assert picture.shape == size[::-1]
    assert picture.max() > 80


def test_an_unknown_emulator_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="unknown emulator 'hologram'; choose one of dummy, capture"):
        Oled(OledConfig(kind="oled", emulate="hologram"))
