from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edge.bench.clip import frames_of, looks_in
from edge.bench.reel import Reel, ReelSource
from edge.bench.scene import Scene, as_looks
from edge.config import load
from edge.core.errors import InputError, SourceEnded, SourceError
from edge.vision.haar import HaarDetector

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_people_come_and_go_and_the_drawn_boxes_are_where_faces_are_found() -> None:
    scene = Scene(seconds=4)
    assert {len(scene.faces(index)) for index in range(len(scene))} == {1, 2, 3, 4, 5}
    detector = HaarDetector(min_face=0.1)
    for index in (0, 60, 90):
        found = detector.detect(cv2.cvtColor(scene.frame(index), cv2.COLOR_BGR2GRAY))  # type: ignore[arg-type]
        for box in scene.faces(index):
            assert max(box.iou(other.box) for other in found) > 0.6


def test_a_frame_depends_on_its_number_alone_and_the_clip_has_no_seam() -> None:
    one, other = Scene(seconds=2, fps=10, motion="calm"), Scene(seconds=2, fps=10, motion="calm")
    assert (one.frame(7) == other.frame(7)).all()
    assert (one.frame(7) != one.frame(8)).any()
    first, last, wrapped = one.faces(0)[0], one.faces(19)[0], one.faces(20)[0]
    assert first.iou(wrapped) > 0.999
    assert first.iou(last) > 0.5


def test_nobody_light_and_looks() -> None:
    assert Scene(least=0, most=0).faces(3) == []
    assert Scene(light="dim").frame(0).mean() < 0.4 * Scene().frame(0).mean()
    looks = as_looks([np.full((48, 48), level, np.uint8) for level in (10, 240)])
    scene = Scene(looks=looks, least=1, most=1, seconds=8, motion="still")
    levels = set()
    for index in range(0, len(scene), 20):
        (box,) = scene.faces(index)
        x, y = (int(value) for value in box.centre)
        levels.add(scene.frame(index)[y, x, 0] > 120)
    assert levels == {True, False}


def test_a_reel_gives_its_frames_at_their_times_and_ends(tmp_path: Path) -> None:
    pictures = [np.full((20, 30, 3), level, np.uint8) for level in range(5)]
    reel = Reel.record(pictures, tmp_path, fps=10, count=4)
    assert len(reel) == 4
    assert reel.size == (30, 20)
    source = ReelSource(reel)
    source.open()
    frames = [source.read() for _ in range(4)]
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [0, 1, 2, 3]
    assert [frame.monotonic_ns for frame in frames] == [0, 100_000_000, 200_000_000, 300_000_000]
    with pytest.raises(SourceEnded):
        source.read()


def test_a_live_reel_goes_round_at_its_pace(tmp_path: Path) -> None:
    reel = Reel.record([np.full((20, 30, 3), level, np.uint8) for level in range(3)], tmp_path, fps=100, count=3)
    source = ReelSource(reel, live=True)
    source.open()
    frames = [source.read() for _ in range(7)]
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [0, 1, 2, 0, 1, 2, 0]
    assert frames[6].monotonic_ns - frames[0].monotonic_ns == 60_000_000


@pytest.mark.parametrize(
    ("pictures", "says"),
    [([], "no frames"), ([np.zeros((4, 4, 3), np.uint8), np.zeros((5, 4, 3), np.uint8)], "another size")],
)
def test_a_clip_that_cannot_be_taken_is_refused(pictures: list[np.ndarray], says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says):
        Reel.record(pictures, tmp_path, fps=10, count=10)


def test_a_clip_that_has_no_room_is_refused_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.bench.reel.shutil.disk_usage", lambda _folder: type("D", (), {"free": 300 * 2**20})())
    with pytest.raises(InputError, match=r"TMPDIR.*fewer --seconds"):
        Reel.record([np.zeros((480, 640, 3), np.uint8)] * 2, tmp_path, fps=10, count=100)


def test_a_video_s_frames_and_rate(make_clip: Callable[..., Path]) -> None:
    path = make_clip(frames=8)
    pictures, fps = frames_of(load(environment={}), path)
    assert fps == pytest.approx(10, rel=0.05)
    assert len(list(pictures)) == 8
    with pytest.raises(SourceError):
        frames_of(load(environment={}), path.with_name("none.mp4"))


def test_looks_are_read_from_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pictures of faces"):
        looks_in(tmp_path)
    (tmp_path / "happy").mkdir()
    cv2.imwrite(str(tmp_path / "happy" / "a.png"), np.full((48, 48), 100, np.uint8))
    (look,) = looks_in(tmp_path)
    assert look.shape == (300, 300, 3)
