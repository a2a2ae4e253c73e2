"""The number of epochs that a number of minutes allows, and that a run keeps it."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import numpy as np
import pytest

for package in ("torch", "lightning", "torchmetrics", "matplotlib"):
    pytest.importorskip(package, reason=f"{package} is missing: pip install -e '.[converter]'")

import torch

from converter import datasets
from converter.cli import main
from converter.training import budget, checkpoint, data_path, devices, teachers
from converter.training.budget import Speed
from converter.training.recipe import Recipe
from converter.training.train import Machine
from converter.training.views import Views
from edge.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore")  # other libraries' words about their own insides

SMALL = ["--architecture", "plain:4/8,8/8", "--batch-size", "16", "--accelerator", "cpu"]


def test_epochs_share_the_time_with_validation_and_the_ending() -> None:
    assert Speed(step=0.1, validation=2, ending=3).epochs_within(123, steps=100) == 10
    assert Speed(step=0.1, validation=2, ending=3).epochs_within(122, steps=100) == 9
    assert Speed(step=0.1, validation=2, ending=3).epochs_within(4, steps=100) == 0


def test_rare_validation_takes_its_part_of_each_epoch() -> None:
    """An epoch takes 1 s, half a second of validation comes every 10 s: 1.05 s an epoch, and one at the end."""
    speed = Speed(step=0.01, validation=0.5, ending=4.5, every=10)
    assert speed.epochs_within(110.1, steps=100) == 100
    assert speed.epochs_within(109.9, steps=100) == 99


def test_the_clock_decides(tiny_data: Path) -> None:
    faces = datasets.load(tiny_data, "Training"), datasets.load(tiny_data, "PublicTest")
    recipe = Recipe("plain:4/8,8/8", batch_size=16)
    seconds = count()
    found = budget.with_epochs(recipe, 1, faces, machine=Machine("cpu"), clock=lambda: float(next(seconds)))
    # readings: 1 at the start; epoch begins 1, 3; learnt 2, 4; run ends 5; trial over 6; left at 7
    # a step is 1/4 s, so an epoch 1 s; validation 1 s, ending 1 s; (60 - 7 - 1) / 2
    assert found.epochs == 26
    assert found == Recipe("plain:4/8,8/8", batch_size=16, epochs=26)


def test_too_little_time_is_one_line(tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", "--data", str(tiny_data), "--out", str(tmp_path / "run"), *SMALL, "--minutes", "0.0001"]
    assert main(command) == 4
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("face-convert: error: --minutes 0.0001: -")
    assert error.endswith("s: give more")
    assert not (tmp_path / "run" / "last.ckpt").exists()


def test_minutes_and_epochs_are_not_given_together(
    tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "--data", str(tiny_data), "--out", str(tmp_path), "--minutes", "1", "--epochs", "2"]
    assert main(command) == 2
    assert "--minutes decides the number of epochs" in capsys.readouterr().err


def test_a_resumed_run_keeps_its_number(
    tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    speeds = iter([Speed(step=5, validation=0, ending=0), Speed(step=1, validation=0, ending=0)])
    monkeypatch.setattr(budget, "measure", lambda *_, **__: next(speeds))
    command = ["train", "--data", str(tiny_data), "--out", str(tmp_path), *SMALL, "--minutes", "0.7"]
    assert main(command) == 0
    assert "2 epochs in 0.7 minutes" in capsys.readouterr().out
    assert main(command) == 0, "the second speed would give 10"
    trained = checkpoint.load(tmp_path / "last.ckpt")
    assert (trained.recipe.epochs, trained.epochs_seen) == (2, 2)
    assert next(speeds).step == 1


def test_a_student_is_measured_with_its_answers(tiny_data: Path, tmp_path: Path) -> None:
    faces = datasets.load(tiny_data, "Training"), datasets.load(tiny_data, "PublicTest")
    recipe = Recipe("plain:4/8,8/8", batch_size=2, teachers=("one",), distill_share=0.5)
    (tmp_path / "one").mkdir()
    found = teachers.Teachers(tmp_path, ("one",), Views(1, 1))
    np.save(teachers.answer_path(tmp_path, "one", 0), np.full((len(faces[0]), 2, 7), 1 / 7))
    machine = Machine("cpu", data_path=data_path.RESIDENT)
    speed = budget.measure(recipe, faces, machine=machine, teachers=found)
    assert speed.step > 0
    assert speed.validation > 0
    assert speed.ending > 0


def test_devices_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.device("auto").type == devices.device("cpu").type == "cpu"
    with pytest.raises(InputError, match="--accelerator gpu: no CUDA device here"):
        devices.device("gpu")
    with pytest.raises(InputError, match="--accelerator abacus: expected auto, cpu or gpu"):
        devices.device("abacus")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert devices.device("auto").type == devices.device("gpu").type == "cuda"
    assert devices.device("cpu").type == "cpu"
