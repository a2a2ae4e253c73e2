"""Energy consumption of the processor, if the board reports it: RAPL counters of Intel and AMD, the meter of a Pi 5.

RAPL counts the processor's package (Linux' Documentation/power/powercap/powercap.rst) and needs root; the Pi 5's
``vcgencmd pmic_read_adc`` gives currents and voltages of every rail, which are multiplied, summed and taken twice a
second.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import Self

ROOT = Path("/")
_RAPL = "sys/class/powercap"
_EVERY_S = 0.5
_READING = re.compile(r"(\w+)_([AV]) \w+\(\d+\)=([\d.]+)[AV]")


class EnergyMeter:
    """Context manager that measures energy; ``joules`` is ``None`` if the board does not report it."""

    def __init__(self, root: Path = ROOT) -> None:
        self._root = root
        self._zones: dict[Path, int] = {}
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._integral_j = 0.0
        self.joules: float | None = None

    def __enter__(self) -> Self:
        self._zones = {zone: value for zone in self._packages() if (value := _number(zone / "energy_uj")) is not None}
        if not self._zones and shutil.which("vcgencmd") and watts() is not None:
            self._thread = threading.Thread(target=self._integrate, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self.joules = self._integral_j
        elif self._zones:
            self.joules = sum(self._spent_uj(zone, before) for zone, before in self._zones.items()) / 1e6

    def _packages(self) -> list[Path]:
        """Return the zones of whole packages; their subzones would count twice."""
        return sorted((self._root / _RAPL).glob("intel-rapl:[0-9]"))

    @staticmethod
    def _spent_uj(zone: Path, before: int) -> int:
        now, wraps_at = _number(zone / "energy_uj"), _number(zone / "max_energy_range_uj")
        if now is None:
            return 0
        return now - before if now >= before else now - before + (wraps_at or 0)

    def _integrate(self) -> None:
        then_s = time.monotonic()
        while not self._stopping.wait(_EVERY_S):
            power = watts()
            now_s = time.monotonic()
            self._integral_j += (power or 0.0) * (now_s - then_s)
            then_s = now_s


def watts() -> float | None:
    """Return the current power of all rails of a Pi 5, in watts."""
    try:
        done = subprocess.run(
            ["vcgencmd", "pmic_read_adc"],  # noqa: S607 - on PATH
            capture_output=True,
            text=True,
            timeout=2,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return power_of(done.stdout)


def power_of(report: str) -> float | None:
    """Return the watts in a report of ``pmic_read_adc``: amperes times volts of each rail that has both."""
    rails: dict[str, dict[str, float]] = {}
    for rail, unit, value in _READING.findall(report):
        rails.setdefault(rail, {})[unit] = float(value)
    both = [found["A"] * found["V"] for found in rails.values() if len(found) == 2]
    return sum(both) if both else None


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
