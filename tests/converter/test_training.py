"""What is learnt from: orders, losses, teachers' answers; and a student that follows its teachers."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import pytest

for package in ("torch", "lightning", "torchmetrics", "matplotlib"):
    pytest.importorskip(package, reason=f"{package} is missing: pip install -e '.[converter]'")

import torch

from converter import datasets
from converter.cli import main
from converter.training import checkpoint, mixup, teachers
from converter.training.batches import FaceBatches
from converter.training.mixup import Blend
from converter.training.recipe import Recipe, differences, from_checkpoint
from converter.training.task import ExpressionTask, soft_cross_entropy
from converter.training.views import Views
from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from converter.datasets.faces import FaceSet

pytestmark = pytest.mark.filterwarnings("ignore")  # other libraries' words about their own insides

SMALL = "plain:4/8,8/8"


@pytest.fixture(scope="module")
def faces(tiny_data: Path) -> FaceSet:
    return datasets.load(tiny_data, "Training")


@pytest.fixture(scope="module")
def train(tiny_data: Path) -> Callable[..., int]:
    def run(out: Path, *options: str, command: Sequence[str] = ("train",)) -> int:
        shape = ["--architecture", SMALL, "--batch-size", "16", "--epochs", "2"]
        return main([*command, "--data", str(tiny_data), "--out", str(out), *shape, *options])

    return run


@pytest.fixture(scope="module")
def runs(train: Callable[..., int], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small networks, ``one`` and ``two``."""
    folder = tmp_path_factory.mktemp("runs")
    assert train(folder / "one") == 0
    assert train(folder / "two", "--seed", "2", "--class-weights", "0.5", "--label-mix", "0.3", "--mixup", "0.4") == 0
    return folder


