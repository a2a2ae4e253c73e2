"""LEDs on GPIO pins through gpiozero; the one place where its errors and lgpio's become ours."""

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
    """A dark dimmable LED (``gpiozero.PWMLED``) for each role's BCM pin; all of them or none.

    Raises:
        SinkError: a pin is wrong, busy or not permitted; the message names ``display``, pin and remedy.
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
    """Turn gpiozero's, lgpio's and the system's errors into one line that begins with ``where``."""
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
    """Our error for a foreign one; ``None`` where it is none of theirs but a mistake of our own."""
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
    """Why no pin driver could be loaded, judged by what lgpio said."""
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
    """The process's one pin driver: the simulated one where it was set, otherwise what the board has."""
    from gpiozero import Device

    with _FACTORY_LOCK, gpio_errors(where):
        if Device.pin_factory is None:
            _choose_pin_factory()
        return Device.pin_factory


def _choose_pin_factory() -> None:
    """Let gpiozero find a driver that can dim, and keep what it says of lgpio when it finds none.

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
        # the last resort cannot dim, and would stay chosen when the cause is gone
        Device.pin_factory = None
        chosen.close()
        raise BadPinFactory(_reason(fallbacks))


def _reason(fallbacks: list[warnings.WarningMessage]) -> str:
    """What stopped lgpio, the driver of choice."""
    messages = (str(fallback.message) for fallback in fallbacks)
    said = next((text.partition("from lgpio: ")[2] for text in messages if "from lgpio: " in text), "")
    return said[1:-1] if said[:1] == "'" == said[-1:] else said


def load_lgpio() -> None:
    """Import lgpio, which makes a named pipe in the working directory, in a way that leaves the directory as it was.

    Where that cannot be written (a service's usually is ``/``), the pipe goes to a temporary directory through
    lgpio's own ``LG_WD``, which also changes the process's working directory: that is taken back. Nobody opens the
    pipe again, so that its name is removed. Nothing happens where lgpio is not installed.
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
