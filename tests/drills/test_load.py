"""The measuring of load, small: it runs, everyone is served, and the table has its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette", reason="the extra `kiosk` is not installed")
pytest.importorskip("ai_edge_litert", reason="no inference runtime")

from edge.kiosk.worker import program
from tests.drills.load import bench as benches
from tests.drills.load.bench import Load, LoadBench, Phase
from tests.drills.load.table import COLUMNS, _table, compare

if TYPE_CHECKING:
    from pathlib import Path


def test_a_few_viewers_and_a_camera_are_served_while_the_loop_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benches, "_SETTLE_S", 0.2)
    monkeypatch.setattr(program, "NICENESS", 0)  # a busy machine would make the camera wait
    bench = LoadBench(tmp_path, fps=5, source="virtual:portrait")
    try:
        lines = compare(bench, [Load(3, cameras=1)], rounds=1, seconds=1.5)
    finally:
        bench.close()
    assert [line.count("|") for line in lines] == [len(COLUMNS) + 1] * 4
    nobody, crowd = (line.strip("| ").split(" | ") for line in lines[2:])
    assert (nobody[0], crowd[0]) == ("nobody", "3 viewers + 1 camera")
    assert float(nobody[1]) > 0
    assert float(crowd[1]) > 0
    assert "updates" in crowd[-1]
    assert "failures" not in crowd[-1]


def test_each_busy_phase_is_compared_with_its_neighbours() -> None:
    load = Load(50, upload=True)
    quiet, busy = Phase(20, 0.4, 0.5), Phase(19, 0.4, 0.6)
    lines = _table({Load(): [quiet], load: [busy]}, {load: [(-0.05, 0.0526)]}, {load: {"updates": 250.0}})
    cells = lines[3].strip("| ").split(" | ")
    assert cells[:3] == ["50 viewers + an upload", "19.0", "-5.0% (-5.0% to -5.0%)"]
    assert cells[3:] == ["21.05", "+5.3% (+5.3% to +5.3%)", "60", "250.0 updates"]
