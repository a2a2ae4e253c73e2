from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from edge.cli import main
from edge.core.errors import ModelError
from edge.inference.manifest import manifest_path, packaged_model

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the packaged model and its manifest, free to be spoilt."""
    monkeypatch.chdir(tmp_path)
    try:
        original = packaged_model()
    except ModelError as error:
        pytest.skip(str(error))
    shutil.copy(manifest_path(original), tmp_path)
    shutil.copy(original, tmp_path)
    return tmp_path / original.name


@pytest.mark.usefixtures("model")
def test_list_marks_the_model_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    assert capsys.readouterr().out.startswith(f"* {packaged_model().stem}")
    assert main(["models", "list", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    (used,) = (entry for entry in entries if entry["used"])
    assert "consensus" in used["heads"]
    assert len(used["sha256"]) == 64


def test_a_model_that_cannot_be_used_is_listed_as_such(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest_path(model).unlink()
    assert main(["--set", f"model.path={model}", "models", "list"]) == 0
    assert "* not usable: " in capsys.readouterr().out


def test_verify_runs_the_packaged_model(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "verify"]) == 0
    assert ": ok: " in capsys.readouterr().out
    assert main(["models", "verify", str(model), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True


def test_a_spoilt_model_is_one_line_and_exit_code_6(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = bytearray(model.read_bytes())
    content[-1] ^= 1
    model.write_bytes(content)
    assert main(["models", "verify", str(model)]) == 6
    message = capsys.readouterr().err
    assert "expected sha256" in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"schema": 1}'])
def test_a_spoilt_manifest_is_one_line_and_exit_code_6(
    model: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest_path(model).write_bytes(content)
    assert main(["models", "verify", str(model)]) == 6
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_no_model_there_is_one_line_and_exit_code_6(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "verify", str(tmp_path / "none.tflite")]) == 6
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("key", ["name", "version"])
def test_what_a_manifest_calls_itself_forges_no_line(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: str
) -> None:
    monkeypatch.setenv("FACE_EDGE_NODE__STATE_DIR", str(tmp_path / "state"))
    path = manifest_path(model)
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: "x\nforged: ok\x1b[2J\x9b2J\u2028y\u202e"}))
    for words in (["list"], ["list", "--json"], ["verify", str(model)], ["add", "--unsigned", str(model)]):
        if words[0] == "add":
            pytest.importorskip("ai_edge_litert", reason="no inference runtime")
        assert main(["--set", f"model.path={model}", "models", *words]) == 0
        captured = capsys.readouterr()
        lines = (captured.out + captured.err).split("\n")
        assert all(line.isprintable() for line in lines), words
        assert not [line for line in lines if line.lstrip().startswith("forged")]
        assert "forged" in captured.out
