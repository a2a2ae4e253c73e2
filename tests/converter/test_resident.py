"""Training with everything on the device comes to what the loader's path comes to, and each goes on for the other."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

for package in ("torch", "lightning", "torchmetrics", "matplotlib"):
    pytest.importorskip(package, reason=f"{package} is missing: pip install -e '.[converter]'")

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from converter.cli import main
from converter.datasets.faces import FaceSet
from converter.training import checkpoint, data_path, teachers
from converter.training.history import History
from converter.training.recipe import Recipe
from converter.training.resident import graph
from converter.training.resident.task import ResidentTask
from converter.training.resident.update import OptimizerUpdate
from converter.training.resident.watching import EpochBar, TimedValidation
from converter.training.train import Machine, train
from converter.training.views import Views
from edge.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore")  # other libraries' words about their own insides

SMALL = "plain:4/8,8/8"
PATHS = (data_path.LOADER, data_path.RESIDENT)
RECIPES = {
    "sgd": Recipe(SMALL, epochs=3, batch_size=8, mixup=0.4, class_weights=0.5, label_mix=0.3, seed=3),
    "adam": Recipe(SMALL, epochs=3, batch_size=8, optimizer="adam", learning_rate=0.01, ema_decay=0.9, camera=0.5),
    "student": Recipe(
        SMALL,
        epochs=3,
        batch_size=8,
        mixup=0.2,
        class_weights=0.2,
        teachers=("one", "two"),
        distill_share=0.7,
        distill_temperature=2.0,
    ),
}


def some_faces(n: int, seed: int) -> FaceSet:
    """Grey levels that grow with the label under noise; every fifth has no votes."""
    generator = np.random.default_rng(seed)
    labels = np.arange(n, dtype=np.int64) % 7
    pixels = (30 * labels[:, None, None] + generator.integers(0, 40, (n, 48, 48))).astype(np.uint8)
    votes = np.eye(7, dtype=np.float32)[labels]
    majority = labels.copy()
    votes[::5], majority[::5] = 0, -1
    return FaceSet(pixels, labels, votes, majority)


@pytest.fixture(scope="module")
def training() -> FaceSet:
    return some_faces(27, 1)


@pytest.fixture(scope="module")
def validation() -> FaceSet:
    return some_faces(14, 2)


@pytest.fixture(scope="module")
def answers(training: FaceSet, tmp_path_factory: pytest.TempPathFactory) -> teachers.Teachers:
    """Two views of two teachers, so that views come round again and are mirrored."""
    folder = tmp_path_factory.mktemp("answers")
    generator = np.random.default_rng(4)
    for name in ("one", "two"):
        (folder / name).mkdir()
        for index in range(2):
            shares = generator.dirichlet(np.ones(7), (len(training), 2)).astype(np.float16)
            np.save(teachers.answer_path(folder, name, index), shares)
    return teachers.Teachers(folder, ("one", "two"), Views(5, 2))


@pytest.fixture(scope="module")
def run(training: FaceSet, validation: FaceSet, answers: teachers.Teachers) -> Callable[..., None]:
    def start(out: Path, recipe: Recipe, path: str, precision: str = "32-true", accelerator: str = "cpu") -> None:
        machine = Machine(accelerator, precision=precision, data_path=path)
        train(training, validation, out, recipe, teachers=answers if recipe.teachers else None, machine=machine)

    return start


@pytest.fixture(scope="module")
def whole(run: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every recipe on each path, uninterrupted."""
    folder = tmp_path_factory.mktemp("whole")
    for name, recipe in RECIPES.items():
        for path in PATHS:
            run(folder / name / path, recipe, path)
    return folder


