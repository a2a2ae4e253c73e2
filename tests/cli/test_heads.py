"""The device reads the head that a model has, and says which."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edge.cli import main
from edge.config import Config
from edge.core.errors import ModelError
from edge.diagnostics import libraries
from edge.inference.manifest import AUTO, load, manifest_path, packaged_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ALONE = "head fer2013 is read, the model has no consensus head"


@pytest.fixture
def with_heads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Copies the packaged model with a manifest of these heads alone, in this order."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACE_EDGE_NODE__STATE_DIR", str(tmp_path / "state"))

    def make(*heads: str) -> Path:
        original = packaged_model()
        shutil.copy(original, tmp_path)
        path = tmp_path / original.name
        content: dict[str, Any] = json.loads(manifest_path(original).read_text())
        outputs = {output["head"]: output for output in content["outputs"]}
        content["outputs"] = [outputs[head] for head in heads]
        content.pop("refusal", None)
        for output in content["outputs"]:
            output.pop("certainty", None)
        manifest_path(path).write_text(json.dumps(content))
        return path

    return make


@pytest.mark.parametrize(
    ("heads", "read", "words"),
    [
        (("fer2013",), "fer2013", ALONE),
        (("consensus",), "consensus", "head consensus is read"),
        (("fer2013", "consensus"), "consensus", "head consensus is read, fer2013 is not"),
        (("consensus", "fer2013"), "consensus", "head consensus is read, fer2013 is not"),
    ],
)
def test_the_head_that_is_read(with_heads: Callable[..., Path], heads: tuple[str, ...], read: str, words: str) -> None:
    manifest = load(with_heads(*heads))
    assert manifest.output(AUTO).head == read
    assert manifest.heads_in_words(AUTO) == words


def test_a_classifier_reads_what_there_is(with_heads: Callable[..., Path]) -> None:
    pytest.importorskip("ai_edge_litert", reason="no inference runtime")
    from edge.vision.litert import LiteRtClassifier

    crop = np.random.default_rng(1).integers(0, 256, (48, 48), np.uint8)
    (expected,) = LiteRtClassifier(with_heads("consensus", "fer2013"), head="fer2013").classify([crop])
    network = LiteRtClassifier(with_heads("fer2013"))
    assert network.output.head == "fer2013"
    assert network.classify([crop]) == [expected]
    with pytest.raises(ModelError, match=r"has no head 'consensus': it has fer2013; choose one with model.head"):
        LiteRtClassifier(with_heads("fer2013"), head="consensus")


def test_list_and_verify_say_which_head_is_read(
    with_heads: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ai_edge_litert", reason="no inference runtime")
    path = with_heads("fer2013")
    assert main(["--set", f"model.path={path}", "models", "list"]) == 0
    assert ": fer2013 alone; " in capsys.readouterr().out
    assert main(["--set", f"model.path={path}", "models", "verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["head_read"] == "fer2013"
    assert main(["--set", f"model.path={path}", "--set", "model.head=consensus", "models", "list"]) == 0
    assert "fer2013, but not consensus, which model.head asks for" in capsys.readouterr().out
    both = with_heads("fer2013", "consensus")
    assert main(["models", "verify", str(both)]) == 0
    assert "fer2013, consensus (read)" in capsys.readouterr().out


def test_add_says_which_head_is_read(with_heads: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("ai_edge_litert", reason="no inference runtime")
    path = with_heads("fer2013")
    assert main(["models", "add", "--unsigned", str(path)]) == 0
    assert ALONE in capsys.readouterr().out.splitlines()
    assert main(["--set", "model.head=consensus", "models", "add", "--unsigned", str(path)]) == 6
    error = capsys.readouterr().err
    assert "has no head 'consensus': it has fer2013" in error
    assert error.count("\n") == 1


def test_check_and_doctor_say_which_head_is_read(
    with_heads: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ai_edge_litert", reason="no inference runtime")
    path = with_heads("fer2013")
    assert libraries.model(Config.model_validate({"model": {"path": path}})).message.endswith(ALONE)
    wrong = libraries.model(Config.model_validate({"model": {"path": path, "head": "consensus"}}))
    assert "has no head 'consensus'" in wrong.message
    assert "model.head" in wrong.remedy
    assert main(["--set", f"model.path={path}", "--set", "model.head=consensus", "config", "check"]) == 3
    assert "has no head 'consensus': it has fer2013" in capsys.readouterr().err
