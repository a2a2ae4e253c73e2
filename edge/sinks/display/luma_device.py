"""Displays of the luma library, real or emulated, with its errors translated to ours."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from edge.core.errors import ConfigError, EdgeError, HardwareUnavailable, SinkError
from edge.system.installation import adding, repairing

if TYPE_CHECKING:
    from collections.abc import Iterator

EMULATORS = ("dummy", "capture", "pygame", "gifanim", "asciiart")
"""``dummy`` keeps the picture in memory; the others are luma.emulator's."""

_PERMIT = 'allow it: sudo usermod -aG spi,i2c,gpio "$USER", then log in again'
_ENABLE = {
    "i2c": "switch I2C on: sudo raspi-config nonint do_i2c 0, then restart",
    "spi": "switch SPI on: sudo raspi-config nonint do_spi 0, then restart",
}
_GONE = {errno.ENOENT, errno.ENODEV, errno.ENXIO}
_NO_ANSWER = {errno.EIO, errno.EREMOTEIO, errno.ETIMEDOUT}


def check_emulator(name: str, where: str) -> None:
    """Refuse an emulator that does not exist.

    Raises:
        ConfigError: ``name`` is neither empty nor one of :data:`EMULATORS`.
    """
    if name and name not in EMULATORS:
        msg = f"{where}: unknown emulator {name!r}; choose one of {', '.join(EMULATORS)}"
        raise ConfigError(msg)


def emulated(name: str, size: tuple[int, int], *, rotate: int, matrix: bool, stem: str) -> Any:
    """Return an emulator of ``size`` (width, height) pixels; some write ``stem.png`` or ``stem.gif``."""
    width, height = size
    if name == "dummy":
        from luma.core.device import dummy

        return dummy(width=width, height=height, rotate=rotate, mode="1")
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # it would print a greeting on standard output
    import luma.emulator.device

    options: dict[str, Any] = {"capture": {"file_template": f"{stem}.png"}, "gifanim": {"filename": f"{stem}.gif"}}
    look = {"transform": "led_matrix", "scale": 16} if matrix else {"transform": "identity", "scale": 4}
    made = getattr(luma.emulator.device, name)
    return made(width=width, height=height, rotate=rotate, mode="1", **look, **options.get(name, {}))


@contextmanager
def luma_errors(where: str, bus: str) -> Iterator[None]:
    """Convert errors of luma and the system to one line that begins with ``where``; ``bus``: ``spi`` or ``i2c``."""
    try:
        yield
    except EdgeError:
        raise
    except (Exception, SystemExit) as error:  # luma's window emulator ends the program when it is closed
        explained = explain(where, bus, error)
        if explained is None:
            raise
        raise explained from error


def explain(where: str, bus: str, error: BaseException) -> EdgeError | None:
    """Convert a library error to ours; return ``None`` if it is a programming error."""
    module = type(error).__module__
    made: EdgeError | None = None
    if isinstance(error, SystemExit):
        made = SinkError(f"{where}: the emulator's window was closed")
    elif isinstance(error, ImportError):
        package = str(error.name or error).partition(".")[0]
        made = HardwareUnavailable(f"{where}: the package {package} is missing; {_install(package)}")
    elif isinstance(error, RuntimeError) and "requires pygame" in str(error):
        made = HardwareUnavailable(f"{where}: the package pygame is missing; {_install('pygame')}")
    elif isinstance(error, OSError):
        made = _system_error(where, bus, error)
    elif module.startswith("luma.core"):
        made = _luma_error(where, bus, error)
    elif module.startswith(("pygame", "_curses", "curses")):
        made = SinkError(f"{where}: the emulator failed: {error}")
    return made


def _luma_error(where: str, bus: str, error: BaseException) -> EdgeError:
    kind, said = type(error).__name__, str(error)
    if kind == "DevicePermissionError":
        return SinkError(f"{where}: permission denied; {_PERMIT}")
    if kind == "DeviceNotFoundError" and "address" in said:
        return _no_answer(where)
    if kind in {"DeviceNotFoundError", "UnsupportedPlatform"}:
        return HardwareUnavailable(f"{where}: there is no such bus; {_ENABLE[bus]}")
    return SinkError(f"{where}: {said}; check the display's settings")


def _install(package: str) -> str:
    if package == "spidev":
        return f"install it: sudo apt install python3-spidev, or {repairing('spidev')}"
    return f"install it: {repairing('luma.emulator') if package == 'pygame' else adding('pi')}"


def _system_error(where: str, bus: str, error: OSError) -> EdgeError:
    if error.errno in _GONE:
        return HardwareUnavailable(f"{where}: there is no such bus; {_ENABLE[bus]}")
    if error.errno in {errno.EACCES, errno.EPERM}:
        return SinkError(f"{where}: permission denied; {_PERMIT}")
    if error.errno == errno.EBUSY:
        return SinkError(f"{where}: the bus is busy; stop the program or kernel driver that uses it")
    if error.errno in _NO_ANSWER:
        return _no_answer(where)
    return SinkError(f"{where}: {error.strerror or error}; check the wiring")


def _no_answer(where: str) -> SinkError:
    return SinkError(f"{where}: no device responds at this address; check wiring and address (i2cdetect of i2c-tools)")
