"""What is in the wheel that users install: code is not all that a page, a report or a model needs."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("hatchling", reason="hatchling builds the wheel: pip install -e '.[test]'")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names of the files in a wheel that is built here, without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    [path] = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def tracked(folder: str) -> set[str]:
    """The repository's files under ``folder``."""
    listed = subprocess.run(["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return set(listed.stdout.split())


def test_pages_reports_and_words_are_in_it(wheel: set[str]) -> None:
    for folder in ("edge/kiosk/static", "edge/kiosk/templates", "edge/reports/templates"):
        files = tracked(folder)
        assert files
        assert files - wheel == set()
    assert "edge/kiosk/static/texts/en.json" in wheel


def test_every_module_and_the_models_are_in_it(wheel: set[str]) -> None:
    assert {name for name in tracked("edge") if name.endswith(".py")} - wheel == set()
    assert {f"edge/_{name}" for name in tracked("models") if name.endswith((".tflite", ".json"))} - wheel == set()


def test_nothing_else_is_in_it(wheel: set[str]) -> None:
    rooms = {name.split("/")[0] for name in wheel}
    assert {room for room in rooms if not room.endswith(".dist-info")} == {"edge", "converter"}
    assert not [name for name in wheel if "__pycache__" in name or name.endswith((".pyc", ".sqlite3"))]
