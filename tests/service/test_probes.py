"""The checks' own judges: what they must let pass, and what they must not."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
SCRIPTS = sorted([*HERE.glob("*.sh"), *(HERE.parents[1] / "systemd").glob("*.sh")])
FACE = {"box": [10, 20, 100, 100], "emotion": "happy", "scores": {"happy": 0.9, "sad": 0.1}}


def answers(folder: Path, name: str, *faces: dict[str, Any]) -> Path:
    path = folder / name
    records = [{"path": f"{name}/one.png", "faces": list(faces)}, {"path": f"{name}/two.png", "faces": []}]
    path.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    return path


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HERE / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({}, 0),
        ({"scores": {"happy": 0.885, "sad": 0.115}, "box": [14, 20, 100, 100]}, 0),
        ({"scores": {"happy": 0.8, "sad": 0.2}}, 1),
        ({"emotion": "sad"}, 1),
        ({"box": [24, 20, 100, 100]}, 1),
    ],
)
def test_answers_of_two_machines(changed: dict[str, Any], code: int, tmp_path: Path) -> None:
    done = run("compare_answers.py", answers(tmp_path, "a", FACE), answers(tmp_path, "b", FACE | changed))
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stdout.startswith("1 faces")


@pytest.mark.parametrize("faces", [(), (FACE, FACE)])
def test_a_face_more_or_less_is_a_difference(faces: tuple[dict[str, Any], ...], tmp_path: Path) -> None:
    done = run("compare_answers.py", answers(tmp_path, "a", FACE), answers(tmp_path, "b", *faces))
    assert done.returncode == 1
    assert f"one.png: 1 faces and {len(faces)}" in done.stdout


def test_two_machines_that_find_nothing_prove_nothing(tmp_path: Path) -> None:
    assert run("compare_answers.py", answers(tmp_path, "a"), answers(tmp_path, "b")).returncode == 1


def test_the_pictures_are_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one", "other"):
        done = run("draw_scenes.py", tmp_path / name)
        assert done.returncode == 0, done.stderr
    drawn = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert len(drawn) == 72
    for path in drawn:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "other" / path).read_bytes(), path


def test_the_help_of_the_installer_names_every_option() -> None:
    installer = HERE.parents[1] / "systemd/install.sh"
    done = subprocess.run(["bash", str(installer), "--help"], capture_output=True, text=True, timeout=120, check=True)
    for option in ("--wheel", "--no-start", "--uninstall", "--purge"):
        assert option in done.stdout
    assert "set -euo" not in done.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_can_be_read_by_the_shell(script: Path) -> None:
    done = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="wants shellcheck: sudo apt install shellcheck")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_pass_shellcheck(script: Path) -> None:
    command = ["shellcheck", "--external-sources", "--severity=warning", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=HERE.parents[1])
    assert done.returncode == 0, done.stdout