@pytest.fixture(scope="module")
def answers(runs: Path, tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the two say of the training pictures in three views."""
    out = tmp_path_factory.mktemp("answers")
    networks = [str(runs / name / "best.ckpt") for name in ("one", "two")]
    assert main(["teach", "--data", str(tiny_data), "--out", str(out), "--views", "3", *networks]) == 0
    return out


def test_an_epochs_order_holds_every_row_once_and_is_the_epochs_own(faces: FaceSet) -> None:
    loader = FaceBatches(faces, Views(1)).loader(10, seed=7)
    orders = []
    for epoch in (0, 1, 0):
        loader.sampler.set_epoch(epoch)
        orders.append([row for batch in loader.sampler for row in batch])
    assert sorted(orders[0]) == list(range(70))
    assert orders[0] == orders[2] != orders[1]


def test_several_devices_share_every_batch_out(faces: FaceSet) -> None:
    parts = [list(FaceBatches(faces, Views(1)).loader(10, seed=7, rank=rank, ranks=2).sampler) for rank in (0, 1)]
    whole = list(FaceBatches(faces, Views(1)).loader(10, seed=7).sampler)
    assert [sorted(a + b) for a, b in zip(*parts, strict=True)] == [sorted(batch) for batch in whole]


def test_rows_without_votes_weigh_nothing() -> None:
    logits = torch.tensor([[2.0, 0, 0, 0, 0, 0, 0], [0, 5.0, 0, 0, 0, 0, 0]])
    votes = torch.zeros(2, 7)
    votes[0, 0] = 1
    assert soft_cross_entropy(logits, votes) == pytest.approx(float(-logits[:1].log_softmax(1)[0, 0]))


@pytest.mark.parametrize(("power", "ratio"), [(0.0, 1.0), (0.5, 5**0.5), (1.0, 5.0)])
def test_class_weights_weigh_rare_emotions_up(faces: FaceSet, power: float, ratio: float) -> None:
    rows = np.concatenate([np.flatnonzero(faces.labels == 0), np.flatnonzero(faces.labels == 1)[:2]])
    task = ExpressionTask(asdict(Recipe(architecture=SMALL, class_weights=power)))
    task.weigh_classes(faces.take(rows))
    weights = task.weights_fer2013
    assert weights[1] == pytest.approx(ratio * float(weights[0]))
    assert task.weights_consensus[1] == pytest.approx(ratio * float(task.weights_consensus[0]))


def test_blended_faces_are_learnt_by_both_their_labels(faces: FaceSet) -> None:
    """With equal partners blending changes nothing; with others it does."""
    torch.manual_seed(1)
    task = ExpressionTask(asdict(Recipe(architecture=SMALL))).eval()
    batch = next(iter(FaceBatches(faces, Views(1)).loader(8, seed=1)))
    alone = task.learn(batch, batch.pictures)[1].item()
    itself, neighbour = torch.arange(8), torch.arange(8).roll(1)
    assert task.learn(batch, batch.pictures, Blend(0.5, itself))[1].item() == pytest.approx(alone, rel=1e-5)
    assert task.learn(batch, batch.pictures, Blend(1.0, neighbour))[1].item() == pytest.approx(alone, rel=1e-5)
    assert task.learn(batch, batch.pictures, Blend(0.5, neighbour))[1].item() != pytest.approx(alone, rel=1e-5)


def test_a_blend_follows_from_seed_and_step_alone() -> None:
    first, again = mixup.draw(0.4, 7, 3, 16), mixup.draw(0.4, 7, 3, 16)
    assert first.share == again.share
    assert torch.equal(first.partners, again.partners)
    assert sorted(first.partners.tolist()) == list(range(16))
    others = [mixup.draw(0.4, 7, 4, 16), mixup.draw(0.4, 8, 3, 16), mixup.draw(0.4, -7, 3, 16)]
    assert len({first.share, *(other.share for other in others)}) == 4
    shares = np.array([mixup.draw(0.4, 1, step, 2).share for step in range(2000)])
    assert shares.mean() == pytest.approx(0.5, abs=0.03)
    assert shares.var() == pytest.approx(1 / (4 * (2 * 0.4 + 1)), rel=0.1)


def test_a_checkpoint_from_before_an_option_came_has_its_default() -> None:
    old = {name: value for name, value in asdict(Recipe(seed=4)).items() if name != "label_mix"}
    assert from_checkpoint(old) == Recipe(seed=4)
    assert differences(Recipe(seed=4, label_mix=0.5), from_checkpoint(old)) == ["label_mix"]


def test_teach_measures_the_vote(
    answers: Path, runs: Path, tiny_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    networks = [f"first={runs / 'one' / 'best.ckpt'}", str(runs / "two" / "best.ckpt")]
    out = answers.parent / "other"
    assert main(["teach", "--data", str(tiny_data), "--out", str(out), "--views", "1", "--json", *networks]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["first", "two", "soft vote", "soft vote, and mirrored"]
    assert all(set(row) == {"fer2013", "consensus"} for row in found.values())


def test_the_kept_answers_are_those_of_the_networks_for_that_view(runs: Path, faces: FaceSet, tmp_path: Path) -> None:
    networks = {name: checkpoint.load(runs / name / "best.ckpt") for name in ("one", "two")}
    for trained in networks.values():
        for head in trained.network.heads:
            head.weight.data *= 1e4  # two epochs leave opinions too weak to tell views apart
    teachers.teach(networks, faces, tmp_path, Views(5, 3))
    found = teachers.load(tmp_path, faces)
    shares = [teachers.probabilities(t, faces.pixels, found.views.draw(len(faces), 2)) for t in networks.values()]
    assert np.allclose(found.vote(2).numpy(), np.mean(shares, axis=0), atol=2e-3)
    assert np.abs(found.vote(1).numpy() - found.vote(2).numpy()).max() > 0.05


def test_answers_for_other_pictures_are_refused(answers: Path, faces: FaceSet) -> None:
    with pytest.raises(InputError, match="made from other pictures than these"):
        teachers.load(answers, faces.take(np.arange(7)))


def test_a_folder_without_answers_says_how_to_make_them(tmp_path: Path, faces: FaceSet) -> None:
    with pytest.raises(InputError, match="make them with face-convert teach"):
        teachers.load(tmp_path, faces)


def test_answers_for_other_views_are_not_mixed_in(
    answers: Path, runs: Path, tiny_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = str(runs / "one" / "best.ckpt")
    assert main(["teach", "--data", str(tiny_data), "--out", str(answers), "--seed", "2", network]) == 4
    assert "holds answers for other pictures or views" in capsys.readouterr().err


def test_answers_of_another_network_of_the_same_name_are_not_mixed_in(
    answers: Path, runs: Path, tiny_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = f"two={runs / 'one' / 'best.ckpt'}"
    assert main(["teach", "--data", str(tiny_data), "--out", str(answers), network]) == 4
    assert "two: holds answers of another network of this name" in capsys.readouterr().err


def test_two_teachers_of_one_name_are_refused(
    runs: Path, tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = str(runs / "one" / "best.ckpt")
    assert main(["teach", "--data", str(tiny_data), "--out", str(tmp_path), network, network]) == 2
    assert "are both called one" in capsys.readouterr().err


def test_a_student_learns_what_its_teachers_say(
    train: Callable[..., int], answers: Path, faces: FaceSet, tmp_path: Path
) -> None:
    """Teachers who call every picture happy, against its label, make a student that does."""
    certain = np.zeros((len(faces), 2, 7), np.float16)
    certain[:, :, 3] = 1
    folder = tmp_path / "certain"
    for name in ("one", "two"):
        (folder / name).mkdir(parents=True)
        for index in range(3):
            np.save(teachers.answer_path(folder, name, index), certain)
    (folder / "teachers.json").write_bytes((answers / "teachers.json").read_bytes())
    options = ["--distill-share", "1", "--epochs", "6"]
    assert train(tmp_path / "student", *options, command=("distill", "--teachers", str(folder))) == 0
    student = checkpoint.load(tmp_path / "student" / "last.ckpt")
    assert student.recipe.teachers == ("one", "two")
    for logits in student.logits(faces.pixels).values():
        assert (logits.argmax(axis=1) == 3).all()


def test_a_run_begins_with_the_weights_it_is_given(train: Callable[..., int], runs: Path, tmp_path: Path) -> None:
    start = runs / "one" / "last.ckpt"
    options = ["--start", str(start), "--learning-rate", "1e-12", "--epochs", "1"]
    assert train(tmp_path, *options) == 0
    began, ended = (checkpoint.load(path) for path in (start, tmp_path / "last.ckpt"))
    assert ended.recipe.start == "one"
    for name, weight in ended.network.named_parameters():
        assert torch.allclose(weight, began.network.get_parameter(name), atol=1e-5)


def test_adam_takes_other_steps_and_is_kept_in_the_recipe(
    train: Callable[..., int], runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--start", str(runs / "one" / "last.ckpt"), "--epochs", "1", "--learning-rate", "0.001"]
    assert train(tmp_path / "sgd", *options) == 0
    assert train(tmp_path / "adam", *options, "--optimizer", "adam") == 0
    sgd, adam = (checkpoint.load(tmp_path / name / "last.ckpt") for name in ("sgd", "adam"))
    assert (sgd.recipe.optimizer, adam.recipe.optimizer) == ("sgd", "adam")
    moved = [
        float((weight - sgd.network.get_parameter(name)).detach().abs().max())
        for name, weight in adam.network.named_parameters()
    ]
    assert max(moved) > 1e-5
    assert train(tmp_path / "adam", *options) == 4, "a run goes on with its own optimiser only"
    assert "optimizer" in capsys.readouterr().err


def test_a_start_of_another_network_is_refused(
    train: Callable[..., int], runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--start", str(runs / "one" / "best.ckpt"), "--architecture", "plain:4/8"]
    assert train(tmp_path, *options) == 4
    assert "choose a start with plain:4/8" in capsys.readouterr().err


def test_devices_that_are_not_there_are_one_line(
    train: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path, "--accelerator", "abacus") == 4
    error = capsys.readouterr().err
    assert error.splitlines()[-1].startswith("face-convert: error: 1 x abacus: this machine cannot train on it")
    assert "Traceback" not in error


@pytest.mark.parametrize("shape", ["plain:", "gdconv:4/x", "plain:4//8", "plain:0", "gdconv:4/4/4/4/4/4"])
def test_a_network_spelled_wrong_says_how_to_spell_it(
    train: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str], shape: str
) -> None:
    assert train(tmp_path, "--architecture", shape) == 4
    assert "expected widths above 0, as in plain:32,32/" in capsys.readouterr().err
