"""The whole way, by commands and a running device: added, killed twice, taken back, said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge.cli import main
from edge.core.errors import EdgeError, InputError, ModelError
from edge.models.store import ModelStore, Pointer, models_dir
from edge.runtime.local import ask, control_paths

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.config import Config

pytest.importorskip("ai_edge_litert", reason="no inference runtime")
ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120.0


@pytest.fixture
def command(config: Config) -> Callable[..., int]:
    options = ["--set", f"node.state_dir={config.node.state_dir}", "--set", f"model.keys={config.model.keys}"]
    return lambda *words: main([*options, "models", *map(str, words)])


def test_made_signed_added_listed_and_removed(
    config: Config, make_model: Any, command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("cryptography")
    model = make_model()
    assert command("key", tmp_path / "anna") == 0
    assert command("sign", model, "--key", tmp_path / "anna") == 0
    assert command("add", model) == ModelError.exit_code
    assert "no key in" in capsys.readouterr().err
    config.model.keys.mkdir()
    (tmp_path / "anna.pub").rename(config.model.keys / "anna.pub")
    assert command("add", model) == 0
    said = capsys.readouterr().out
    assert "signed by anna" in said
    assert "from the next start on" in said
    assert command("list") == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("*")]
    assert "mine" in line
    assert "added and on trial" in line
    assert command("verify") == 0
    assert command("remove", "mine") == 0
    assert "is in use" in capsys.readouterr().out
    assert command("remove", "mine") == InputError.exit_code


def test_a_wrong_option_is_a_usage_error(command: Callable[..., int], make_model: Any) -> None:
    assert command("add", make_model(), "--from", "x.whl") == 2


def started(config: Config) -> subprocess.Popen[bytes]:
    words = ["--set", f"node.state_dir={config.node.state_dir}", "--set", "node.id=field", "run", "--source", "virtual"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FACE_EDGE_")}
    runtime = str(config.node.state_dir / "runtime")
    log = (config.node.state_dir / "log").open("ab")
    with log:
        return subprocess.Popen(
            [sys.executable, "-m", "edge", *words],
            env=clean | {"PYTHONPATH": str(ROOT), "RUNTIME_DIRECTORY": runtime},
            stdout=log,
            stderr=log,
        )


def info(config: Config, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(config.node.state_dir / "runtime"))
    named = config.model_copy(update={"node": config.node.model_copy(update={"id": "field"})})
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            answer: dict[str, Any] = ask(control_paths(named), "status")["info"]
        except EdgeError:
            if time.monotonic() > deadline_s:
                pytest.fail((config.node.state_dir / "log").read_text(encoding="utf-8"))
            time.sleep(0.05)
        else:
            return answer


def test_two_killed_starts_bring_the_old_model_back(
    config: Config, make_model: Any, command: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("add", make_model("doubtful"), "--unsigned") == 0
    for _ in range(2):
        device = started(config)
        try:
            assert info(config, monkeypatch)["model"] == "doubtful"
        finally:
            device.kill()
            device.wait()
    device = started(config)
    try:
        told = info(config, monkeypatch)
        assert told["model"] != "doubtful"
        assert "2 starts did not become healthy" in told["model_fallback"]
    finally:
        device.send_signal(signal.SIGTERM)
        assert device.wait(PATIENCE_S) == 0
    assert "was rolled back" in (config.node.state_dir / "log").read_text(encoding="utf-8")
    pointer = ModelStore(models_dir(config)).pointer()
    assert (pointer.current, pointer.proven) == (None, True)


def test_a_clean_end_counts_against_nobody(
    config: Config, make_model: Any, command: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("add", make_model("young"), "--unsigned") == 0
    for _ in range(2):
        device = started(config)
        assert info(config, monkeypatch)["model"] == "young"
        device.terminate()
        assert device.wait(PATIENCE_S) == 0
        text = (models_dir(config) / "current.json").read_text(encoding="utf-8")
        assert Pointer.model_validate(json.loads(text)).starts == 0
