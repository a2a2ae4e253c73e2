"""Commands on disks that are read-only or full: one line, an exit code, no traceback, and no result lost."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edge.cli import main
from edge.recording.file import SessionFile
from edge.recording.rows import put_second, put_session
from tests.fixtures.sessions import lifelike

if TYPE_CHECKING:
    from collections.abc import Callable

WHY = {"ro": "Read-only file system", "full": "No space left on device"}
FULL = (
    "face-edge: error: standard output: cannot be written: No space left on device; "
    "free some space or choose another path"
)


@pytest.fixture(params=["ro", "full"])
def bad_disk(request: pytest.FixtureRequest, disk: Callable[..., Path]) -> tuple[Path, str]:
    """A disk that takes nothing more, and what the system says of it."""
    return disk(64, request.param), WHY[request.param]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def noisy(video: Callable[..., Path], name: str) -> Path:
    """A clip whose copy is larger than a small disk."""
    import av

    path = video(name, seconds=0.1)
    noise = np.random.default_rng(1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"preset": "ultrafast", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for _ in range(20):
            picture = noise.integers(0, 150, (240, 320, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.usefixtures("scripted")
class TestAnalyze:
    def test_rows_that_cannot_be_written_are_one_line(
        self, picture: Callable[..., Path], bad_disk: tuple[Path, str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        place, why = bad_disk
        assert main(["analyze", str(picture("a.png", (10, 10, 30))), "--csv", str(place / "o.csv")]) == 4
        lines = capsys.readouterr().err.splitlines()
        assert lines[-1].startswith(f"face-edge: error: {place}/o.csv: cannot be written: {why}; ")
        assert not (place / "o.csv").exists()

    def test_a_picture_that_cannot_be_marked_keeps_its_row_and_its_line(
        self,
        picture: Callable[..., Path],
        bad_disk: tuple[Path, str],
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        place, why = bad_disk
        picture("in/a.png", (10, 10, 30))
        picture("in/b.png")
        command = ["analyze", str(tmp_path / "in"), "--annotate", str(place / "out"), "--csv", str(tmp_path / "o.csv")]
        assert main(command) == 4
        assert [row["faces"] for row in rows(tmp_path / "o.csv")] == ["1", "0"]
        captured = capsys.readouterr()
        assert [line.split(": ")[1] for line in captured.out.splitlines()] == ["1 face", "0 faces"]
        assert captured.err.count(f"cannot be written: {why}") == 2

    @pytest.mark.parametrize("kind", [(64, "ro"), (64, "full"), (200, "rw")])
    def test_a_video_whose_copy_does_not_fit_is_read_to_its_end(
        self,
        video: Callable[..., Path],
        disk: Callable[..., Path],
        kind: tuple[int, str],
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        place = disk(*kind)
        path = noisy(video, "noise.mp4")
        command = ["analyze", str(path), "--annotate", str(place / "out"), "--csv", str(tmp_path / "o.csv")]
        assert main(command) == 4
        assert {row["frame"] for row in rows(tmp_path / "o.csv")} == {str(index) for index in range(20)}
        captured = capsys.readouterr()
        assert captured.out.startswith(f"{path}: 1.9 s, 20 frames looked at")
        assert captured.err.count("face-edge: error: ") == 1
        assert "cannot be written: " + WHY["ro" if kind[1] == "ro" else "full"] in captured.err
        left = [each.name for each in place.rglob("*") if each.is_file()]
        assert left == (["filler"] if kind[1] == "full" else [])

    def test_the_file_of_rows_is_not_blamed_for_standard_output(
        self, picture: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("edge.cli.analyze._print_json", full)
        said: list[str] = []
        monkeypatch.setattr("edge.cli.click.echo", lambda text, **_: said.append(text))
        assert main(["analyze", str(picture("a.png")), "--json", "--csv", str(tmp_path / "o.csv")]) == 1
        assert said == [FULL]
        assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def ran(*words: str | Path, cwd: Path, output: str | None = None, said: str = "") -> subprocess.CompletedProcess[str]:
    """``face-edge`` in a process of its own, ``said`` on its standard input, its output in the file ``output``."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FACE_EDGE_")}
    environment |= {"PYTHONWARNINGS": "ignore", "PYTHONPATH": os.pathsep.join(sys.path)}
    with Path(output or os.devnull).open("w", encoding="utf-8") as stream:
        command = [
            sys.executable,
            "-m",
            "edge",
            "--set",
            f"node.state_dir={cwd}",
            "--set",
            "node.id=x",
            *map(str, words),
        ]
        return subprocess.run(
            command, input=said, stdout=stream, stderr=subprocess.PIPE, text=True, check=False, cwd=cwd, env=environment
        )


