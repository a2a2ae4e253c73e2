"""Periodic reading of the running device: a row of the soak's table."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from tests.drills.soak.device import FIGURES, PERCENTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.drills.appliance import DrillDevice
    from tests.drills.soak.pace import ReferenceLoop

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_MB = 1e6


@dataclass(frozen=True, slots=True)
class SoakSample:
    """State of the device at one moment; ``None`` for missing values.

    ``phase`` is the tick within the script's cycle: equal phases have equal activity. Memory is the kernel's count in
    megabytes: ``anonymous`` is written by the process itself, including swapped pages, which is where a leak shows;
    ``private``, ``proportional`` and ``resident`` add file pages that only it uses, a share of shared ones, and all of
    these. ``heap`` and ``python_blocks`` are memory in use (:mod:`tests.drills.soak.heap`). ``latency`` and ``work``
    are of the last 512 frames (:class:`tests.drills.soak.device.SoakMeter`); ``detect`` and ``infer`` are the device's
    own figures. ``pace`` is the time of a reference loop (:class:`tests.drills.soak.pace.ReferenceLoop`).
    """

    t_s: float
    phase: int
    frames: int
    cpu_s: float
    resident_mb: float
    proportional_mb: float
    private_mb: float
    anonymous_mb: float
    heap_mb: float | None
    python_blocks: int
    descriptors: int
    threads: int
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    latency_p99_ms: float | None
    work_p50_ms: float | None
    work_p95_ms: float | None
    work_p99_ms: float | None
    detect_ms_p50: float | None
    detect_ms_p95: float | None
    infer_ms_p50: float | None
    infer_ms_p95: float | None
    queue: int | None
    outbox_mb: float
    sessions_mb: float
    log_lines: int
    session: bool
    viewers: int
    broker: bool
    looking: bool
    pace_p50_ms: float | None = None
    pace_mean_ms: float | None = None


class Probe:
    """Reads one device."""

    def __init__(self, device: DrillDevice, folder: Path, pace: ReferenceLoop) -> None:
        self._device = device
        self._figures = folder / FIGURES
        self._pace = pace

    def read(self, t_s: float, phase: int, **going_on: Any) -> SoakSample:
        """Read all values; ``going_on`` is the script's current activity.

        Raises:
            OSError: the process has ended.
        """
        pid = self._device.pid
        memory, stat = _memory_mb(pid), _stat(pid)
        pace_p50_ms, pace_mean_ms = self._pace.read_ms()
        health: dict[str, Any] = self._device.status().get("health", {})
        values: dict[str, Any] = {name: health.get(name) for name in _FROM_HEALTH} | self._read_figures()
        return SoakSample(
            t_s=round(t_s, 3),
            phase=phase,
            cpu_s=(int(stat[11]) + int(stat[12])) / _TICKS_PER_S,
            resident_mb=memory["Rss"],
            proportional_mb=memory["Pss"],
            private_mb=round(memory["Private_Clean"] + memory["Private_Dirty"], 3),
            anonymous_mb=round(memory["Anonymous"] + memory["Swap"], 3),
            descriptors=len(os.listdir(f"/proc/{pid}/fd")),  # noqa: PTH208 - names are enough
            threads=int(stat[17]),
            queue=health.get("queue_depth"),
            outbox_mb=_size_mb(self._device.state, "outbox-*.sqlite3*"),
            sessions_mb=_size_mb(self._device.state, "sessions-*.sqlite3*"),
            log_lines=len(self._device.lines),
            pace_p50_ms=pace_p50_ms,
            pace_mean_ms=pace_mean_ms,
            **values,
            **going_on,
        )

    def _read_figures(self) -> dict[str, Any]:
        try:
            figures: dict[str, Any] = json.loads(self._figures.read_bytes())
        except FileNotFoundError:  # before the first frame
            names = (f"{what}_p{percent}_ms" for what in ("latency", "work") for percent in PERCENTS)
            figures = {"frames": 0, "python_blocks": 0, "heap_mb": None, **dict.fromkeys(names)}
        return figures


_FROM_HEALTH = ("detect_ms_p50", "detect_ms_p95", "infer_ms_p50", "infer_ms_p95")


class SampleTable:
    """CSV file that grows by a row per sample and is complete after each, even if the drill is aborted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._names = [field.name for field in fields(SoakSample)]
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self._names).writeheader()

    def add(self, sample: SoakSample) -> None:
        """Add a sample."""
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self._names).writerow(asdict(sample))


def load(path: Path) -> list[SoakSample]:
    """Load the samples of a :class:`SampleTable`."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(_samples(csv.DictReader(file)))


def _samples(rows: Iterable[dict[str, str]]) -> Iterable[SoakSample]:
    kinds = get_type_hints(SoakSample)
    for row in rows:
        yield SoakSample(**{name: _value(row.get(name, ""), kind) for name, kind in kinds.items()})


def _value(text: str, kind: Any) -> Any:
    if not text:
        return None
    if kind is bool:
        return text == "True"
    return int(text) if kind in (int, int | None) else float(text)


def _memory_mb(pid: int) -> dict[str, float]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()[1:]
    return {
        name: round(int(rest.split()[0]) * 1024 / _MB, 3) for name, _, rest in (line.partition(":") for line in lines)
    }


def _stat(pid: int) -> list[str]:
    """Return the fields from the third on: the second is a name with arbitrary characters."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()


def _size_mb(folder: Path, pattern: str) -> float:
    """Return the size of all files together, including those beside a database."""
    total = 0
    for path in folder.glob(pattern):
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # a journal that was just deleted
            continue
    return round(total / _MB, 3)
