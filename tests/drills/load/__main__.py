"""Cost of the page for the loop: ``python -m tests.drills.load`` prints the table of docs/kiosk.md.

A device runs in this process with a drawn camera; simulated visitors in another process come and go. Quiet and busy
phases alternate in one run, and each busy one is compared with the quiet ones around it, so that a machine that becomes
slower or warmer does not change the result. With ``--fps 0`` frames come faster than the loop processes them: its rate
is then its maximum, and any share of the processor used by the page is visible.

The simulated visitors run on this machine as well, at a lower priority; their own share is part of the measurement.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tests.drills.load.bench import Load, LoadBench
from tests.drills.load.table import compare

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.drills.load", description="What the page costs the loop.")
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--cameras", type=int, default=1)
    parser.add_argument("--no-upload", action="store_true")
    parser.add_argument("--fps", type=float, default=0.0, help="of the camera; 0: more than the loop can take")
    parser.add_argument("--source", default="virtual:portrait", help="as source.uri")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=12.0, help="of each phase")
    options = parser.parse_args(arguments)
    loads = [Load(options.viewers)]
    loads += [] if options.no_upload else [Load(options.viewers, upload=True)]
    loads += [Load(options.viewers, upload=not options.no_upload, cameras=options.cameras)] if options.cameras else []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        bench = LoadBench(Path(folder), fps=options.fps, source=options.source)
        stack.callback(bench.close)
        sys.stdout.write("\n".join(compare(bench, loads, rounds=options.rounds, seconds=options.seconds)) + "\n")


if __name__ == "__main__":
    main()