@pytest.mark.parametrize(
    "command",
    ["analyze PORTRAIT", "analyze PORTRAIT --json", "schema", "config show", "models list", "--help", "doctor --json"],
)
def test_standard_output_that_is_full_is_one_line(command: str, portrait_path: Path, tmp_path: Path) -> None:
    words = [str(portrait_path) if word == "PORTRAIT" else word for word in command.split()]
    done = ran(*words, cwd=tmp_path, output="/dev/full")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == FULL
    assert "Traceback" not in done.stderr


def test_an_error_of_the_system_that_no_command_foresaw_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise OSError(5, "Input/output error", "/media/card/x")

    monkeypatch.setattr("edge.cli.cli.main", fails)
    assert main(["models", "list"]) == 1
    assert capsys.readouterr().err == (
        "face-edge: error: /media/card/x: Input/output error; --debug shows where this happened\n"
    )
    assert main(["--debug", "models", "list"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        "config init face-edge.toml",
        "models key key.pem",
        "doctor --bundle bundle.tar.gz",
        "kiosk password --output hash",
    ],
)
def test_commands_that_write_a_file_say_why_they_cannot(
    command: str, bad_disk: tuple[Path, str], tmp_path: Path
) -> None:
    place, why = bad_disk
    before = sorted(each.name for each in place.iterdir())
    *words, name = command.split()
    done = ran(*words, place / name, cwd=tmp_path, said="correcthorse1\n")
    assert done.returncode == 4, done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"face-edge: error: {place / name}: cannot be written: {why}; ")
    assert "Traceback" not in done.stderr
    assert sorted(each.name for each in place.iterdir()) == before


@pytest.fixture
def lost(tmp_path: Path) -> tuple[Path, int]:
    """A state folder as a device leaves it that lost its power in a session, and the seconds in it."""
    recording = lifelike(seconds=30)
    (tmp_path / "running").mkdir()
    with SessionFile(tmp_path / "running" / "sessions-x.sqlite3", create=True) as file:
        file.write([put_session(recording.record)])
        file.write([put_second(recording.record.id, second) for second in recording.seconds])
        shutil.copytree(tmp_path / "running", tmp_path / "state")
    assert (tmp_path / "state" / "sessions-x.sqlite3-wal").stat().st_size
    return tmp_path / "state", len(recording.seconds)


def test_sessions_are_read_from_a_disk_that_has_become_read_only(
    lost: tuple[Path, int], read_only: Callable[[Path], Path], tmp_path: Path
) -> None:
    state, seconds = lost
    worn = read_only(state)
    for words in (["list"], ["show", "last"], ["export", "last", "--out", str(tmp_path / "x.csv")]):
        done = ran("--set", f"node.state_dir={worn}", "sessions", *words, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
    assert len(rows(tmp_path / "x.csv")) == seconds
    done = ran("--set", f"node.state_dir={worn}", "sessions", "delete", "last", "--yes", cwd=tmp_path)
    assert done.returncode == 4
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_an_export_that_does_not_fit_is_one_line(
    lost: tuple[Path, int], bad_disk: tuple[Path, str], form: str, tmp_path: Path
) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
    place, why = bad_disk
    words = ["sessions", "export", "last", "--format", form, "--out", str(place / f"x.{form}")]
    done = ran("--set", f"node.state_dir={lost[0]}", *words, cwd=tmp_path)
    assert done.returncode == 4
    assert f"x.{form}: cannot be written: " in done.stderr
    assert why in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (place / f"x.{form}").exists()
