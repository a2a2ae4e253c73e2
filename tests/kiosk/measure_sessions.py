"""Measure how long lists and reports of kept sessions take on a busy device, for one tree of the source or several.

    python tests/kiosk/measure_sessions.py before=/path/to/a/checkout after=.

Each tree gets a device of its own with the virtual camera, a file of 200 sessions (ten of two hours) that its own code
writes, and as many spinning processes as there are cores, so that whatever has a low priority starves. Times are in
seconds.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

FIXTURES = Path(__file__).parents[1] / "fixtures" / "sessions.py"
SESSIONS, LONG = 200, 10
PATIENCE_S = 600
WRITE = """
import importlib.util, sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from edge.core.events import ulid
from edge.recording.file import SessionFile
from edge.recording.rows import put_event, put_second, put_session
spec = importlib.util.spec_from_file_location("fixtures_sessions", sys.argv[2])
made = importlib.util.module_from_spec(spec)
spec.loader.exec_module(made)
short, long = made.lifelike(seconds=600), made.lifelike(seconds=7200)
with SessionFile(Path(sys.argv[1]), create=True) as file:
    for number in range(int(sys.argv[3])):
        found = long if number % 20 == 10 else short
        start = made.START + timedelta(hours=3 * number)
        end = start + timedelta(seconds=found.record.lasted_s)
        identity = ulid(int(start.timestamp() * 1000), bytes([number] * 10))
        record = replace(found.record, id=identity, title=f"Session {number}", start=start, end=end)
        rows = [put_second(record.id, second) for second in found.seconds]
        rows += [put_event(record.id, happening) for happening in found.events]
        file.write([put_session(record), *rows])
"""


def spin() -> None:
    """Keep a core busy."""
    while True:
        pass


@contextmanager
def busy() -> Iterator[None]:
    """As many spinning processes as there are cores."""
    spinning = [multiprocessing.Process(target=spin, daemon=True) for _ in range(os.cpu_count() or 1)]
    for process in spinning:
        process.start()
    yield
    for process in spinning:
        process.kill()
        process.join()


class Device:
    """A device of the source in ``tree`` that serves its page."""

    def __init__(self, tree: Path, folder: Path, port: int) -> None:
        self._environment = {**os.environ, "PYTHONPATH": str(tree), "RUNTIME_DIRECTORY": str(folder)}
        self._tree = tree
        self.url = f"http://127.0.0.1:{port}"
        path = folder / "sessions-measure.sqlite3"
        command = [sys.executable, "-c", WRITE, str(path), str(FIXTURES), str(SESSIONS)]
        subprocess.run(command, env=self._environment, cwd=tree, check=True)
        settings = {
            "node.id": "measure", "node.state_dir": folder, "kiosk.enabled": "true", "kiosk.port": port,
            "source.width": 640, "source.height": 480,
        }  # fmt: skip
        words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "edge", *words, "run", "--source", "virtual:portrait"],
            env=self._environment, cwd=tree, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s:
            try:
                self.get("/api/visit")
            except OSError:
                time.sleep(0.2)
            else:
                return
        msg = f"the device of {tree} does not serve its page"
        raise SystemExit(msg)

    def get(self, path: str) -> bytes:
        """The body of an answer."""
        with urllib.request.urlopen(self.url + path, timeout=PATIENCE_S) as answer:
            return bytes(answer.read())

    def fps(self) -> float:
        """Frames that the loop looks at in a second, by its own count."""
        words = ["--set", "node.id=measure", "--set", f"node.state_dir={self._environment['RUNTIME_DIRECTORY']}"]
        command = [sys.executable, "-m", "edge", *words, "status", "--json"]
        told = subprocess.run(
            command, env=self._environment, cwd=self._tree, check=True, capture_output=True, text=True
        )
        return float(json.loads(told.stdout)["health"]["process_fps"])

    def close(self) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait(60)


def took(device: Device, path: str) -> tuple[float, bytes]:
    """Seconds until the answer is there, and the answer."""
    start_s = time.perf_counter()
    body = device.get(path)
    return time.perf_counter() - start_s, body


def report(device: Device, identity: str) -> dict[str, float]:
    """Seconds until something is said of a report, and until it is there."""
    start_s = time.perf_counter()
    found: dict[str, float] = {}
    try:
        while not json.loads(device.get(f"/api/sessions/report?ids={identity}"))["ready"]:
            found.setdefault("report, first word", time.perf_counter() - start_s)
            time.sleep(0.5)
    except urllib.error.HTTPError:  # a tree that tells no progress
        pass
    device.get(f"/sessions/report?ids={identity}")
    found["report of two hours"] = time.perf_counter() - start_s
    found["the same again"], _ = took(device, f"/sessions/report?ids={identity}")
    return found


def measure(tree: Path, port: int) -> dict[str, float]:
    """All times of one tree."""
    with tempfile.TemporaryDirectory(prefix="face-edge-") as folder:
        device = Device(tree, Path(folder), port)
        try:
            with busy():
                device.fps()
                time.sleep(5)
                found = {"frames a second": device.fps()}
                found["list, first time"], body = took(device, "/api/sessions")
                sessions: list[dict[str, Any]] = json.loads(body)["sessions"]
                found["list again"], _ = took(device, "/api/sessions")
                long = next(line["id"] for line in sessions if line["lasted_s"] > 7000)
                other = sessions[0]["id"]
                device.fps()
                found |= report(device, long)
                found["frames a second meanwhile"] = device.fps()
                device.get(f"/sessions/report?ids={other}")
                found["the first again, after another"], _ = took(device, f"/sessions/report?ids={long}")
                found["CSV of two hours"], _ = took(device, f"/sessions/data/csv?ids={long}")
        finally:
            device.close()
    return found


def main() -> None:
    """Measure the trees that are named and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trees", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--port", type=int, default=21390)
    wanted = parser.parse_args()
    trees = dict(word.split("=", 1) for word in wanted.trees)
    found = {name: measure(Path(tree).resolve(), wanted.port + at) for at, (name, tree) in enumerate(trees.items())}
    names = list(dict.fromkeys(key for figures in found.values() for key in figures))
    lines = [f"| | {' | '.join(found)} |", f"|---|{'---:|' * len(found)}"]
    for name in names:
        values = [f"{figures[name]:.2f}" if name in figures else "" for figures in found.values()]
        lines.append(f"| {name} | {' | '.join(values)} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
