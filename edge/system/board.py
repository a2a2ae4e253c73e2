"""Readings of the board from kernel files: temperature, the firmware's throttling, memory.

Each reading is ``None`` if it is missing: on other hardware, in a container, or if the kernel was built without it.
Sources: Linux' Documentation/admin-guide/cgroup-v2.rst, accounting/psi.rst and filesystems/proc.rst;
Raspberry Pi's documentation of ``vcgencmd get_throttled``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")
THROTTLE_BITS = {0: "under-voltage", 1: "frequency capped", 2: "throttled", 3: "near its temperature limit"}
"""Meaning of the firmware's bits for the present; bits 16 to 19 have the same meaning for the past."""
SEEN_BEFORE = 16
_UNDER_VOLTAGE, _THROTTLED = 1 << 0, 1 << 2


@dataclass(frozen=True, slots=True)
class MemoryInfo:
    """Memory in bytes, in total and still available."""

    total: int
    available: int


@dataclass(frozen=True, slots=True)
class BoardReadings:
    """Readings at one moment; ``pressure_percent`` is the share of time in which all tasks waited for memory."""

    temperature_c: float | None = None
    throttled: int | None = None
    memory: MemoryInfo | None = None
    service: MemoryInfo | None = None
    pressure_percent: float | None = None

    @property
    def slowed_by_heat(self) -> bool:
        """Return whether the firmware slows the processor for a reason other than a weak power supply.

        The soft temperature limit does not count: a Pi 3B+ exceeds it from 60 °C on, which is normal.
        """
        return bool(self.throttled and self.throttled & _THROTTLED and not self.throttled & _UNDER_VOLTAGE)


def read(root: Path = ROOT) -> BoardReadings:
    """Return all readings; the file reads take less than a millisecond."""
    return BoardReadings(
        temperature_c=temperature_c(root),
        throttled=throttled(root),
        memory=memory(root),
        service=service_memory(root),
        pressure_percent=memory_pressure_percent(root),
    )


def temperature_c(root: Path = ROOT) -> float | None:
    """Return the processor's temperature in degrees Celsius."""
    millidegrees = _number(root / "sys/class/thermal/thermal_zone0/temp")
    return None if millidegrees is None else round(millidegrees / 1000, 1)


def throttled(root: Path = ROOT) -> int | None:
    """Return the bits of :data:`THROTTLE_BITS`, without those for the past, which the kernel clears on each read."""
    bits = _number(root / "sys/devices/platform/soc/soc:firmware/get_throttled", base=16)
    return None if bits is None else bits & 0xF


def memory(root: Path = ROOT) -> MemoryInfo | None:
    """Return the memory of the whole board: MemTotal and MemAvailable."""
    table = _table(root / "proc/meminfo", ":")
    total, available = table.get("MemTotal"), table.get("MemAvailable")
    return None if not total or available is None else MemoryInfo(total * 1024, available * 1024)


def memory_pressure_percent(root: Path = ROOT) -> float | None:
    """Return the percentage of the last ten seconds in which all tasks were stalled for lack of memory."""
    for line in _text(root / "proc/pressure/memory").splitlines():
        kind, *fields = line.split()
        if kind == "full" and fields:
            try:
                return float(fields[0].removeprefix("avg10="))
            except ValueError:
                return None
    return None


def service_memory(root: Path = ROOT) -> MemoryInfo | None:
    """Return the memory under the tightest limit of this process's control groups (version 2); ``None`` without one.

    File pages that the kernel can drop at once do not count as used.
    """
    lines = _text(root / "proc/self/cgroup").splitlines()
    path = next((line.removeprefix("0::") for line in lines if line.startswith("0::")), None)
    if path is None:
        return None
    top = root / "sys/fs/cgroup"
    own = top / path.lstrip("/")
    folders = [own, *(folder for folder in own.parents if folder.is_relative_to(top))]
    limits = [limit for folder in folders if (limit := _limit(folder)) is not None]
    return min(limits, key=lambda limit: limit.available, default=None)


def _limit(folder: Path) -> MemoryInfo | None:
    limit, used = _number(folder / "memory.max"), _number(folder / "memory.current")
    if limit is None or used is None:
        return None
    droppable = _table(folder / "memory.stat").get("inactive_file", 0)
    return MemoryInfo(limit, max(0, limit - max(0, used - droppable)))


def _table(path: Path, colon: str = "") -> dict[str, int]:
    """Return the values of a file of ``name value`` lines, without those that are not numbers."""
    rows = (line.split() for line in _text(path).splitlines())
    return {row[0].removesuffix(colon): int(row[1]) for row in rows if len(row) > 1 and row[1].isdecimal()}


def _number(path: Path, base: int = 10) -> int | None:
    try:
        return int(_text(path), base)
    except ValueError:
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
