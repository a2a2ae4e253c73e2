"""Measurements and charts of the fleet bench."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.fleet.bench.plots import draw
from tests.fleet.bench.usage import usage

if TYPE_CHECKING:
    from pathlib import Path

_BURN = "import time\nwhile time.process_time() < 0.3: pass"


def test_usage_counts_a_process_with_its_children() -> None:
    before = usage(os.getpid())
    assert before.memory_mb > 10
    child = subprocess.Popen([sys.executable, "-c", f"{_BURN}\ntime.sleep(30)"])
    deadline = time.monotonic() + 60
    while usage(child.pid).cpu_s < 0.29:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert usage(os.getpid()).cpu_s - before.cpu_s >= 0.28  # alive: it is seen
    child.kill()
    child.wait()
    assert usage(os.getpid()).cpu_s - before.cpu_s >= 0.28  # gone: it is remembered
    assert usage(child.pid).cpu_s == 0


def test_results_become_pictures(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    parts = ("broker", "collectors", "database", "simulator")
    cost = {part: {"cpu_percent": 1.0, "memory_mb": 2} for part in parts}
    verdict = {f"latency_{share}_ms": 5.0 for share in ("p50", "p95", "p99")}
    results: dict[str, Any] = {
        "throughput": [
            {"collectors": n, "events_per_s": 10 * n, "stored": 100, "cpu_s": dict.fromkeys(parts, 0.1)} for n in (1, 2)
        ],
        "scale": [{"devices": n, "cost": cost, "verdict": verdict} for n in (10, 100)],
    }
    paths = draw(results, tmp_path)
    assert [path.name for path in paths] == ["fleet-throughput.png", "fleet-scale.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


def test_nothing_to_draw_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty.json").write_text("{}")
    command = [sys.executable, "-m", "tests.fleet.bench", "--out", str(tmp_path / "empty.json"), "plot"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr.count("\n")) == (4, 1)
    assert "no results to draw" in ended.stderr


def test_a_small_bench_runs_from_end_to_end(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    command = [sys.executable, "-m", "tests.fleet.bench", "--out", str(out)]
    ended = subprocess.run(
        [*command, "scale", "--devices", "3", "--rate", "10", "--seconds", "1"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ended.returncode == 8:
        pytest.skip(ended.stderr)
    assert ended.returncode == 0, ended.stderr
    (row,) = json.loads(out.read_text())["scale"]
    assert row["verdict"]["lost"] == 0
    assert row["verdict"]["stored"] == row["simulated"]["made"] > 5
    assert row["cost"]["collectors"]["memory_mb"] > 10
