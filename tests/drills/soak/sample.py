"""What is read of the running device, again and again: a row of the soak's table."""

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

    from tests.drills.appliance import Appliance
    from tests.drills.soak.pace import Pace

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_MB = 1e6


@dataclass(frozen=True, slots=True)
class Sample:
    """The device at one moment; ``None``: it did not say.

    ``phase`` is the tick within the cycle of what happens: at equal phases the same is going on. Memory is the
    kernel's count in megabytes: ``anonymous`` is what the process has written itself, swapped pages included, which is
    where a leak shows; ``private``, ``proportional`` and ``resident`` add pages of files that nobody else uses just
    now, a share of those that others use, and all of these. ``heap`` and ``python_blocks`` are what is in use
    (:mod:`tests.drills.soak.heap`). ``latency`` and ``work`` are of the last 512 frames
    (:class:`tests.drills.soak.device.Meter`); ``detect`` and ``infer`` are the device's own figures. ``pace`` is what
    a loop that is always young took just now (:class:`tests.drills.soak.pace.Pace`).
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

    def __init__(self, device: Appliance, folder: Path, pace: Pace) -> None:
        self._device = device
        self._figures = folder / FIGURES
        self._pace = pace

    def read(self, t_s: float, phase: int, **going_on: Any) -> Sample:
        """All of it, now; ``going_on`` is what the script is doing.

        Raises:
            OSError: its process is gone.
        """
        pid = self._device.pid
        memory, stat = _memory_mb(pid), _stat(pid)
        pace_p50_ms, pace_mean_ms = self._pace.read_ms()
        health: dict[str, Any] = self._device.status().get("health", {})
        said: dict[str, Any] = {name: health.get(name) for name in _FROM_HEALTH} | self._read_figures()
        return Sample(
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
            **said,
            **going_on,
        )

    def _read_figures(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self._figures.read_bytes())
        except FileNotFoundError:  # not one frame yet
            names = (f"{what}_p{percent}_ms" for what in ("latency", "work") for percent in PERCENTS)
            found = {"frames": 0, "python_blocks": 0, "heap_mb": None, **dict.fromkeys(names)}
        return found


_FROM_HEALTH = ("detect_ms_p50", "detect_ms_p95", "infer_ms_p50", "infer_ms_p95")


class Table:
    """A CSV file that grows by a row a sample; whole after each of them, whatever ends the drill."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._names = [field.name for field in fields(Sample)]
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self._names).writeheader()

    def add(self, sample: Sample) -> None:
        """One more."""
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self._names).writerow(asdict(sample))


def load(path: Path) -> list[Sample]:
    """The samples that a :class:`Table` holds."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(_samples(csv.DictReader(file)))


def _samples(rows: Iterable[dict[str, str]]) -> Iterable[Sample]:
    kinds = get_type_hints(Sample)
    for row in rows:
        yield Sample(**{name: _value(row.get(name, ""), kind) for name, kind in kinds.items()})


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
    """Fields from the third on: the second is a name that may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()


def _size_mb(folder: Path, pattern: str) -> float:
    """Of all files together, those beside a database included."""
    total = 0
    for path in folder.glob(pattern):
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # a journal that has just gone
            continue
    return round(total / _MB, 3)
