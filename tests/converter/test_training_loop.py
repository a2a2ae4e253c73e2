"""The loop around what is learnt: the average of the weights, the learning rate, how a run ends, its options."""

from __future__ import annotations

import csv
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

for package in ("torch", "lightning", "torchmetrics", "matplotlib"):
    pytest.importorskip(package, reason=f"{package} is missing: pip install -e '.[converter]'")

import torch

from converter.cli import main
from converter.datasets.faces import FaceSet
from converter.training import checkpoint, ending
from converter.training.augment import apply
from converter.training.averaging import decay_at
from converter.training.history import History, stalled
from converter.training.resume import resume_state
from converter.training.schedule import rate_factor, warmup_steps
from converter.training.train import Machine, Recipe, train
from converter.training.views import Augmentation
from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore")  # other libraries' words about their own insides

SMALL = "plain:4/8,8/8"
CPU = Machine("cpu", precision="32-true")


def gratings(n: int, seed: int) -> FaceSet:
    """``n`` pictures of each of seven gratings under noise: easy to tell apart."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[0:48, 0:48]
    labels = np.repeat(np.arange(7), n)
    waves = np.stack([np.sin(x * np.cos(a) + y * np.sin(a)) for a in np.arange(7) * np.pi / 7])
    pixels = 128 + 70 * waves[labels] + generator.normal(0, 20, (len(labels), 48, 48))
    votes = np.eye(7, dtype=np.float32)[labels]
    return FaceSet(np.clip(pixels, 0, 255).astype(np.uint8), labels, votes, labels.copy())


class TestAverage:
    def test_its_decay_rises_to_its_value(self) -> None:
        assert decay_at(0, 0.998) == pytest.approx(0.1)
        assert decay_at(270, 0.998) == pytest.approx(271 / 280)
        assert decay_at(10**6, 0.998) == 0.998

    def test_a_small_set_comes_out_trained(self, tmp_path: Path) -> None:
        """96 steps: an average of constant decay would still hold four fifths of the initial weights."""
        recipe = Recipe(SMALL, epochs=12, batch_size=16, augmentation=0, learning_rate=0.05)
        found = train(gratings(20, 1), gratings(6, 2), tmp_path, recipe, machine=CPU)
        rows = list(csv.DictReader((tmp_path / "history.csv").open()))
        assert float(rows[-1]["val_fer2013"]) > 0.8, "this is the average"
        assert ending.accuracy(checkpoint.load(found.best), gratings(6, 3)) > 0.8

    def test_where_it_is_not_better_the_weights_themselves_are_kept(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("converter.training.averaging.decay_at", lambda _updates, decay: decay)
        recipe = Recipe(SMALL, epochs=8, batch_size=16, augmentation=0, learning_rate=0.05, ema_decay=0.9999)
        validation = gratings(6, 2)
        found = train(gratings(20, 1), validation, tmp_path, recipe, machine=CPU)
        assert "is not better than the last weights" in found.note
        assert "a lower --ema-decay" in found.note
        assert ending.accuracy(checkpoint.load(found.best), validation) > 0.8
        assert ending.accuracy(checkpoint.load(tmp_path / "last.ckpt"), validation) < 0.5

    def test_decay_is_an_option(self, training_command: Callable[..., list[str]], tmp_path: Path) -> None:
        assert main(training_command(tmp_path, "--ema-decay", "0.9")) == 0
        assert checkpoint.load(tmp_path / "best.ckpt").recipe.ema_decay == 0.9


class TestSchedule:
    def test_it_is_linear_and_then_a_cosine(self) -> None:
        total, warmup = 40, warmup_steps(40, 2, 10)
        assert warmup == 8
        parameter = torch.nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.SGD([parameter], lr=1.0)
        wanted = torch.optim.lr_scheduler.SequentialLR(
            optimizer,
            [
                torch.optim.lr_scheduler.LinearLR(optimizer, 0.01, total_iters=warmup),
                torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total - warmup),
            ],
            [warmup],
        )
        for step in range(total + 1):
            assert rate_factor(step, total, warmup) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-6)
            optimizer.step()
            wanted.step()

    def test_a_longer_run_has_the_rate_of_the_new_length(
        self, two_epochs: Path, training_command: Callable[..., list[str]], tmp_path: Path
    ) -> None:
        for file in ("last.ckpt", "best.ckpt"):
            (tmp_path / file).write_bytes((two_epochs / file).read_bytes())
        rates: list[float] = []

        def watch(_: object, trainer: Any, *__: object) -> None:
            rates.append(trainer.optimizers[0].param_groups[0]["lr"])

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(History, "on_train_batch_start", watch, raising=False)
            assert main(training_command(tmp_path, "--epochs", "4")) == 0
        steps = 70 // 16
        wanted = [0.1 * rate_factor(s, 4 * steps, warmup_steps(4 * steps, 2, 4)) for s in range(2 * steps, 4 * steps)]
        assert rates == pytest.approx(wanted)
        trained = checkpoint.load(tmp_path / "last.ckpt")
        assert (trained.epochs_seen, trained.recipe.epochs, trained.recipe.earlier) == (4, 4, ((2, 2),))
        rows = csv.DictReader((tmp_path / "history.csv").open())
        assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4]

    def test_a_shorter_run_is_refused(
        self, two_epochs: Path, training_command: Callable[..., list[str]], error_line: Callable[[], str]
    ) -> None:
        assert main(training_command(two_epochs, "--epochs", "1")) == 4
        assert "can be made longer but not shorter: give --epochs 2 or more" in error_line()

    def test_a_checkpoint_of_an_earlier_version_goes_on(
        self, two_epochs: Path, training_command: Callable[..., list[str]], tmp_path: Path
    ) -> None:
        content = torch.load(two_epochs / "last.ckpt", weights_only=True)
        content["lr_schedulers"] = [{"last_epoch": 8, "_milestones": [4], "_schedulers": [{}, {"T_max": 4}]}]
        for name in ("dropout", "gradient_clip", "augmentation", "patience", "earlier"):
            del content["hyper_parameters"]["recipe"][name]
        torch.save(content, tmp_path / "last.ckpt")
        assert main(training_command(tmp_path, "--epochs", "3")) == 0
        assert checkpoint.load(tmp_path / "last.ckpt").epochs_seen == 3


class TestEnds:
    @pytest.mark.parametrize(
        ("means", "patience", "ended"),
        [
            ([0.1, 0.2, 0.2, 0.1], 2, True),
            ([0.1, 0.2, 0.2, 0.3], 2, False),
            ([0.2, 0.1], 2, False),
            ([0.2] * 9, 0, False),
        ],
    )
    def test_patience(self, means: list[float], patience: int, ended: bool) -> None:
        rows = [
            {"epoch": n, "val_loss": 9.0, "val_fer2013": mean, "val_consensus": mean} for n, mean in enumerate(means)
        ]
        assert stalled(rows, patience) is ended

    def test_a_run_ends_early_and_stays_ended(
        self, training_command: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        options = ["--patience", "1", "--learning-rate", "1e-9", "--epochs", "20"]
        assert main(training_command(tmp_path, *options)) == 0
        rows = (tmp_path / "history.csv").read_text()
        assert len(rows.splitlines()) == 3, "a heading, the first epoch, and one that was no better"
        assert main(training_command(tmp_path, *options)) == 0
        assert (tmp_path / "history.csv").read_text() == rows
        assert f"best checkpoint: {tmp_path / 'best.ckpt'}" in capsys.readouterr().out

    def test_fewer_pictures_than_a_batch_are_a_batch(
        self, training_command: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(training_command(tmp_path, "--batch-size", "512")) == 0
        assert checkpoint.load(tmp_path / "best.ckpt").recipe.batch_size == 70
        assert main(training_command(tmp_path, "--batch-size", "512", "--epochs", "3")) == 0, "it goes on, too"
        assert checkpoint.load(tmp_path / "last.ckpt").epochs_seen == 3
        capsys.readouterr()

    @pytest.mark.parametrize(
        ("training", "validation", "message"),
        [(1, 7, "at least 2"), (0, 7, "at least 2"), (7, 0, "no validation pictures to choose")],
    )
    def test_too_few_pictures_are_one_line(self, training: int, validation: int, message: str, tmp_path: Path) -> None:
        faces = gratings(1, 1)
        learnt, chosen_by = (faces.take(np.arange(n)) for n in (training, validation))
        with pytest.raises(InputError, match=message):
            train(learnt, chosen_by, tmp_path, Recipe(SMALL, epochs=1), machine=CPU)
        assert not (tmp_path / "best.ckpt").exists()

    @pytest.mark.parametrize("architecture", ["nus2022", "gdconv:4/4/4/4/4"])
    def test_two_pictures_are_enough_for_every_network(self, architecture: str, tmp_path: Path) -> None:
        faces = gratings(1, 1)
        recipe = Recipe(architecture, epochs=1, batch_size=128)
        assert train(faces.take(np.arange(2)), faces, tmp_path, recipe, machine=CPU).best.is_file()


class TestOptions:
    def test_all_that_a_recipe_holds_is_an_option(
        self, training_command: Callable[..., list[str]], tmp_path: Path
    ) -> None:
        options = {
            "warmup_epochs": 1,
            "label_smoothing": 0.1,
            "dropout": 0.5,
            "gradient_clip": 1.0,
            "ema_decay": 0.9,
            "augmentation": 0.5,
            "patience": 3,
            "weight_decay": 0.001,
        }
        words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
        assert main(training_command(tmp_path, "--epochs", "1", *words)) == 0
        found = checkpoint.load(tmp_path / "best.ckpt")
        assert {name: getattr(found.recipe, name) for name in options} == options
        assert found.network.dropout.p == 0.5

    def test_augmentation_of_no_strength_is_the_plain_picture(self) -> None:
        pictures = torch.rand(8, 1, 48, 48).clamp(0.01, 0.99)
        assert torch.allclose(apply(pictures, Augmentation().scaled(0).draw(8, 1)), pictures, atol=1e-4)
        assert Augmentation().scaled(1) == Augmentation()
        assert Augmentation().scaled(3).mirror_p == 0.5
        assert Augmentation().scaled(3).erase_p == 1.0
        assert Augmentation().scaled(2).rotate_degrees == 24


def test_what_a_run_was_before_it_was_made_longer_is_kept(two_epochs: Path) -> None:
    recipe = checkpoint.load(two_epochs / "last.ckpt").recipe
    assert resume_state(two_epochs, recipe) is not None
    longer = resume_state(two_epochs, replace(recipe, epochs=5))
    assert longer is not None
    assert (longer.recipe.earlier, longer.epochs_done, len(longer.rows)) == (((2, 2),), 2, 2)
