"""Reference figures in a CSV file, a row for each machine and clip, for comparison with later runs."""

from __future__ import annotations

import csv
import io
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from edge import __version__
from edge.core.errors import InputError
from edge.util.files import replacing

if TYPE_CHECKING:
    from edge.bench.report import Report

KEY = ("machine", "clip")
COLUMNS = (
    *KEY, "version", "date", "fps", "ratio", "cpu_ratio", "cpu_s_per_s", "recall", "labels", "start_s", "memory_mb",
    "idle_percent", "one_face_percent",
)  # fmt: skip
SLOWER = 0.85
"""A ratio below this share of the reference's counts as slower: two runs of one version differ by less."""


def machine(root: Path = Path("/")) -> str:
    """Return the model of the board or processor, and the number of processors that this process may use."""
    name = _text(root / "proc/device-tree/model").rstrip("\0")
    if not name:
        lines = _text(root / "proc/cpuinfo").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        name = names[0] if names else platform.machine()
    return f"{name}, {len(os.sched_getaffinity(0))} processors"


def row(report: Report, *, date: str) -> dict[str, str]:
    """Return the row of ``report``; figures that were not measured are empty."""
    loops, device = report.throughput, report.appliance
    agreed = loops.agreement
    figures = {
        "fps": loops.ours.fps,
        "ratio": loops.ratio,
        "cpu_ratio": loops.cpu_ratio,
        "cpu_s_per_s": loops.ours.cpu_s_per_s,
        "recall": None if agreed is None else agreed.recall,
        "labels": None if agreed is None else agreed.labels,
        "start_s": None if device is None else device.startup.event_s,
        "memory_mb": None if device is None else device.one_face.memory_mb,
        "idle_percent": None if device is None else 100 * device.idle.cpu_share,
        "one_face_percent": None if device is None else 100 * device.one_face.cpu_share,
    }
    told = {name: "" if value is None else f"{value:.4g}" for name, value in figures.items()}
    return {"machine": report.machine, "clip": report.clip, "version": __version__, "date": date, **told}


def read(path: Path) -> list[dict[str, str]]:
    """Return all rows; none if the file does not exist.

    Raises:
        InputError: the file cannot be read, or is not a file of reference figures.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        msg = f"{path}: cannot be read: {error}"
        raise InputError(msg) from None
    if reader.fieldnames is None or not set(KEY) <= set(reader.fieldnames):
        msg = f"{path}: is no file of reference figures: expected the columns {', '.join(COLUMNS)}"
        raise InputError(msg)
    return rows


def write(path: Path, rows: list[dict[str, str]], new: dict[str, str]) -> None:
    """Replace the row of the same machine and clip by ``new``, or append it."""
    kept = [old for old in rows if not _same(old, new)]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows([*kept, new])
    with replacing(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")


def against(rows: list[dict[str, str]], new: dict[str, str]) -> tuple[list[str], bool]:
    """Return lines that describe changes since the reference, and whether the loop has become slower.

    Ratios within one run are compared if both have them, since the speed of a machine varies.
    """
    old = next((row for row in rows if _same(row, new)), None)
    if old is None:
        return [f"no reference for {new['machine']} and this clip; --update adds it"], False
    lines, slower = [], False
    for name in COLUMNS[len(KEY) + 2 :]:
        before, now = _number(old.get(name)), _number(new.get(name))
        if before and now is not None:
            lines.append(f"{name:17} {before:>9.4g} -> {now:<9.4g} {100 * (now / before - 1):+.0f} %")
    judged = "cpu_ratio" if _number(old.get("cpu_ratio")) and _number(new.get("cpu_ratio")) else "fps"
    before, now = _number(old.get(judged)), _number(new.get(judged))
    if before and now is not None:
        slower = now < SLOWER * before
    return [f"against version {old.get('version', '?')} of {old.get('date', '?')}:", *lines], slower


def _same(one: dict[str, str], other: dict[str, str]) -> bool:
    return all(one.get(name) == other.get(name) for name in KEY)


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
