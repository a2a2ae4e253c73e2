"""A float network read back from an int8 model."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

for package in ("torch", "lightning", "torchmetrics", "matplotlib", "litert_torch"):
    pytest.importorskip(package, reason=f"{package} is missing: pip install -e '.[converter]'")

import torch

from converter import datasets
from converter.cli import main
from converter.datasets.faces import truth
from converter.quantization.recover import agreement, recovered
from converter.runner import ModelRunner
from converter.training import checkpoint
from edge.core.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

pytestmark = pytest.mark.filterwarnings("ignore")  # other libraries' words about their own insides

SMALL = Path(__file__).parents[2] / "models" / "gdconv-24m-int8.tflite"


def test_it_computes_what_the_model_computes_in_training_mode_too(blends: NDArray[np.uint8]) -> None:
    """In training, batch norms use the statistics of the batch, so that theirs must be those of pictures."""
    pixels = blends[::8]
    trained, notes = recovered(SMALL, pixels)
    wanted, found = ModelRunner(SMALL).logits(pixels), trained.logits(pixels)
    for head, logits in wanted.items():
        assert np.abs(found[head] - logits).max() < 0.1 * np.ptp(logits), head
        assert np.abs(found[head] - logits).mean() < 0.02 * np.ptp(logits), head
    assert notes == {"read_back_from": SMALL.name, "sha256": ModelRunner(SMALL).manifest.sha256}
    network = trained.network.train()
    network.dropout.eval()
    with torch.no_grad():
        outputs = network(torch.from_numpy(pixels).unsqueeze(1).float() / 255)
    for head, output in zip(trained.head_names, outputs, strict=True):
        same = output.numpy().argmax(axis=1) == found[head].argmax(axis=1)
        assert same.mean() > 0.5, head  # the pictures here are shown as they are, not in the views of training


def test_it_agrees_on_real_faces_and_is_as_right(fer2013_folder: Path) -> None:
    training, validation = (datasets.load(fer2013_folder, split) for split in ("Training", "PublicTest"))
    training, validation = training.take(np.arange(2000)), validation.take(np.arange(1000))
    trained, _ = recovered(SMALL, training.pixels)
    assert min(agreement(SMALL, trained, validation.pixels).values()) >= 0.98
    labels = truth(validation, "fer2013")
    network = trained.network.train()
    network.dropout.eval()
    with torch.no_grad():
        outputs = network(torch.from_numpy(validation.pixels).unsqueeze(1).float() / 255)
    assert (outputs[0].numpy().argmax(axis=1) == labels).mean() > 0.6, "training goes on from here, not from anew"


def test_training_starts_from_it(
    training_command: Callable[..., list[str]], tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = tmp_path / "small.ckpt"
    assert main(["checkpoint", "--model", str(SMALL), "--data", str(tiny_data), "--out", str(start)]) == 0
    assert "agrees with gdconv-24m-int8.tflite on" in capsys.readouterr().out
    options = ["--architecture", "gdconv:16/32,32/64,64/128,128", "--start", str(start), "--learning-rate", "1e-9"]
    assert main(training_command(tmp_path / "run", *options, "--epochs", "1")) == 0
    begun, kept = (checkpoint.load(path) for path in (tmp_path / "run" / "last.ckpt", start))
    assert begun.recipe.start == "small"
    for name, values in begun.network.named_parameters():
        assert torch.allclose(values, kept.network.get_parameter(name), atol=1e-4), name


def test_a_model_that_is_not_what_its_manifest_names_is_one_line(
    tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / SMALL.name
    shutil.copy(SMALL, model)
    text = (
        SMALL.with_suffix(".json")
        .read_text()
        .replace('"gdconv:16/32,32/64,64/128,128"', '"gdconv:16/32,32/64,64/128,64"')
    )
    model.with_suffix(".json").write_text(text)
    with pytest.raises(ModelError, match="does not hold the network"):
        recovered(model, np.zeros((4, 48, 48), np.uint8))
    model.with_suffix(".json").write_text(text.replace("gdconv:16/32,32/64,64/128,64", "face2021"))
    command = ["checkpoint", "--model", str(model), "--data", str(tiny_data), "--out", str(tmp_path / "x.ckpt")]
    assert main(command) == 4
    assert "only those of plain:... and gdconv:... can be read back" in capsys.readouterr().err
