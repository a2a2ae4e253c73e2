"""Command ``make soak``: ten minutes under all floods, with the embedded broker and with a restarting Mosquitto.

Exit code 0: the device passed; 1: it failed; 77: a requirement is missing.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from edge.core.errors import HardwareUnavailable
from tests.soak.plot import draw
from tests.soak.run import soak
from tests.soak.verdict import FloodBounds

if TYPE_CHECKING:
    from tests.soak.watch import FloodSample

BROKERS = ("embedded", "mosquitto")


def main() -> int:
    """Run, print the tables, write JSON and a chart."""
    parser = argparse.ArgumentParser(prog="make soak", description="A device under every flood at once.")
    parser.add_argument("--seconds", type=float, default=600.0, help="of all runs together")
    parser.add_argument("--broker", choices=(*BROKERS, "both"), default="both")
    parser.add_argument("--output", type=Path, default=Path("build/soak"))
    given = parser.parse_args()
    brokers = BROKERS if given.broker == "both" else (given.broker,)
    given.output.mkdir(parents=True, exist_ok=True)
    failed = False
    for broker in brokers:
        with tempfile.TemporaryDirectory() as folder:
            try:
                found = soak(
                    Path(folder), given.seconds / len(brokers), broker=broker, bounds=FloodBounds(), progress=_progress
                )
            except HardwareUnavailable as error:
                print(f"cannot run: {error}")  # noqa: T201 - a command's output
                return 77
            log = (Path(folder) / "device.log").read_text(encoding="utf-8")
        (given.output / f"{broker}.log").write_text(log, encoding="utf-8")
        (given.output / f"{broker}.json").write_text(json.dumps(found.as_dict(), indent=1) + "\n", encoding="utf-8")
        draw(found.samples, found.looks, given.output / f"{broker}.png", title=f"broker: {broker}")
        print("\n".join(["", *found.lines()]), flush=True)  # noqa: T201
        failed |= not found.passed
    return int(failed)


def _progress(sample: FloodSample) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{sample.t_s:6.0f} s  {sample.phase:<6}{sample.descriptors:>5} descriptors   ")


if __name__ == "__main__":
    sys.exit(main())
