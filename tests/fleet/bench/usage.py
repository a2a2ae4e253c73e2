"""Cost of processes, from ``/proc`` (Linux)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds since the start, and current memory in MB, with a share of shared pages."""

    cpu_s: float
    memory_mb: float


def usage(pid: int) -> Usage:
    """Return the usage of a process with all its children, including ended ones."""
    family = [pid, *_descendants(pid)]
    times = [_stat(member) for member in family]
    # the children of the head that it has waited for are in its own count; those of others are seldom any
    cpu_ticks = sum(map(int, times[0][13:17])) + sum(int(ticks) for stat in times[1:] for ticks in stat[13:15])
    return Usage(cpu_ticks / _TICKS_PER_S, sum(map(_proportional_kb, family)) / 1024)


def _stat(pid: int) -> list[str]:
    """Return the fields of ``/proc/PID/stat``, with the second, an arbitrary name, as one word."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return ["0"] * 20
    begin, _, rest = text.partition("(")
    return [begin.strip(), "name", *rest.rpartition(")")[2].split()]


def _descendants(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    except OSError:
        return []
    return [member for child in map(int, children) for member in (child, *_descendants(child))]


def _proportional_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
