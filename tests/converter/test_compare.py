"""Networks side by side: trained, converted, timed, in one table and one plot."""

from __future__ import annotations

import csv
import json
from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from converter.cli import main

if TYPE_CHECKING:
    from pathlib import Path

for package in ("torch", "lightning", "torchmetrics", "litert_torch", "ai_edge_quantizer", "matplotlib", "adjustText"):
    pytest.importorskip(package, reason=f"{package} is missing: pip install -e '.[converter]'")

from converter.comparison.compare import ComparisonRow
from converter.comparison.table import draw

pytestmark = pytest.mark.filterwarnings("ignore")  # other libraries' words about their own insides

RECIPE = ["--epochs", "1", "--batch-size", "16"]


@pytest.fixture(scope="module")
def compared(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published network that is trained, and one of ours."""
    out = tmp_path_factory.mktemp("compared")
    assert main(["compare", "--data", str(tiny_data), "--out", str(out), *RECIPE, "baseline_2023", "plain:4/8"]) == 0
    return out


def test_the_table_holds_what_each_network_costs_and_reaches(compared: Path) -> None:
    with (compared / "compare.csv").open(newline="") as stream:
        published, ours = csv.DictReader(stream)
    assert published["network"] == "baseline_2023"
    assert published["parameters"] == "67,591"
    assert published["consensus int8 %"] == ""
    assert ours["network"] == "plain:4/8"
    assert 0 <= float(ours["consensus int8 %"]) <= 100
    assert float(published["int8 kB"]) * 1000 == pytest.approx(
        (compared / "baseline_2023/int8.tflite").stat().st_size, 1
    )
    assert all(float(row[name]) > 0 for row in (published, ours) for name in ("MMAC", "float ms", "int8 ms"))


def test_the_same_figures_for_programs_and_for_people(compared: Path) -> None:
    found = json.loads((compared / "compare.json").read_text())
    assert found["split"] == "PublicTest"
    assert found["machine"]
    assert [network["name"] for network in found["networks"]] == ["baseline_2023", "plain:4/8"]
    table = (compared / "compare.md").read_text()
    assert f"| baseline_2023 | 1 | 67,591 | {found['networks'][0]['macs'] / 1e6:.1f} |" in table
    assert (compared / "compare.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_trained_already_is_taken_as_it_is(
    compared: Path, tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    networks = [f"old={compared / 'plain-4-8' / 'best.ckpt'}", f"shipped={compared / 'plain-4-8' / 'int8.tflite'}"]
    assert main(["compare", "--data", str(tiny_data), "--out", str(tmp_path), *networks]) == 0
    found = {n["name"]: n for n in json.loads((tmp_path / "compare.json").read_text())["networks"]}
    assert found["old"]["int8_accuracy"] == found["shipped"]["int8_accuracy"]
    assert found["shipped"]["float_ms"] is None
    assert found["shipped"]["float_accuracy"] == {}
    assert not list(tmp_path.glob("*/last.ckpt"))
    assert "| shipped |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("x=notes.txt", "notes.txt: expected a .ckpt or a .tflite file"),
        ("plain:4/8", "plain:4/8: two networks have that name; distinguish them with NAME=FILE"),
        ("x=nowhere.ckpt", "nowhere.ckpt: cannot be read: No such file or directory"),
    ],
)
def test_what_cannot_be_compared_is_one_line_before_anything_is_trained(
    tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], second: str, message: str
) -> None:
    assert main(["compare", "--data", str(tiny_data), "--out", str(tmp_path), "plain:4/8", second]) == 4
    assert capsys.readouterr().err.splitlines()[-1] == f"face-convert: error: {message}"
    assert not list(tmp_path.iterdir())


def test_no_two_labels_of_a_plot_lie_on_each_other() -> None:
    accuracy = {"fer2013": 0.66}
    rows = [
        ComparisonRow(f"network_{n}", "", 1, 10**6, 10**7 + n * 10**5, 1, accuracy, accuracy, 1.0, 0.5)
        for n in range(6)
    ]
    figure = draw(rows, "a machine")
    for axes in figure.axes:
        boxes = [text.get_window_extent() for text in axes.texts if text.get_text()]
        assert len(boxes) == len(rows)
        assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