def content(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(out / "last.ckpt", weights_only=True)
    return found


def furthest(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> float:
    assert first.keys() == second.keys()
    return max(float((value.double() - second[name].double()).abs().max()) for name, value in first.items())


@pytest.mark.parametrize("name", RECIPES)
def test_both_paths_come_to_the_same_losses_and_weights(whole: Path, name: str) -> None:
    rows = [list(csv.DictReader((whole / name / path / "history.csv").open())) for path in PATHS]
    assert len(rows[0]) == 3
    for loader, resident in zip(*rows, strict=True):
        assert {key: float(value) for key, value in resident.items()} == pytest.approx(
            {key: float(value) for key, value in loader.items()}, rel=1e-4
        )
    loader, resident = (content(whole / name / path) for path in PATHS)
    for part in ("state_dict", "current_model_state"):
        assert furthest(loader[part], resident[part]) < 1e-4


@pytest.mark.parametrize("name", RECIPES)
def test_both_paths_keep_the_same_counts_and_states(whole: Path, name: str) -> None:
    loader, resident = (content(whole / name / path) for path in PATHS)
    for found in (loader, resident):  # counted in another place on either path
        del found["loops"]["fit_loop"]["epoch_loop.manual_optimization.optim_step_progress"]
    assert loader["loops"] == resident["loops"]
    assert (loader["epoch"], loader["global_step"]) == (resident["epoch"], resident["global_step"])
    assert loader["hyper_parameters"] == resident["hyper_parameters"]
    assert loader["averaging_state"] == resident["averaging_state"]
    optimizers = [found["optimizer_states"][0] for found in (loader, resident)]
    for first, second in zip(*(found["param_groups"] for found in optimizers), strict=True):
        assert first.pop("lr") == pytest.approx(second.pop("lr"))
        assert first == second
    for state, other in zip(*(found["state"].values() for found in optimizers), strict=True):
        assert furthest(state, other) < 1e-4


@pytest.mark.parametrize("change", [("student", *PATHS), ("adam", *PATHS), ("adam", *PATHS[::-1])], ids="-".join)
def test_a_run_stopped_on_one_path_goes_on_on_the_other(
    run: Callable[..., None], whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: tuple[str, str, str]
) -> None:
    name, first, second = change

    def pull_the_plug(_: object, trainer: Any, *__: object) -> None:
        if trainer.current_epoch == 1:
            raise InterruptedError

    with monkeypatch.context() as patched:
        patched.setattr(History, "on_train_batch_end", pull_the_plug)
        with pytest.raises(InterruptedError):
            run(tmp_path, RECIPES[name], first)
    run(tmp_path, RECIPES[name], second)
    expected, found = content(whole / name / first), content(tmp_path)
    assert found["epoch"] == 2
    assert furthest(expected["state_dict"], found["state_dict"]) < 1e-4
    assert checkpoint.load(tmp_path / "best.ckpt").epochs_seen >= 1


@pytest.mark.timeout(900)
def test_a_killed_run_goes_on_to_the_same_weights(tiny_data: Path, tmp_path: Path) -> None:
    options = ["--architecture", SMALL, "--batch-size", "16", "--epochs", "4", "--accelerator", "cpu", "--mixup", "0.2"]
    command = ["train", "--data", str(tiny_data), *options, "--data-path", "resident"]
    killed = tmp_path / "killed"
    with subprocess.Popen([sys.executable, "-m", "converter", *command, "--out", str(killed)]) as process:
        deadline = time.monotonic() + 240
        while not (killed / "last.ckpt").exists() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert checkpoint.load(killed / "last.ckpt").epochs_seen < 4
    assert main([*command, "--out", str(killed)]) == 0
    assert main([*command, "--out", str(tmp_path / "whole")]) == 0
    expected, found = content(tmp_path / "whole"), content(killed)
    assert all(torch.equal(expected["state_dict"][name], found["state_dict"][name]) for name in found["state_dict"])


def test_bfloat16_uses_the_weights_of_each_step(run: Callable[..., None], tmp_path: Path) -> None:
    """Weights that autocast has cast must not outlive the step, though Lightning's own autocast spans the epoch."""
    recipe = Recipe(SMALL, epochs=2, batch_size=8, gradient_clip=0.0)
    for path in PATHS:
        run(tmp_path / path, recipe, path, "bf16-mixed")
    loader, resident = (content(tmp_path / path) for path in PATHS)
    assert furthest(loader["current_model_state"], resident["current_model_state"]) < 1e-3


class NoWaiting(TorchDispatchMode):
    """Fails at operations that read values of the device, which a CUDA graph cannot hold."""

    waiting = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "equal", "is_nonzero")

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func.overloadpacket.__name__ not in self.waiting, func
        self.count += 1
        return func(*args, **(kwargs or {}))


def test_a_step_waits_for_nothing_and_keeps_its_addresses(
    run: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses: list[list[int]] = []
    counts: list[int] = []
    prepared = ResidentTask._prepared

    def watched(task: Any, *arguments: Any) -> Any:
        step = prepared(task, *arguments)
        addresses.append([tensor.data_ptr() for tensor in step.changed])

        def watch() -> None:
            with NoWaiting() as mode:
                step()
            counts.append(mode.count)

        task._run = watch
        return step

    monkeypatch.setattr(ResidentTask, "_prepared", watched)
    run(tmp_path, RECIPES["student"], data_path.RESIDENT)
    assert len(counts) == 9
    assert min(counts) > 100
    assert addresses[0] == addresses[1] == addresses[2]


def test_validation_now_and_then_and_at_the_end(
    run: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter(range(0, 1000, 4))

    def callbacks(_: object) -> list[Any]:
        return [TimedValidation(8, lambda: next(ticks)), EpochBar()]

    monkeypatch.setattr(data_path.ResidentPath, "callbacks", callbacks)
    run(tmp_path, Recipe(SMALL, epochs=8, batch_size=8), data_path.RESIDENT)
    rows = list(csv.DictReader((tmp_path / "history.csv").open()))
    # the clock: start 0; epochs at 4, 8 (due, read again at 12), 16, 20 (due, 24), 28, 32 (due, 36), 40, 44 (due)
    assert [int(row["epoch"]) for row in rows] == [2, 4, 6, 8]
    assert checkpoint.load(tmp_path / "last.ckpt").epochs_seen == 8


def test_the_last_epoch_is_validated_whenever_it_comes() -> None:
    trainer = SimpleNamespace(current_epoch=4, max_epochs=5, check_val_every_n_epoch=1)
    callback = TimedValidation(1000, lambda: 0.0)
    callback.on_train_start(trainer, None)
    callback.on_train_epoch_start(trainer, None)
    assert trainer.check_val_every_n_epoch == 1
    trainer.current_epoch = 3
    callback.on_train_epoch_start(trainer, None)
    assert 4 % trainer.check_val_every_n_epoch


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """As if there were a GPU; its free bytes can be set."""
    free = [80_000_000_000]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (free[0], free[0]))
    return free


def chosen(wanted: str, accelerator: str = "auto", devices: int = 1) -> type:
    return type(data_path.choose(wanted, Recipe(), (27_944, 3_589, 64), accelerator, devices))


def test_the_path_follows_from_the_device_and_its_memory(gpu: list[int]) -> None:
    assert chosen("auto") is data_path.ResidentPath
    assert chosen("auto", "cpu") is data_path.LoaderPath
    assert chosen("auto", devices=2) is data_path.LoaderPath
    assert chosen("loader") is data_path.LoaderPath
    assert chosen("resident", "cpu") is data_path.ResidentPath
    gpu[0] = 900_000_000
    assert chosen("auto") is data_path.LoaderPath
    assert chosen("resident") is data_path.ResidentPath
    gpu[0] = 100_000_000
    with pytest.raises(InputError, match=r"the data takes 0\.\d GB, the device has 0\.1 free: give --data-path loader"):
        chosen("resident")


def test_without_a_gpu_the_loader_is_taken() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    assert chosen("auto") is data_path.LoaderPath
    assert chosen("auto", "gpu") is data_path.LoaderPath


def test_several_devices_cannot_hold_one_copy(
    tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--data-path", "resident", "--devices", "2"]
    assert main(["train", "--data", str(tiny_data), "--out", str(tmp_path), *options]) == 4
    assert "--data-path resident keeps everything on one device, not on 2: give --devices 1" in capsys.readouterr().err


def test_another_optimiser_is_refused() -> None:
    with pytest.raises(InputError, match="RMSprop: the resident path has SGD and AdamW only; give --data-path loader"):
        OptimizerUpdate(torch.optim.RMSprop([torch.nn.Parameter(torch.zeros(2))]))


class FakeStream:
    def wait_stream(self, other: object) -> None:
        assert isinstance(other, FakeStream)


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """What capturing calls, on a machine without CUDA: a stream runs at once and a graph has nothing to replay."""
    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: SimpleNamespace(replay=lambda: None))
    monkeypatch.setattr(torch.cuda, "Stream", FakeStream)
    monkeypatch.setattr(torch.cuda, "current_stream", FakeStream)
    monkeypatch.setattr(torch.cuda, "stream", lambda _: nullcontext())
    monkeypatch.setattr(torch.cuda, "graph", lambda _graph, *, stream: nullcontext(stream))


@pytest.mark.usefixtures("cuda")
def test_capturing_trains_nothing() -> None:
    weight, other = torch.ones(2, requires_grad=True), torch.zeros(1, dtype=torch.int64)
    steps: list[int] = []

    def step() -> None:
        steps.append(int(other))
        with torch.no_grad():
            weight.mul_(2)
            other.add_(1)

    replay = graph.capture(step, [weight.detach(), other])
    assert steps == list(range(6)), "five to warm up and one that is captured"
    assert weight.tolist() == [1, 1]
    assert other.tolist() == [0]
    replay()


@pytest.mark.usefixtures("cuda")
def test_what_a_graph_cannot_hold_is_one_line() -> None:
    def step() -> None:
        msg = "CUDA error: operation not permitted\nwhen stream is capturing"
        raise RuntimeError(msg)

    expected = "cannot be captured as a CUDA graph: CUDA error: operation not permitted when stream is capturing; give"
    with pytest.raises(InputError, match=f"{expected} --data-path loader"):
        graph.capture(step, [])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_captured_step_learns_what_the_loaders_path_does(run: Callable[..., None], tmp_path: Path) -> None:
    recipe = Recipe(SMALL, epochs=3, batch_size=8, mixup=0.4, dropout=0.0)
    for path in PATHS:
        run(tmp_path / path, recipe, path, "bf16-mixed", "gpu")
    loader, resident = (content(tmp_path / path) for path in PATHS)
    assert furthest(loader["state_dict"], resident["state_dict"]) < 0.02
