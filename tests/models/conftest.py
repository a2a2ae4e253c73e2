from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from edge.config import Config, load
from edge.core.errors import ModelError
from edge.inference.manifest import manifest_path, packaged_models

if TYPE_CHECKING:
    from pathlib import Path


class Make(Protocol):
    """Copies the smallest packaged model under a name, with other bytes or manifest fields where given."""

    def __call__(self, name: str = "mine", content: bytes | None = None, **manifest: Any) -> Path: ...


@pytest.fixture
def make_model(tmp_path: Path) -> Make:
    try:
        original = min(packaged_models(), key=lambda path: path.stat().st_size)
    except (ModelError, ValueError):
        pytest.skip("no model came along")

    def make(name: str = "mine", content: bytes | None = None, **manifest: Any) -> Path:
        folder = tmp_path / "brought"
        folder.mkdir(exist_ok=True)
        path = folder / f"{name}.tflite"
        shutil.copyfile(original, path)
        if content is not None:
            path.write_bytes(content)
        fields = json.loads(manifest_path(original).read_text(encoding="utf-8"))
        fields |= {"file": path.name, "name": name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()} | manifest
        manifest_path(path).write_text(json.dumps(fields), encoding="utf-8")
        return path

    return make


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A device whose state and keys lie in the test's own folders."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    flags = {"node.state_dir": f"{tmp_path}/state", "model.keys": f"{tmp_path}/keys"}
    return load(None, flags=flags, environment={})
