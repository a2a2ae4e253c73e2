"""Clips: the marked boxes stay on their faces however the camera moves, and what is staged happens."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.types import Box
from tests.bench.scenes.clips import camera_clip
from tests.bench.scenes.paths import CameraView, path
from tests.bench.scenes.scene_clip import CAMERA_KINDS, EMPTY, KINDS, SceneFrame, Visibility, in_view
from tests.bench.scenes.staged import staged_clip
from tests.bench.scenes.truth import MarkedFace, MarkedPicture

if TYPE_CHECKING:
    from pathlib import Path

SQUARE = Box(420, 180, 60, 60)
SIZE = (900, 640)


@pytest.fixture
def square(tmp_path: Path) -> MarkedPicture:
    """Return a bright square on a dark ground, marked as a face, with another beside it."""
    image = np.full((640, 900, 3), 20, np.uint8)
    image[180:240, 420:480] = 250
    image[185:245, 700:760] = (250, 30, 30)
    file = tmp_path / "square.png"
    cv2.imwrite(str(file), image)
    return MarkedPicture(file, *SIZE, (MarkedFace(SQUARE), MarkedFace(Box(700, 185, 60, 60))))


def seen(frame: SceneFrame) -> tuple[float, float, float]:
    """Centre and size of what is bright in the picture."""
    bright = (frame.image[..., 1] > 0.5 * frame.image.max()) & (frame.image[..., 2] > 0.5 * frame.image.max())
    y, x = np.nonzero(bright)
    return float(x.mean()), float(y.mean()), math.sqrt(len(x))


def test_a_view_s_box_is_where_its_matrix_puts_the_picture() -> None:
    view = CameraView(430, 220, 1.7, 12.0)
    box = view.box(SQUARE)
    assert view.matrix() @ [*SQUARE.centre, 1] == pytest.approx(box.centre)
    assert view.matrix() @ [430, 220, 1] == pytest.approx([640, 360])
    assert (box.width, box.height) == pytest.approx((60 * 1.7, 60 * 1.7))


def test_a_straight_view_only_enlarges_and_moves() -> None:
    assert CameraView(640, 360, 2.0).box(Box(640, 360, 10, 20)) == Box(640, 360, 20, 40)


@given(st.sampled_from(CAMERA_KINDS), st.floats(0, 6), st.integers(0, 99), st.floats(0.5, 3), st.floats(0, 1))
def test_the_view_stays_inside_the_picture(kind: str, time_s: float, seed: int, shape: float, focus: float) -> None:
    width, height = 600 * shape, 600.0
    view = path(kind, (width, height), (focus * width, focus * height), seconds=6.0, seed=seed)(time_s)
    back = np.linalg.inv(np.vstack([view.matrix(), [0, 0, 1]]))
    for corner in ((0, 0), (1280, 0), (0, 720), (1280, 720)):
        x, y, _ = back @ [*corner, 1]
        assert -0.01 <= x <= width + 0.01
        assert -0.01 <= y <= height + 0.01


@pytest.mark.parametrize("kind", CAMERA_KINDS)
def test_marked_boxes_follow_their_faces(kind: str, square: MarkedPicture) -> None:
    clip = camera_clip(kind, square, 2.0)
    assert clip is not None
    assert (clip.frames, len(list(clip))) == (30, 30)
    boxes = set()
    for index in (0, 11, 22, 29):
        frame = clip.draw(index)
        face = next(face for face in frame.faces if face.number == 0)
        x, y, size = seen(frame)
        assert (x, y) == pytest.approx(face.box.centre, abs=2.5)
        assert size == pytest.approx(face.box.area**0.5, rel=0.05)
        assert face.share == pytest.approx(face.box.area**0.5 / 720)
        boxes.add(face.box)
    assert (len(boxes) == 1) == (kind in {"still", "ramp"})


def test_a_ramp_goes_down_to_a_twentieth_and_back(square: MarkedPicture) -> None:
    clip = camera_clip("ramp", square, 2.0)
    assert clip is not None
    light = [float(frame.image.max()) for frame in clip]
    assert light[0] > 240
    assert light[15] < 0.1 * light[0]
    assert light[29] > 0.7 * light[0]


def test_the_same_clip_twice_is_the_same_and_noise_is_fresh(square: MarkedPicture) -> None:
    one, two = (camera_clip("still", square, 0.2) for _ in range(2))
    assert one is not None
    assert two is not None
    pictures = [frame.image for frame in one]
    assert all(np.array_equal(a, frame.image) for a, frame in zip(pictures, two, strict=True))
    assert not np.array_equal(pictures[0], pictures[1])


def test_only_a_part_without_faces_makes_an_empty_clip(square: MarkedPicture) -> None:
    clip = camera_clip(EMPTY, square, 0.2)
    assert clip is not None
    frame = clip.draw(0)
    assert frame.faces == ()
    assert frame.image.max() < 60
    bare = MarkedPicture(square.path, *SIZE)
    assert camera_clip("still", bare, 0.2) is None
    assert camera_clip(EMPTY, bare, 0.2) is not None
    assert all(staged_clip(kind, bare) is None for kind in KINDS if kind not in {*CAMERA_KINDS, EMPTY})


def test_a_large_picture_is_filmed_as_a_small_one(tmp_path: Path) -> None:
    image = np.full((3000, 4000, 3), 20, np.uint8)
    image[1200:1600, 1800:2200] = 250
    cv2.imwrite(str(tmp_path / "large.png"), image)
    large = MarkedPicture(tmp_path / "large.png", 4000, 3000, (MarkedFace(Box(1800, 1200, 400, 400)),))
    clip = camera_clip("handheld", large, 1.0)
    assert clip is not None
    frame = clip.draw(7)
    x, y, size = seen(frame)
    assert (x, y) == pytest.approx(frame.faces[0].box.centre, abs=2.5)
    assert size == pytest.approx(frame.faces[0].box.area ** 0.5, rel=0.05)


def test_a_face_counts_while_three_quarters_of_it_are_in_view() -> None:
    def presence(x: float) -> Visibility | None:
        face = in_view(0, Box(x, 100, 100, 100))
        return None if face is None else face.presence

    assert presence(-20) is Visibility.VISIBLE
    assert presence(-30) is Visibility.IGNORED
    assert presence(-101) is None
    assert presence(1220) is Visibility.IGNORED
    doubtful = in_view(0, Box(10, 10, 9, 9), counts=False)
    assert doubtful is not None
    assert doubtful.presence is Visibility.IGNORED


def test_somebody_comes_in_and_goes_out(square: MarkedPicture) -> None:
    clip = staged_clip("enter", square)
    assert clip is not None
    there = [bool(frame.faces) for frame in clip]
    assert (there[0], there[30], there[-1]) == (False, True, False)
    assert there == sorted(there[:45]) + sorted(there[45:], reverse=True)
    (face,) = clip.draw(40).faces
    assert clip.draw(40).image[tuple(round(value) for value in reversed(face.box.centre))].min() > 200
    assert face.share == pytest.approx(0.18, rel=0.03)


def test_two_pass_each_other_and_the_one_behind_is_covered_meanwhile(square: MarkedPicture) -> None:
    clip = staged_clip("cross", square)
    assert clip is not None
    frames = [{face.number: face for face in frame.faces} for frame in clip]
    first, last = frames[0], frames[-1]
    assert first[0].box.x < first[1].box.x
    assert last[0].box.x > last[1].box.x
    covered = [frame[0].presence is Visibility.COVERED for frame in frames]
    assert 3 <= sum(covered) <= 20
    assert covered[45]
    assert all(frame[1].presence is Visibility.VISIBLE for frame in frames)


def test_a_face_is_covered_for_two_seconds(square: MarkedPicture) -> None:
    clip = staged_clip("away", square)
    assert clip is not None
    covered = [frame.faces[0].presence is Visibility.COVERED for frame in clip]
    assert covered == [30 <= index < 60 for index in range(90)]
    assert all(frame.faces[1].presence is Visibility.VISIBLE for frame in clip)
    assert np.abs(clip.draw(45).image.astype(int) - clip.draw(10).image).max() > 60
