from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import ModelError
from edge.core.types import Box
from edge.vision import blazeface
from edge.vision.blazeface import BlazeFaceDetector, merge
from edge.vision.haar import HaarDetector

if TYPE_CHECKING:
    from pathlib import Path


def row(left: float, top: float, right: float, bottom: float, score: float) -> list[float]:
    return [left, top, right, bottom, score]


def test_boxes_that_overlap_are_one_by_their_weighted_mean() -> None:
    found = np.array([row(0, 0, 10, 10, 0.5), row(2, 0, 12, 10, 1.0), row(50, 50, 60, 60, 0.7)], np.float32)
    first, second = merge(found, 0.3)
    assert first == pytest.approx([4 / 3, 0, 34 / 3, 10], abs=1e-5)
    assert second == pytest.approx([50, 50, 60, 60])
    assert merge(np.empty((0, 5), np.float32), 0.3) == []


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 90), st.floats(0, 90), st.floats(1, 50), st.floats(1, 50), st.floats(0.5, 1)),
        max_size=12,
    )
)
def test_what_is_merged_lies_among_what_was_found(found: list[tuple[float, ...]]) -> None:
    rows = np.array([[x, y, x + w, y + h, s] for x, y, w, h, s in found], np.float32).reshape(-1, 5)
    merged = merge(rows, 0.3)
    assert len(merged) <= len(rows)
    assert bool(merged) == bool(found)
    for corners in merged:
        assert (corners[:2] >= rows[:, :2].min(axis=0) - 1e-3).all()
        assert (corners[2:] <= rows[:, 2:4].max(axis=0) + 1e-3).all()


def test_anchors_are_the_published_ones() -> None:
    anchors = blazeface._anchors()
    assert anchors.shape == (896, 2)
    assert anchors[0].tolist() == anchors[1].tolist() == [1 / 32, 1 / 32]
    assert anchors[2].tolist() == [3 / 32, 1 / 32]
    assert anchors[511].tolist() == [31 / 32, 31 / 32]
    assert anchors[512].tolist() == anchors[517].tolist() == [1 / 16, 1 / 16]
    assert anchors[895].tolist() == [15 / 16, 15 / 16]


@pytest.mark.parametrize(("width", "height"), [(320, 180), (320, 240), (300, 300), (240, 320), (1024, 100)])
def test_smaller_squares_cover_the_picture_and_overlap_by_what_the_larger_ones_miss(width: int, height: int) -> None:
    squares = blazeface._squares(width, height, 3, 1)
    longest = max(width, height)
    assert squares[0] == ((width - longest) // 2, (height - longest) // 2, longest)
    sides = sorted({side for _, _, side in squares}, reverse=True)
    assert len(sides) == 3
    for above, side in pairwise(sides):
        lefts = sorted({left for left, _, each in squares if each == side})
        assert lefts[0] <= 0
        assert lefts[-1] + side >= width
        assert all(left + side - later >= 0.2 * above - 1 for left, later in pairwise(lefts))


def test_no_more_squares_than_the_smallest_face_needs() -> None:
    assert len(blazeface._squares(320, 180, 4, 64)) == 1
    assert len(blazeface._squares(320, 180, 4, 40)) == 4


def test_without_its_file_it_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="face-edge models add blazeface") as raised:
        BlazeFaceDetector(tmp_path / "none.tflite", min_face=0.1)
    assert "\n" not in str(raised.value)


def test_another_file_is_refused(tmp_path: Path) -> None:
    other = tmp_path / blazeface.FILE
    other.write_bytes(b"\0\0\0\0TFL3 something else")
    with pytest.raises(ModelError, match="expected sha256 3bc182eb9f33…"):
        BlazeFaceDetector(other, min_face=0.1)


def test_it_frames_the_face_of_a_portrait_as_the_cascade_does(
    blazeface_file: Path, portrait: np.ndarray, portrait_face: Box
) -> None:
    (found,) = BlazeFaceDetector(blazeface_file, min_face=0.1).detect(portrait)
    (expected,) = HaarDetector(min_face=0.1).detect(portrait)
    assert found.box.iou(portrait_face) > 0.5
    assert found.box.iou(expected.box) > 0.65


def test_faces_smaller_than_asked_are_left_out(blazeface_file: Path, portrait: np.ndarray) -> None:
    assert BlazeFaceDetector(blazeface_file, min_face=0.6).detect(portrait) == []


def test_a_further_level_finds_a_smaller_face_once(blazeface_file: Path, portrait: np.ndarray) -> None:
    import cv2

    face = cv2.resize(portrait[20:220, 124:324], (110, 110), interpolation=cv2.INTER_AREA)
    picture = np.full((240, 426), 110, np.uint8)
    picture[100:210, 180:290] = face
    place = Box(200, 120, 66, 66)
    once, twice = (BlazeFaceDetector(blazeface_file, min_face=0.1, levels=levels).detect(picture) for levels in (1, 2))
    assert once == []
    (found,) = twice
    assert found.box.iou(place) > 0.3


@pytest.mark.parametrize("shape", [(1, 1), (10, 10), (5, 400), (400, 5)])
def test_pictures_of_any_shape_are_taken(blazeface_file: Path, shape: tuple[int, int]) -> None:
    assert BlazeFaceDetector(blazeface_file, min_face=0.1, levels=3).detect(np.full(shape, 90, np.uint8)) == []
