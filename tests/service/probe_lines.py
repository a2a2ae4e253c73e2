"""Watches lines of a simulated GPIO chip: ``probe_lines.py SECONDS LINE…``.

Prints ``{"17": {"share": 0.08, "rises": 41}, …}``: how much of the time each was high, and how often it rose. Lines are
what gpio-sim shows of them under /sys, so the pins themselves are not touched. Shares are those of the samples, which
come a few hundred to a few thousand a second.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import pairwise
from pathlib import Path

CHIP = Path("/sys/kernel/config/gpio-sim/pi")


def folder() -> Path:
    """Where the chip's lines lie."""
    device = (CHIP / "dev_name").read_text().strip()
    return Path("/sys/devices/platform") / device / (CHIP / "bank0/chip_name").read_text().strip()


def main(seconds: float, lines: list[str]) -> None:
    """Look at them in turn until the time is over, then tell."""
    files = {line: (folder() / f"sim_gpio{line}" / "value").open("rb", buffering=0) for line in lines}
    seen: dict[str, list[bool]] = {line: [] for line in lines}
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        for line, file in files.items():
            file.seek(0)
            seen[line].append(file.read(1) == b"1")
    told = {
        line: {
            "share": round(sum(values) / len(values), 3),
            "rises": sum(now and not before for before, now in pairwise(values)),
        }
        for line, values in seen.items()
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2:])
