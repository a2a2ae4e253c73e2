"""Measurement of a whole device in a separate process: a camera's frame rate, the feed, a display.

``python -m edge.bench.child SPECIFICATION`` (JSON) is that process; it prints its load (JSON).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge.core.errors import EdgeError

_WARM_UP_S = 3.0


@dataclass(frozen=True, slots=True)
class Field:
    """What a device took: processor time as a share of one core, resident memory in MB without the clip's."""

    cpu_share: float
    memory_mb: float
    frames_per_s: float


def measure(scene: dict[str, Any], flags: dict[str, Any], seconds: float, *, lender: Path | None = None) -> Field:
    """Run a device for ``seconds`` on a drawn scene at a camera's frame rate.

    ``lender`` is a state folder whose detectors it uses.

    Raises:
        EdgeError: the device cannot run; the message is the device's.
    """
    specification = {"scene": scene, "flags": flags, "seconds": seconds}
    if lender is not None:
        specification["lender"] = str(lender)
    command = [sys.executable, "-m", "edge.bench.child", json.dumps(specification)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 120, check=False)  # noqa: S603 - ourselves
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        msg = f"the device that was to be measured failed: {said[0]}"
        raise EdgeError(msg)
    return Field(**json.loads(done.stdout.splitlines()[-1]))


def resident_mb(without: str = "", smaps: Path = Path("/proc/self/smaps")) -> float:
    """Return the resident memory in MB, except mappings of files whose names end with ``without``."""
    total, counted = 0, True
    for line in smaps.read_text(encoding="utf-8", errors="replace").splitlines():
        head, *rest = line.split()
        if head == "Rss:":
            total += int(rest[0]) * counted
        elif "-" in head and not head.endswith(":"):
            counted = not (without and line.endswith(without))
    return total * 1024 / 1e6


def _main(specification: dict[str, Any]) -> Field:
    from edge import config as configuration
    from edge.bench.private import lend_detectors
    from edge.bench.reel import FILE, Reel, ReelSource
    from edge.bench.scene import Scene
    from edge.runtime import build

    scene = Scene(**specification["scene"])
    with tempfile.TemporaryDirectory(prefix="face-edge-bench-") as name:
        folder = Path(name)
        reel = Reel.record(map(scene.frame, range(len(scene))), folder, fps=scene.fps, count=len(scene))
        flags = {"node.id": "bench", "node.state_dir": folder, **specification["flags"]}
        config = configuration.load(environment={}, flags=flags)
        if "lender" in specification:
            lent = {"node.state_dir": specification["lender"]}
            lend_detectors(configuration.load(environment={}, flags=lent), folder)
        wiring = build.device(config, source=ReelSource(reel, live=True))
        del scene  # its pictures would count as the device's memory
        found: list[Field] = []

        def watch() -> None:
            time.sleep(_WARM_UP_S)
            cpu_s, began_s, frames = time.process_time(), time.monotonic(), wiring.device.processed
            time.sleep(specification["seconds"])
            took_s = time.monotonic() - began_s
            share = (time.process_time() - cpu_s) / took_s
            found.append(Field(share, resident_mb(without=FILE), (wiring.device.processed - frames) / took_s))
            wiring.device.stop()

        watcher = threading.Thread(target=watch, daemon=True)
        with wiring.resources:
            watcher.start()
            wiring.device.run()
        watcher.join()
        return found[0]


if __name__ == "__main__":
    try:
        sys.stdout.write(json.dumps(asdict(_main(json.loads(sys.argv[1])))) + "\n")
    except EdgeError as error:
        sys.exit(str(error))
