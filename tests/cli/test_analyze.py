from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import pytest

from edge.cli import main
from edge.core.types import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("scripted")
ROOT = Path(__file__).resolve().parents[2]


def documents(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_json_has_every_face_of_a_picture(picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    path = picture("two.png", (10, 10, 30), (100, 60, 24))
    assert main(["analyze", "--json", str(path)]) == 0
    (record,) = documents(capsys.readouterr().out)
    faces = record.pop("faces")
    assert record == {"path": str(path), "frame": None, "time_s": None, "width": 160, "height": 120}
    assert sorted(face["box"] for face in faces) == [[10, 10, 30, 30], [100, 60, 24, 24]]
    for face in faces:
        assert set(face) == {"box", "emotion", "confidence", "uncertain", "primary", "scores"}
        assert list(face["scores"]) == [emotion.value for emotion in EMOTIONS]
        assert (face["emotion"], face["confidence"]) == ("happy", face["scores"]["happy"])
        assert sum(face["scores"].values()) == pytest.approx(1, abs=1e-3)


def test_a_picture_without_faces_has_none(picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "--json", str(picture("empty.jpg"))]) == 0
    assert documents(capsys.readouterr().out)[0]["faces"] == []


def test_a_video_gives_a_document_per_frame_looked_at(
    video: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyze", "--json", "--every", "0.5", str(video("clip.mp4"))]) == 0
    captured = capsys.readouterr()
    records = documents(captured.out)
    assert [record["time_s"] for record in records] == pytest.approx([0, 0.52, 1.0, 1.52], abs=0.03)
    assert [record["frame"] for record in records] == [0, 13, 25, 38]
    assert all(len(record["faces"]) == 1 for record in records)
    assert "of video (4 frames looked at" in captured.err


def test_people_read_a_line_per_file(
    picture: Callable[..., Path], video: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture("in/a grüße.png", (10, 10, 30))
    video("in/b.mp4")
    assert main(["analyze", str(tmp_path / "in")]) == 0
    captured = capsys.readouterr()
    first, second = captured.out.splitlines()
    assert first == f"{tmp_path}/in/a grüße.png: 1 face: happy 90%"
    assert second.startswith(f"{tmp_path}/in/b.mp4: 1.9 s, 20 frames looked at, 20 with faces: happy 100%")
    assert captured.err.startswith("1 picture, ")
    assert len(captured.err.splitlines()) == 1


def test_csv_has_a_row_per_face_and_one_for_a_picture_without(picture: Callable[..., Path], tmp_path: Path) -> None:
    picture("in/a.png", (10, 10, 30), (100, 60, 24))
    picture("in/b.png")
    assert main(["analyze", str(tmp_path / "in"), "--csv", str(tmp_path / "out" / "faces.csv")]) == 0
    with (tmp_path / "out" / "faces.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [(Path(row["path"]).name, row["faces"], row["face"]) for row in rows] == [
        ("a.png", "2", "0"),
        ("a.png", "2", "1"),
        ("b.png", "0", ""),
    ]
    assert {row["w"] for row in rows} == {"30", "24", ""}
    assert float(rows[0]["happy"]) == float(rows[0]["confidence"])


@pytest.mark.parametrize("name", ["=1+1.png", "+1.png", "-1.png", "@SUM(1).png", "\t=1.png", "\r=1.png", " =1.png"])
def test_a_name_in_csv_is_no_formula(
    picture: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    picture(f"in/{name}", (10, 10, 30))
    monkeypatch.chdir(tmp_path / "in")
    assert main(["analyze", "--csv", "faces.csv", "--", name]) == 0
    with Path("faces.csv").open(newline="", encoding="utf-8") as stream:
        (row,) = csv.DictReader(stream)
    assert not row["path"].lstrip().startswith(("=", "+", "-", "@"))
    assert row["path"].lstrip("'\N{REPLACEMENT CHARACTER}") == name.lstrip("\t\r")
    assert float(row["happy"]) > 0


def test_a_name_forges_no_line(
    picture: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture("in/a\nface-edge: error: forged\x1b[2J.png", (10, 10, 30))
    (tmp_path / "in" / "b\nforged\x9b2J.png").write_text("no picture")
    assert main(["analyze", str(tmp_path / "in")]) == 4
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 1
    assert len(captured.err.splitlines()) == 2
    assert all(line.isprintable() for line in (captured.out + captured.err).splitlines())


def test_bad_files_get_a_line_each_and_good_ones_are_done(
    picture: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = picture("in/good.png", (10, 10, 30))
    whole = picture("photo.jpg", (10, 10, 30), width=640, height=480).read_bytes()
    folder = good.parent
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").touch()
    (folder / "words.png").write_text("not a picture")
    (folder / "words.mp4").write_text("not a video")
    out = tmp_path / "out"
    code = main(["analyze", "--json", str(folder), str(tmp_path / "missing.jpg"), "--annotate", str(out)])
    captured = capsys.readouterr()
    assert code == 4
    assert [Path(record["path"]).name for record in documents(captured.out)] == ["good.png"]
    *errors, summary = captured.err.splitlines()
    assert summary.startswith("1 picture, 1 face in")
    assert all(line.startswith("face-edge: error: ") for line in errors)
    for name in ("cut.jpg", "empty.png", "words.png", "words.mp4", "missing.jpg"):
        assert sum(f"{name}: " in line for line in errors) == 1
    assert len(errors) == 5
    assert [path.name for path in out.iterdir()] == ["good.png"]


def test_too_large_a_picture_is_refused(picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    path = picture("large.png", width=20_000, height=60)
    assert main(["analyze", str(path)]) == 0
    capsys.readouterr()
    assert main(["--set", "analyze.max_megapixels=1", "analyze", str(path)]) == 4
    assert len(capsys.readouterr().err.splitlines()) == 2  # the reason, the summary


def test_nothing_to_read_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", str(tmp_path)]) == 4
    assert "no picture or video there" in capsys.readouterr().err


def test_originals_are_never_overwritten(picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    path = picture("in/a.png", (10, 10, 30))
    before = path.read_bytes()
    assert main(["analyze", str(path), "--annotate", str(path.parent)]) == 4
    assert "would overwrite the original" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_two_ways_to_say_how_often_are_refused(picture: Callable[..., Path]) -> None:
    assert main(["analyze", str(picture("a.png")), "--every", "1", "--fps", "2"]) == 2


def test_a_wrong_configuration_ends_before_any_work(picture: Callable[..., Path], tmp_path: Path) -> None:
    assert main(["--set", "analyze.width=-1", "analyze", str(picture("a.png")), "--csv", "x.csv"]) == 3
    assert not (tmp_path / "x.csv").exists()


def test_annotated_copies_of_pictures_and_videos(
    picture: Callable[..., Path], video: Callable[..., Path], tmp_path: Path
) -> None:
    picture("in/one/a.png", (60, 50, 40))
    picture("in/two/a.png", (60, 50, 40))
    video("in/clip.mkv", seconds=0.4)
    out = tmp_path / "out"
    assert main(["analyze", "-r", str(tmp_path / "in"), "--annotate", str(out)]) == 0
    made = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert made == ["clip.mp4", "one/a.png", "two/a.png"]
    assert cv2.VideoCapture(str(out / "clip.mp4")).read()[0]


def test_without_pyav_videos_are_read_but_not_annotated(
    video: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = video("clip.mp4", seconds=0.4)
    monkeypatch.setitem(sys.modules, "av", None)
    assert main(["analyze", "--json", str(path)]) == 0
    assert len(documents(capsys.readouterr().out)) == 4
    assert main(["analyze", str(path), "--annotate", str(tmp_path / "out")]) == 8
    error = capsys.readouterr().err
    assert error.startswith("face-edge: error: annotated videos need PyAV; install it with: ")
    assert error.endswith("pip install -e '.[video]'\n")


def test_a_place_that_cannot_be_written_is_one_line(
    picture: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["analyze", str(picture("a.png")), "--csv", str(tmp_path / "file" / "x.csv")]) == 4
    assert "cannot be written" in capsys.readouterr().err


INTERRUPTIBLE = """
import signal
import sys
from edge.cli import main
from edge.pipelines import factory
from tests.fixtures.scripted_vision import configured_pipeline
factory.pipeline = configured_pipeline
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are born deaf to Ctrl-C
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_leaves_nothing_half_written(
    video: Callable[..., Path], tmp_path: Path, number: signal.Signals, code: int
) -> None:
    path = video("long.mp4", seconds=240)
    out = tmp_path / "out"
    command = [sys.executable, "-c", INTERRUPTIBLE, "analyze", str(path), "--annotate", str(out)]
    command += ["--csv", str(out / "faces.csv")]
    process = subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True
    )
    deadline_s = time.monotonic() + 60
    while not (out.is_dir() and len(list(out.iterdir())) == 2) and time.monotonic() < deadline_s:
        assert process.poll() is None, process.stderr
        time.sleep(0.02)
    process.send_signal(number)
    _, message = process.communicate(timeout=60)
    assert process.returncode == code
    assert message.strip() == ""
    assert list(out.iterdir()) == []
