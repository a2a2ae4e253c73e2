"""Checks of the board and its system: architecture, Python, clock, power, temperature, disk space."""

from __future__ import annotations

import os
import platform
import pwd
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edge.config import state_dir
from edge.diagnostics import tools
from edge.diagnostics.finding import fail, ok, skip, warn
from edge.system import board as readings
from edge.system.installation import adding
from edge.util.files import may

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.config import Config
    from edge.diagnostics.finding import Finding

_HOT_C = 75.0
_LITTLE_ROOM_MB = 200
_NO_ROOM_MB = 20
_TOOL_TIMEOUT_S = 5.0
_LITTLE_MEMORY_MB = 96


def board(root: Path = Path("/"), machine: str | None = None) -> Finding:
    """Check the architecture; on a board with a device tree, name the model."""
    machine = machine or platform.machine()
    try:
        model = (root / "proc/device-tree/model").read_bytes().rstrip(b"\0").decode("utf-8", "replace")
    except OSError:
        model = "no board with a device tree"
    text = f"{machine}, {model}"
    if machine in {"aarch64", "arm64", "x86_64", "AMD64"}:
        return ok("board", text)
    if machine.startswith("armv6"):
        return fail("board", text, "no inference runtime exists for ARMv6; use a Pi Zero 2 W, 3, 4 or 5")
    return warn("board", text, f"a 64-bit system is faster; on 32 bits: {adding('tflite-runtime')}")


def python() -> Finding:
    """Check the interpreter's version."""
    version = platform.python_version()
    if sys.version_info < (3, 11):  # noqa: UP036 - the package could be run from a checkout
        return fail("python", version, "install Python 3.11 or newer")
    return ok("python", f"{version} at {sys.executable}")


def system(root: Path = Path("/")) -> Finding:
    """Name the distribution and the kernel."""
    try:
        text = (root / "etc/os-release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    fields = dict(line.partition("=")[::2] for line in text.splitlines())
    name = fields.get("PRETTY_NAME", platform.system()).strip('"')
    return ok("system", f"{name}, kernel {platform.release()}")


def clock(root: Path = Path("/")) -> Finding:
    """Check that the clock is synchronised; events carry wall-clock times."""
    if (root / "run/systemd/timesync/synchronized").exists():
        return ok("clock", "synchronised")
    answer = _tool("timedatectl", "show", "--property=NTPSynchronized", "--value")
    if answer == "yes":
        return ok("clock", "synchronised")
    if answer == "no":
        return warn("clock", "not synchronised: events would carry wrong times", "sudo timedatectl set-ntp true")
    return skip("clock", "cannot be told: no timedatectl here")


def power(root: Path = Path("/")) -> Finding:
    """Check under-voltage and throttling, as a Raspberry Pi's firmware reports them."""
    answer = _tool("vcgencmd", "get_throttled")
    if answer is not None:
        return throttling(answer)
    bits = readings.throttled(root)
    return skip("power", "cannot be told: no vcgencmd here") if bits is None else throttling(f"throttled={bits:#x}")


def throttling(answer: str) -> Finding:
    """Evaluate the firmware's answer, such as ``throttled=0x50005``."""
    try:
        bits = int(answer.partition("=")[2], 16)
    except ValueError:
        return skip("power", f"vcgencmd answered {answer!r}")
    now = [words for bit, words in readings.THROTTLE_BITS.items() if bits >> bit & 1]
    before = [words for bit, words in readings.THROTTLE_BITS.items() if bits >> (bit + readings.SEEN_BEFORE) & 1]
    if not now and not before:
        return ok("power", "no under-voltage, no throttling since the start")
    when = f"now {', '.join(now)}" if now else f"since the start: {', '.join(before)}"
    remedy = "use a stronger supply and a short cable" if "voltage" in when else "give the board a heat sink or a fan"
    return warn("power", when, remedy)


def temperature(root: Path = Path("/")) -> Finding:
    """Check the processor's temperature."""
    celsius = readings.temperature_c(root)
    if celsius is None:
        return skip("temperature", "no sensor here")
    if celsius >= _HOT_C:
        return warn("temperature", f"{celsius:.0f} °C", "give the board a heat sink or a fan: it slows down at 80 °C")
    return ok("temperature", f"{celsius:.0f} °C")


def memory(root: Path = Path("/")) -> Finding:
    """Check the available memory; with little of it, the running device processes fewer frames."""
    room = readings.memory(root)
    if room is None:
        return skip("memory", "cannot be told here")
    left_mb = room.available / 2**20
    text = f"{left_mb:.0f} of {room.total / 2**20:.0f} MiB available"
    if left_mb < _LITTLE_MEMORY_MB:
        return warn("memory", text, "end other programs on this board, or use one with more memory")
    return ok("memory", text)


def storage(config: Config) -> Iterator[Finding]:
    """Check that the state folder can be written, and the free disk space."""
    folder = state_dir(config)
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        yield fail("state", f"{there} is in the way: not a folder", "set node.state_dir to another folder")
        return
    if not may(there, os.W_OK | os.X_OK):
        yield fail("state", f"{folder} cannot be written", f"sudo chown {_user()} {there}, or set node.state_dir")
        return
    free_mb = shutil.disk_usage(there).free / 1e6
    text = f"{folder} is writable, {free_mb / 1000:.1f} GB free"
    if free_mb < _NO_ROOM_MB:
        yield fail("state", text, "free some room on this disk")
    elif free_mb < _LITTLE_ROOM_MB:
        yield warn("state", text, "free some room on this disk")
    else:
        yield ok("state", text)


def _user() -> str:
    return "$USER" if os.geteuid() == os.getuid() else pwd.getpwuid(os.geteuid()).pw_name


def _tool(name: str, *arguments: str) -> str | None:
    """Return the output of a system tool; ``None`` if it is missing or fails."""
    try:
        done = tools.run(name, *arguments, timeout_s=_TOOL_TIMEOUT_S)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
