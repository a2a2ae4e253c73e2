from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from edge.core.errors import HardwareUnavailable, ModelError, SourceError
from edge.inference.manifest import load as load_manifest
from edge.inference.manifest import packaged_model
from edge.models import install
from edge.models.rollback import ModelRollback
from edge.models.store import ModelStore, Pointer, models_dir

if TYPE_CHECKING:
    from pathlib import Path

    from edge.config import Config


@pytest.fixture
def added(config: Config, make_model: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(install, "tried", lambda _model, _settings: "a runtime")
    path: Path = install.add(config, make_model("new"), unsigned=True).added.path
    return path


def pointer(config: Config) -> Pointer:
    return ModelStore(models_dir(config)).pointer()


def as_it_is(path: Path) -> Path:
    return path


def crashed_start(config: Config) -> Path:
    """A start whose process ends without a word."""
    return ModelRollback(config).load(as_it_is)


def test_two_starts_that_crash_take_it_back(config: Config, added: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert crashed_start(config) == added
    assert crashed_start(config) == added
    assert pointer(config).starts == 2
    with caplog.at_level(logging.ERROR):
        assert crashed_start(config) == packaged_model()
    assert "2 starts did not become healthy" in caplog.text
    assert crashed_start(config) == packaged_model()
    run = ModelRollback(config)
    run.load(as_it_is)
    assert "was rolled back, packaged is used" in run.fallback


def test_a_model_that_does_not_load_is_taken_back_at_once(config: Config, added: Path) -> None:
    def make(path: Path) -> Path:
        if path == added:
            msg = "the runtime cannot load this model"
            raise ModelError(msg)
        return path

    run = ModelRollback(config)
    assert run.load(make) == packaged_model()
    assert "cannot load this model" in run.fallback


@pytest.mark.parametrize("proven", [True, False])
def test_a_model_that_is_gone_is_replaced_by_the_one_before(
    config: Config, added: Path, make_model: Any, proven: bool
) -> None:
    store = ModelStore(models_dir(config))
    store.point(Pointer(current=added.parent.name))
    newest = install.add(config, make_model("newest"), unsigned=True).added
    store.point(store.pointer().model_copy(update={"proven": proven}))
    shutil.rmtree(newest.path.parent)
    run = ModelRollback(config)
    assert run.load(as_it_is) == added
    assert "its file is gone" in run.fallback
    shutil.rmtree(added.parent)
    assert ModelRollback(config).load(as_it_is) == packaged_model()


def test_seconds_of_frames_prove_it(config: Config, added: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("edge.models.rollback.time.monotonic", lambda: clock[0])
    with ModelRollback(config) as run:
        assert run.load(as_it_is) == added
        for turn in range(400):
            clock[0] += 0.1
            run.turn(looking=turn > 50)
            if turn < 340:
                assert not pointer(config).proven
        assert pointer(config) == Pointer(current=added.parent.name, proven=True, starts=0)
    assert crashed_start(config) == added
    assert pointer(config).starts == 0


def test_a_pause_an_absent_camera_and_a_stall_prove_nothing(
    config: Config, added: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del added
    clock = [0.0]
    monkeypatch.setattr("edge.models.rollback.time.monotonic", lambda: clock[0])
    run = ModelRollback(config)
    run.load(as_it_is)
    for _ in range(100):
        clock[0] += 1.0
        run.turn(looking=False)
        clock[0] += 60.0
        run.turn(looking=True)
    assert not pointer(config).proven


@pytest.mark.parametrize(
    ("error", "starts"),
    [
        (None, 0),
        (SourceError("the camera is away"), 0),
        (HardwareUnavailable("no runtime"), 0),
        (KeyboardInterrupt(), 0),
        (RuntimeError("a bug in the model's code"), 1),
        (ModelError("odd"), 1),
    ],
)
def test_only_ends_that_may_be_the_models_fault_count(
    config: Config, added: Path, error: BaseException | None, starts: int
) -> None:
    run = ModelRollback(config)
    assert run.load(as_it_is) == added
    run.__exit__(None if error is None else type(error), error, None)
    assert pointer(config).starts == starts


def test_a_replay_counts_nothing(config: Config, added: Path) -> None:
    for _ in range(4):
        assert ModelRollback(config, lasting=False).load(as_it_is) == added
    assert pointer(config).starts == 0


def test_a_named_model_is_used_whatever_was_added(config: Config, added: Path) -> None:
    del added
    named = config.model_copy(update={"model": config.model.model_copy(update={"path": packaged_model()})})
    run = ModelRollback(named)
    assert run.load(as_it_is) == packaged_model()
    assert run.fallback == ""
    assert load_manifest(packaged_model()).name


def test_a_state_folder_that_cannot_be_written_costs_a_line_not_the_start(
    config: Config, added: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from edge.core.errors import InputError

    def refuse(*_arguments: Any) -> None:
        msg = "current.json: cannot be written: Read-only file system"
        raise InputError(msg)

    monkeypatch.setattr(ModelStore, "point", refuse)
    with caplog.at_level(logging.WARNING):
        assert crashed_start(config) == added
    assert "Read-only" in caplog.text
    added.unlink()
    assert crashed_start(config) == packaged_model()
