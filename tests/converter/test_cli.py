from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from converter.cli import main
from converter.outputs import write_bytes
from edge.core.errors import InputError
from edge.inference.manifest import packaged_model

if TYPE_CHECKING:
    from pathlib import Path


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    error = capsys.readouterr().err
    assert error.startswith("face-convert: error: ")
    assert error.count("\n") == 1
    return error


def test_help_needs_none_of_the_heavy_packages() -> None:
    code = (
        "import sys; from converter.cli import main; code = main(['--help']);"
        "print(code, *sorted({'torch', 'lightning', 'numpy', 'cv2', 'matplotlib'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "0"
    assert all(command in result.stdout for command in ("train", "quantize", "evaluate", "crop-margin"))


def test_without_torch_one_line_gives_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "converter" or name == "torch"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)  # Python's own way to make an import fail
    from converter.cli import main as fresh

    path = tmp_path / "x.ckpt"
    assert fresh(["evaluate", "--model", str(path), "--data", str(tiny_data)]) == 8
    assert "torch is not installed: " in (error := error_of(capsys))
    assert "pip install -e '.[converter]'" in error


def test_a_missing_data_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--model", str(packaged_model()), "--data", str(tmp_path / "none")]) == 4
    assert "give the folder of the data set with --data" in error_of(capsys)


@pytest.mark.parametrize(("name", "code"), [("x.tflite", 6), ("x.h5", 4)])
def test_a_missing_or_foreign_model(
    name: str, code: int, tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "--model", str(tmp_path / name), "--data", str(tiny_data)]) == code
    assert name.partition(".")[0] in error_of(capsys)


def test_a_wrong_option_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--split", "Test"]) == 2
    assert "PublicTest" in capsys.readouterr().err


def test_an_output_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"):
        write_bytes(tmp_path / "file" / "x.png", b"new")
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write_bytes(folder, b"new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
