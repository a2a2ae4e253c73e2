"""Checks of the pins, buses and groups that the configured displays need."""

from __future__ import annotations

import grp
import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

from edge.config import LedsConfig, MatrixConfig, OledConfig, RgbLedConfig
from edge.diagnostics.finding import fail, joining, ok, skip, warn
from edge.runtime.preflight import parts
from edge.sources.uri import is_usb
from edge.system.installation import adding
from edge.util.files import may

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.config import Config
    from edge.diagnostics.finding import Finding

_PIN_LIBRARIES = ("lgpio", "RPi.GPIO", "pigpio")


def displays(config: Config, root: Path = Path("/")) -> Iterator[Finding]:
    """Check GPIO, SPI and I2C as far as displays use them."""
    if any(isinstance(display, RgbLedConfig | LedsConfig) for display in config.display):
        yield from _gpio(root)
    else:
        yield skip("gpio", "no LEDs are configured")
    for error in parts.displays(config):
        yield fail("displays", str(error), "mend that setting")
    for index, display in enumerate(config.display):
        if isinstance(display, MatrixConfig) and not display.emulate:
            node = f"spidev{display.spi_port}.{display.spi_device}"
            yield _bus(f"display.{index}", root / "dev" / node, "spi", "sudo raspi-config nonint do_spi 0")
        if isinstance(display, OledConfig) and not display.emulate:
            node = f"i2c-{display.i2c_port}"
            yield _bus(f"display.{index}", root / "dev" / node, "i2c", "sudo raspi-config nonint do_i2c 0")


def groups(config: Config, member_of: set[str] | None = None) -> Finding:
    """Check that the user is in the groups whose devices the configuration uses; root needs none."""
    if member_of is None and os.geteuid() == 0:
        return ok("groups", "root may use every device")
    needed = _needed_groups(config)
    missing = sorted(needed - (_own_groups() if member_of is None else member_of))
    if missing:
        return warn("groups", f"not a member of {', '.join(missing)}", joining(",".join(missing)))
    return ok("groups", f"member of {', '.join(sorted(needed))}") if needed else skip("groups", "none are needed")


def _needed_groups(config: Config) -> set[str]:
    uri = config.source.uri
    needed = {"video"} if uri.startswith("picamera") or is_usb(uri) else set()
    for display in config.display:
        match display:
            case RgbLedConfig() | LedsConfig():
                needed.add("gpio")
            case MatrixConfig(emulate=""):
                needed.add("spi")
            case OledConfig(emulate=""):
                needed.add("i2c")
    return needed


def _own_groups() -> set[str]:
    names = set()
    for number in {*os.getgroups(), os.getegid()}:
        try:
            names.add(grp.getgrgid(number).gr_name)
        except KeyError:
            continue
    return names


def _gpio(root: Path) -> Iterator[Finding]:
    factory = os.environ.get("GPIOZERO_PIN_FACTORY", "")
    if factory == "mock":
        yield warn("gpio", "pins are simulated: GPIOZERO_PIN_FACTORY=mock", "unset GPIOZERO_PIN_FACTORY for real LEDs")
        return
    chips = sorted((root / "dev").glob("gpiochip*"))
    if not chips:
        yield fail("gpio", "no /dev/gpiochip*: this machine has no GPIO", "take the LEDs out of the configuration")
        return
    open_to_us = [chip.name for chip in chips if may(chip, os.R_OK | os.W_OK)]
    if not open_to_us:
        yield fail("gpio", "no GPIO chip may be opened", joining("gpio"))
        return
    libraries = [name for name in _PIN_LIBRARIES if _installed(name)]
    if not libraries and factory != "native":
        yield fail("gpio", "no pin library is installed", f"sudo apt install python3-lgpio, or {adding('pi')}")
        return
    yield ok("gpio", f"{', '.join(open_to_us)} through {factory or libraries[0]}")
    if not may(Path.cwd(), os.W_OK):
        yield warn(
            "gpio", f"lgpio writes small files into {Path.cwd()}, which is not writable", "start in another folder"
        )


def _bus(name: str, device: Path, group: str, enable: str) -> Finding:
    library = {"spi": "luma.led_matrix", "i2c": "luma.oled"}[group]
    if not device.exists():
        return fail(name, f"{device} is not there", f"{enable}, then restart")
    if not may(device, os.R_OK | os.W_OK):
        return fail(name, f"{device} may not be opened", joining(group))
    if not _installed(library):
        return fail(name, f"{library} is not installed", adding("pi"))
    return ok(name, f"{device} and {library}")


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
