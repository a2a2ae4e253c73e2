"""LEDs on GPIO pins through gpiozero, with its errors and lgpio's translated to ours."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import warnings
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.core.errors import EdgeError, HardwareUnavailable, SinkError
from edge.system.installation import adding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PERMIT = 'allow it: sudo usermod -aG gpio "$USER", then log in again'
_NO_BOARD = "connect the LEDs to a Raspberry Pi, or try the simulated ones of face-edge demo"
_FACTORY_LOCK = threading.Lock()
_PIPES = ".lgd-nfy*"


def open_leds(display: str, pins: Mapping[str, int], *, active_high: bool) -> dict[str, Any]:
    """Return a dark dimmable LED (``gpiozero.PWMLED``) per role's BCM pin; all of them or none.

    Raises:
        SinkError: A pin is wrong, busy or not permitted; the message names ``display``, pin and remedy.
        HardwareUnavailable: there is no GPIO here, or the package to drive it is missing.
    """
    from gpiozero import PWMLED

    factory = pin_factory(display)
    leds: dict[str, Any] = {}
    with ExitStack() as opened:
        for role, pin in pins.items():
            with gpio_errors(f"{display}: GPIO{pin} ({role})"):
                leds[role] = opened.enter_context(PWMLED(pin, active_high=active_high, pin_factory=factory))
        opened.pop_all()
    return leds


@contextmanager
def gpio_errors(where: str) -> Iterator[None]:
    """Convert errors of gpiozero, lgpio and the system to one line that begins with ``where``."""
    try:
        yield
    except EdgeError:
        raise
    except Exception as error:
        explained = explain(where, error)
        if explained is None:
            raise
        raise explained from error


def explain(where: str, error: Exception) -> EdgeError | None:
    """Convert a library error to ours; return ``None`` if it is a programming error."""
    import gpiozero

    said = str(getattr(error, "value", error))  # lgpio's str() is a repr
    made: EdgeError | None = None
    if isinstance(error, gpiozero.GPIOPinInUse) or "busy" in said.lower():
        made = SinkError(
            f"{where}: the pin is busy; stop the program that uses it (gpioinfo shows which) or choose another"
        )
    elif isinstance(error, gpiozero.PinInvalidPin | gpiozero.PinMultiplePins | gpiozero.PinNoPins):
        made = SinkError(f"{where}: this board has no such pin; choose another BCM number (pinout shows them)")
    elif isinstance(error, gpiozero.PinPWMError):
        made = SinkError(f"{where}: its driver cannot dim; {_install()}")
    elif isinstance(error, gpiozero.BadPinFactory | gpiozero.PinUnknownPi):
        made = _no_factory(where, said)
    elif isinstance(error, PermissionError) or "permission" in said.lower() or "can not open gpiochip" in said:
        made = SinkError(f"{where}: GPIO cannot be opened ({said}); {_PERMIT}")
    elif isinstance(error, gpiozero.GPIOZeroError | OSError) or type(error).__module__ in {"lgpio", "RPi.GPIO"}:
        made = SinkError(f"{where}: {said}; check the pin and its wiring")
    return made


def _no_factory(where: str, reasons: str) -> EdgeError:
    """Explain why no pin driver could be loaded, from lgpio's message."""
    if "can not open gpiochip" in reasons and Path("/dev/gpiochip0").exists():
        return SinkError(f"{where}: /dev/gpiochip0 cannot be opened; {_PERMIT}")
    if "No module named 'lgpio'" in reasons and _on_a_pi():
        return HardwareUnavailable(f"{where}: the package lgpio is missing; {_install()}")
    return HardwareUnavailable(f"{where}: there is no GPIO here ({reasons}); {_NO_BOARD}")


def _install() -> str:
    return f"install lgpio: sudo apt install python3-lgpio, or {adding('pi')}"


def _on_a_pi() -> bool:
    model = Path("/proc/device-tree/model")
    return model.exists() and "Raspberry Pi" in model.read_text(errors="replace")


def pin_factory(where: str) -> Any:
    """Return the process's pin driver: the simulated one if set, otherwise the board's."""
    from gpiozero import Device

    with _FACTORY_LOCK, gpio_errors(where):
        if Device.pin_factory is None:
            _choose_pin_factory()
        return Device.pin_factory


def _choose_pin_factory() -> None:
    """Let gpiozero find a driver that can dim, and keep lgpio's message if there is none.

    Raises:
        gpiozero.BadPinFactory: there is none.
    """
    from gpiozero import BadPinFactory, Device

    load_lgpio()
    with warnings.catch_warnings(record=True) as fallbacks:
        warnings.simplefilter("always")
        try:
            Device.ensure_pin_factory()
        except BadPinFactory as error:
            raise BadPinFactory(_reason(fallbacks) or str(error)) from error
    chosen: Any = Device.pin_factory
    if type(chosen).__module__ == "gpiozero.pins.native":
        # the fallback driver cannot dim and would stay selected after the cause is gone
        Device.pin_factory = None
        chosen.close()
        raise BadPinFactory(_reason(fallbacks))


def _reason(fallbacks: list[warnings.WarningMessage]) -> str:
    """Return the error that stopped lgpio, the preferred driver."""
    messages = (str(fallback.message) for fallback in fallbacks)
    said = next((text.partition("from lgpio: ")[2] for text in messages if "from lgpio: " in text), "")
    return said[1:-1] if said[:1] == "'" == said[-1:] else said


def load_lgpio() -> None:
    """Import lgpio, which creates a named pipe in the working directory, and remove the pipe.

    If that directory is not writable (a service's usually is ``/``), the pipe goes to a temporary directory through
    lgpio's ``LG_WD``, which also changes the process's working directory; that change is reverted. The pipe is never
    opened again, so its name is removed. Nothing happens if lgpio is not installed.
    """
    if "lgpio" in sys.modules:
        return
    with ExitStack() as stack:
        home = Path.cwd()
        if "LG_WD" not in os.environ:
            if not _writable(home):
                os.environ["LG_WD"] = stack.enter_context(tempfile.TemporaryDirectory(prefix="face-edge-lgpio-"))
                stack.callback(os.environ.pop, "LG_WD", None)
            else:
                stack.callback(_remove_new, home, set(home.glob(_PIPES)))
        stack.callback(os.chdir, home)
        try:
            import lgpio  # noqa: F401
        except ImportError:
            return


def _writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _remove_new(folder: Path, before: set[Path]) -> None:
    for pipe in set(folder.glob(_PIPES)) - before:
        pipe.unlink(missing_ok=True)
