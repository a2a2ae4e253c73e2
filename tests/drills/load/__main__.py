"""What the page costs the loop: ``python -m tests.drills.load`` prints the table of docs/kiosk.md.

A device runs in this process with a drawn camera; a crowd in another process comes and goes. Quiet and busy phases
take turns in one run, and each busy one is compared with the quiet ones around it, so that a machine that grows slower
or warmer changes nothing. With ``--fps 0`` frames come faster than the loop takes them: its rate then is all that it
can do, and every share of the processor that the page takes is seen.

The crowd runs on this machine as well, at a lower priority; its own share is part of what is measured.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tests.drills.load.bench import Bench, Load
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
    given = parser.parse_args(arguments)
    loads = [Load(given.viewers)]
    loads += [] if given.no_upload else [Load(given.viewers, upload=True)]
    loads += [Load(given.viewers, upload=not given.no_upload, cameras=given.cameras)] if given.cameras else []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        bench = Bench(Path(folder), fps=given.fps, source=given.source)
        stack.callback(bench.close)
        sys.stdout.write("\n".join(compare(bench, loads, rounds=given.rounds, seconds=given.seconds)) + "\n")


if __name__ == "__main__":
    main()
