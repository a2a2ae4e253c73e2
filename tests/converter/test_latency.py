from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from converter.cli import main
from converter.comparison.boards import BOARDS, COUNTED_MACS
from converter.comparison.latency import Network, latency, turns
from converter.comparison.latency_table import markdown
from edge.core.errors import InputError
from edge.inference.manifest import manifest_path, packaged_model, packaged_models

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("ai_edge_litert", reason="measuring needs ai-edge-litert")
pytest.importorskip("tqdm", reason="tqdm is missing: pip install -e '.[converter]'")

PERFORMANCE = Path(__file__).parents[2] / "docs" / "performance.md"


def test_everything_takes_turns_forwards_and_backwards() -> None:
    order: list[str] = []
    ticks = itertools.count(0, 1_000_000)
    calls: list[Callable[[], object]] = [lambda: order.append("a"), lambda: order.append("b")]
    times = turns(calls, 3, "", clock=lambda: next(ticks))
    assert "".join(order) == "ab" + "ab" + "ba" + "ab"  # the first are not timed
    np.testing.assert_array_equal(times, np.ones((3, 2)))


def test_a_ratio_is_taken_round_by_round() -> None:
    """A machine that becomes ten times as slow half-way changes no ratio."""
    now = 0
    speed = iter([1, 1] + [1, 1] * 3 + [10, 10] * 3)

    def work(cost: int) -> Callable[[], None]:
        def spend() -> None:
            nonlocal now
            now += cost * next(speed) * 1_000_000

        return spend

    times = turns([work(2), work(6)], 6, "", clock=lambda: now)
    np.testing.assert_allclose(times[:, 1] / times[:, 0], 3)
    assert times[-1, 0] == 10 * times[0, 0]


def test_every_network_is_measured_one_by_one_and_in_batches() -> None:
    networks = [Network.read(path) for path in packaged_models()]
    found = latency(networks, (1, 3), rounds=3)
    assert [row["model"] for row in found] == [path.stem for path in packaged_models()]
    assert found[0]["ratio"] == [1, 1, 1]
    assert found[-1]["ratio"][1] < 0.7, "a fifth of the multiplications"
    for row in found:
        assert [batch["faces"] for batch in row["batches"]] == [1, 3]
        for batch in row["batches"]:
            assert batch["differing"] == 0
            for name in ("milliseconds", "ratio", "laid_out"):
                low, middle, high = batch[name]
                assert 0 < low <= middle <= high
        assert row["batches"][1]["milliseconds"][1] > row["batches"][0]["milliseconds"][1]
    text = markdown(found, "a machine")
    assert "| network | 1 face | 3 faces |" in text
    assert "not those of the faces alone" not in text
    found[0]["batches"][1]["differing"] = 5
    assert "5 values of a batch of 3 are not those" in markdown(found, "a machine")


@pytest.mark.parametrize("index", [0, 1])
def test_a_boards_estimate_is_the_documented_one(index: int) -> None:
    """docs/performance.md has the counts, the clock and the instructions per cycle, and what they come to."""
    name = ("reading one face, 24M", "**reading one face**, 117M")[index]
    (line,) = [line for line in PERFORMANCE.read_text().splitlines() if line.startswith(f"| {name} |")]
    documented = line.split("|")[2:8:2]  # between them stand estimates of another kind
    for board, cell in zip(BOARDS, documented, strict=True):
        low, high = map(float, cell.split(" to "))
        assert board.milliseconds(COUNTED_MACS[index]) == pytest.approx((low, high), rel=0.1)


def test_a_network_between_the_counted_ones_lies_between_them() -> None:
    small, between, large = (
        BOARDS[0].milliseconds(macs) for macs in (COUNTED_MACS[0], sum(COUNTED_MACS) // 2, COUNTED_MACS[1])
    )
    assert between == pytest.approx([(one + other) / 2 for one, other in zip(small, large, strict=True)])


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    models = list(map(str, packaged_models()))
    assert main(["latency", *models, "--faces", "2", "--rounds", "3"]) == 0
    printed = capsys.readouterr().out
    for path in packaged_models():
        assert printed.count(f"| {path.stem} |") == 2
    assert all(board.name in printed for board in BOARDS)
    assert main(["latency", models[0], "--faces", "2", "--rounds", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rounds"] == 3
    assert set(found["networks"][0]["boards"]) == {board.name for board in BOARDS}


def test_a_model_that_is_not_its_manifests_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / packaged_model().name
    shutil.copy(manifest_path(packaged_model()), manifest_path(path))
    path.write_bytes(packaged_model().read_bytes()[:-1] + b"x")
    assert main(["latency", str(path)]) == 6
    error = capsys.readouterr().err
    assert "expected sha256" in error
    assert error.count("\n") == 1


def test_a_network_that_takes_one_face_only_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stubborn:
        def get_input_details(self) -> list[dict[str, object]]:
            return [{"index": 0, "shape": np.array([1, 48, 48, 1])}]

        def resize_tensor_input(self, index: int, shape: tuple[int, ...]) -> None:
            assert index == 0
            if shape[0] > 1:
                msg = "something\nreshape.cc:92 num_input_elements != num_output_elements"
                raise RuntimeError(msg)

    monkeypatch.setattr("converter.comparison.latency.interpreter", lambda _: Stubborn())
    network = Network.read(packaged_model())
    with pytest.raises(InputError, match=r"cannot read 2 faces at once: reshape\.cc:92 .*--faces 1"):
        network.batch(2)
