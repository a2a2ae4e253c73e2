"""Averages of checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is missing: make converter")
pytest.importorskip("lightning", reason="Lightning is missing: make converter")

from converter.architectures import build
from converter.cli import main
from converter.training import checkpoint
from converter.training.checkpoint import Trained
from converter.training.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path

ARCHITECTURE = "plain:4/4"


def kept(path: Path, seed: int, architecture: str = ARCHITECTURE) -> dict[str, Any]:
    torch.manual_seed(seed)
    network = build(architecture).eval()
    path.parent.mkdir(exist_ok=True)
    checkpoint.save(path, Trained(network, Recipe(architecture=architecture, seed=seed), 3, None))
    return {name: values.clone() for name, values in network.state_dict().items()}


def test_weights_are_shares_and_the_recipe_says_what_was_averaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = tmp_path / "one" / "best.ckpt", tmp_path / "two.ckpt"
    first, second = kept(one, 1), kept(two, 2)
    assert main(["average", f"{one}=3", f"{two}=1", "--out", str(tmp_path / "made.ckpt")]) == 0
    made = checkpoint.load(tmp_path / "made.ckpt")
    for name, values in made.network.state_dict().items():
        torch.testing.assert_close(values, 0.75 * first[name] + 0.25 * second[name] if values.ndim else second[name])
    assert made.recipe.start == "average of one (0.75) and two (0.25)"
    assert made.recipe.seed == 2, "the recipe of the last"
    assert "average of one (0.75) and two (0.25)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{one}=1"], "two checkpoints or more"),
        (["{one}=1", "{one}=2"], "given twice"),
        (["{one}=1", "{two}"], "expected FILE=WEIGHT"),
        (["{one}=1", "{two}=0"], "expected FILE=WEIGHT"),
        (["{one}=1", "{two}=nan"], "expected FILE=WEIGHT"),
        (["{one}=1", "{other}=1"], "these cannot be averaged"),
        (["{one}=1", "{missing}=1"], "cannot be read"),
    ],
)
def test_what_cannot_be_averaged_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    paths = {name: tmp_path / f"{name}.ckpt" for name in ("one", "two", "other", "missing")}
    kept(paths["one"], 1)
    kept(paths["two"], 2)
    kept(paths["other"], 1, "plain:6/4")
    out = tmp_path / "made.ckpt"
    assert main(["average", *(each.format(**paths) for each in arguments), "--out", str(out)]) != 0
    assert message in capsys.readouterr().err
    assert not out.exists()
