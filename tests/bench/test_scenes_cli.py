"""``python -m tests.lab scenes`` on a tiny folder made of the portrait that comes along."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edge.core.errors import EdgeError, InputError
from tests.bench.scenes import report, run, setups
from tests.lab import lab

if TYPE_CHECKING:
    from pathlib import Path

    from edge.core.types import Box


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory, portrait_path: Path, portrait_face: Box) -> Path:
    """Write the portrait twice side by side, and a picture without a face."""
    folder = tmp_path_factory.mktemp("scenes")
    image = cv2.imread(str(portrait_path))
    assert image is not None
    height, width = image.shape[:2]
    cv2.imwrite(str(folder / "two.png"), np.hstack([image, image]))
    face = portrait_face
    boxes = [[face.x + off, face.y, face.width, face.height] for off in (0, width)]
    entry = {"size": [2 * width, height], "faces": [{"box": box, "kind": "face", "frontal": True} for box in boxes]}
    (folder / "faces.json").write_text(json.dumps({"two.png": entry | {"tags": ["posed"]}}))
    (folder / "empty").mkdir()
    cv2.imwrite(str(folder / "empty" / "wall.png"), np.full((180, 320, 3), 127, np.uint8))
    return folder


def bench(*arguments: str) -> Any:
    return CliRunner().invoke(lab, ("scenes", *arguments))


@pytest.fixture(scope="module")
def measured(scenes: Path) -> Any:
    """Return a run's JSON output, with its plot drawn."""
    plot = scenes / "plot.svg"
    command = (
        str(scenes),
        "--detector",
        "haar",
        "--detector",
        "nonsense",
        "--quick",
        "--seconds",
        "2",
        "--json",
    )
    done = bench(*command, "--plot", str(plot))
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout), plot.read_text()


def test_both_faces_are_found_and_followed(measured: Any) -> None:
    haar = measured[0]["setups"]["haar"]
    assert haar["stills"]["recall_0.15"] == haar["stills"]["recall_posed"] == 1
    assert (haar["stills"]["empty"], haar["stills"]["empty_with_faces"]) == (1, 0)
    assert set(haar["stills"]) >= {"light_0.05", "light_0.02", "recall_near", "false_faces", "cpu_ms"}
    assert haar["clips, still"]["recall"] == 1
    assert haar["clips, still"]["count"] == 1
    assert haar["clips, still"]["wait_p95_ms"] <= 400
    assert haar["clips"]["cpu_ms"] > 0
    assert {"handheld", "pan", "zoom", "ramp", "enter", "away", "empty"} <= {key[7:] for key in haar if key[5:6] == ","}
    assert haar["clips, empty"]["ghosts"] == 0


def test_what_cannot_be_measured_is_left_out_with_its_reason(measured: Any) -> None:
    assert "nonsense" in measured[0]["left_out"]["nonsense"]
    assert set(measured[0]["setups"]) == {"haar"}


def test_the_plot_is_drawn(measured: Any) -> None:
    assert measured[1].lstrip().startswith("<?xml")
    assert "</svg>" in measured[1]


def test_the_table_has_a_column_for_each_setup(scenes: Path) -> None:
    near, wrong = {"detector.kind": "haar"}, {"detector.kind": "nonsense"}
    prepared, skipped = setups.prepare({"haar": near, "a long name": near, "wrong": wrong})
    shares: list[float] = []
    plan = run.ScenesPlan(kinds=("still",), seconds=2.0, lights=())
    lines = report.lines(run.measure(scenes, prepared, plan, shares.append), skipped)
    assert lines[0].split() == ["haar", "a", "long", "name"]
    assert lines[3] == "stills"
    (recall,) = (line for line in lines[3:20] if line.startswith("recall, 15 % and more"))
    assert recall.split()[-4:] == ["100.0", "%"] * 2
    assert len({len(line) for line in lines if line.endswith("%")}) == 1
    assert lines[-1].startswith("left out  wrong: ")
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("nowhere",), 4, "nowhere/faces.json: No such file"),
        (("{scenes}", "--plot", "a.gif"), 4, "expected a file name that ends with .svg"),
        (("{scenes}", "--plot", "no/where/a.svg"), 4, "no/where: is no folder"),
        (("{scenes}", "--detector", "nonsense"), 3, "nonsense cannot be measured"),
        (("--quick",), 2, "Missing argument 'FOLDER'"),
    ],
)
def test_wrong_usage_gets_a_line(scenes: Path, arguments: tuple[str, ...], code: int, says: str) -> None:
    done = bench(*(argument.format(scenes=scenes) for argument in arguments))
    error = done.exception
    assert (error.exit_code if isinstance(error, EdgeError) else done.exit_code) == code
    assert says in (str(error) if isinstance(error, EdgeError) else done.output)


def test_a_damaged_list_of_faces_is_a_line(tmp_path: Path) -> None:
    (tmp_path / "faces.json").write_text("[]")
    done = bench(str(tmp_path))
    assert isinstance(done.exception, InputError)


def test_a_setup_promises_its_own_smallest_face() -> None:
    flags = {"detector.kind": "haar", "detector.min_face": 0.04}
    (own,), _ = setups.prepare({"far": flags})
    (given,), _ = setups.prepare({"far": flags}, smallest=0.07)
    assert (own.name, own.smallest, given.smallest) == ("far", 0.04, 0.07)
