from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from edge.bench.measure import STAGES
from tests.bench import __main__ as main
from tests.bench.plot import draw

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("matplotlib", reason="matplotlib draws the curves")


def row(faces: int, width: int) -> dict[str, Any]:
    return {
        "width": width, "height": width * 3 // 4, "faces": faces, "faces_found": faces,
        "stages_ms": dict.fromkeys(STAGES, 0.1 * faces), "obvious_ms": 50.0,
    }  # fmt: skip


def test_the_picture_is_drawn(tmp_path: Path) -> None:
    results = {"faces": [row(n, 1280) for n in (1, 5, 20)], "sizes": [row(3, width) for width in (320, 640)]}
    path = draw(results, tmp_path)
    assert path.name == "performance-cost.png"
    assert path.stat().st_size > 10_000


def test_points_are_measured_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "FACES", (0, 2))
    monkeypatch.setattr(main, "FACES_IN", (320, 240))
    monkeypatch.setattr(main, "SIZES", ((320, 240),))
    done = CliRunner().invoke(main.curves, ["--out", str(tmp_path), "--seconds", "1"])
    assert done.exit_code == 0, done.output
    kept = json.loads((tmp_path / "performance.json").read_text(encoding="utf-8"))
    nobody, two = kept["faces"]
    assert (nobody["faces_found"], two["faces"]) == (0, 2)
    assert two["faces_found"] > 1.5
    assert two["stages_ms"]["classify"] > nobody["stages_ms"]["classify"] == 0
    assert kept["sizes"][0]["obvious_ms"] > sum(kept["sizes"][0]["stages_ms"].values())
    assert (tmp_path / "performance-cost.png").is_file()
