"""Runs commands in an empty folder, with no settings from outside, on files that are made here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.fixtures.scripted_vision import configured_pipeline

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]


class Run(Protocol):
    """Runs ``face-edge`` with these arguments."""

    def __call__(
        self, *arguments: str | Path, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def face_edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FACE_EDGE_")}
    clean |= {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}

    def run(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "edge", *map(str, arguments)]
        return subprocess.run(
            command, cwd=tmp_path, env=clean | dict(environment or {}), capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Commands look for bright squares instead of faces; the working folder is empty."""
    monkeypatch.setattr("edge.pipelines.factory.pipeline", configured_pipeline)
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("FACE_EDGE_")]:
        monkeypatch.delenv(name)
