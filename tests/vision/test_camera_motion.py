from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.types import Box
from edge.vision.camera_motion import CameraMotion

if TYPE_CHECKING:
    from collections.abc import Sequence

FACES = [Box(100, 80, 40, 40), Box(400, 90, 44, 44), Box(250, 300, 38, 38), Box(560, 380, 42, 42), Box(60, 400, 40, 40)]
ONE_EACH = [(12.0, 0.0), (-9.0, 8.0), (0.0, -14.0), (-15.0, -3.0), (13.0, 11.0)]


def shifted(box: Box, x: float, y: float) -> Box:
    return Box(box.x + x, box.y + y, box.width, box.height)


def motion(faces: Sequence[Box], camera: CameraMotion) -> CameraMotion:
    """Return what is made of faces that only the camera moved; a follower does not see that they grew."""
    after = [camera.moved(box) for box in faces]
    same_size = [box.expanded((1 / camera.scale - 1) / 2) for box in after]
    return CameraMotion.of(list(zip(faces, same_size, strict=True)))


def test_a_shift_of_all_faces_is_the_cameras() -> None:
    found = motion(FACES[:3], CameraMotion(1.0, 30.0, -4.0))
    assert found == CameraMotion(1.0, 30.0, -4.0)
    assert found.moved(Box(10, 20, 30, 40)) == Box(40, 16, 30, 40)
    assert found.resized(Box(10, 20, 30, 40)) == Box(10, 20, 30, 40)


def test_one_face_that_moves_by_itself_does_not_matter() -> None:
    moves = [(box, shifted(box, 8, 3)) for box in FACES[:4]]
    moves[1] = FACES[1], shifted(FACES[1], -6, 3)
    found = CameraMotion.of(moves)
    assert found.moved(FACES[4]).centre == pytest.approx(shifted(FACES[4], 8, 3).centre, abs=3)


@pytest.mark.parametrize("faces", [0, 1, 2])
def test_few_faces_say_nothing_of_the_camera(faces: int) -> None:
    assert CameraMotion.of([(box, shifted(box, 30, 0)) for box in FACES[:faces]]) == CameraMotion()


def test_faces_that_move_each_in_its_own_way_say_nothing_either() -> None:
    assert (
        CameraMotion.of([(box, shifted(box, *by)) for box, by in zip(FACES, ONE_EACH, strict=True)]) == CameraMotion()
    )


@pytest.mark.parametrize("scale", [0.95, 1.04])
def test_a_zoom_moves_faces_apart_and_makes_them_grow(scale: float) -> None:
    camera = CameraMotion(scale, 5.0, -7.0)
    found = motion(FACES[:4], camera)
    assert (found.scale, found.shift_x, found.shift_y) == pytest.approx((scale, 5.0, -7.0), abs=1e-6)
    moved, expected = found.moved(FACES[4]), camera.moved(FACES[4])
    assert moved.iou(expected) > 0.999
    grown = found.resized(FACES[0])
    assert grown.width == pytest.approx(scale * 40)
    assert grown.centre == pytest.approx(FACES[0].centre)


def test_neighbours_do_not_tell_a_zoom() -> None:
    assert motion(FACES[:3], CameraMotion(1.02, 0.0, 0.0)).scale == 1, "nor do three faces"
    near = [Box(100 + 15 * index, 80 + 9 * index, 40, 40) for index in range(4)]
    assert motion(near, CameraMotion(1.05, 0.0, 0.0)).scale == 1


def test_no_zoom_is_larger_than_a_camera_makes_from_one_frame_to_the_next() -> None:
    for scale in (0.3, 3.0):
        assert 0.8 < motion(FACES, CameraMotion(scale, 0.0, 0.0)).scale < 1.25


boxes = st.builds(Box, st.floats(0, 1800), st.floats(0, 900), st.floats(20, 120), st.floats(20, 120))


@settings(deadline=None)
@given(
    st.lists(boxes, min_size=3, max_size=12),
    st.floats(0.97, 1.03),
    st.floats(-50, 50),
    st.floats(-50, 50),
)
def test_whatever_the_camera_does_other_faces_are_expected_near_where_they_are(
    faces: list[Box], scale: float, x: float, y: float
) -> None:
    found = motion(faces, CameraMotion(1.0, x, y))
    assert found.moved(faces[0]).centre == pytest.approx(shifted(faces[0], x, y).centre, abs=1e-3)
    zoomed = motion(faces, CameraMotion(scale, x, y))
    assert 0.9 < zoomed.scale < 1.12


@given(st.lists(st.tuples(boxes, boxes), max_size=8))
def test_any_moves_give_a_movement(moves: list[tuple[Box, Box]]) -> None:
    found = CameraMotion.of(moves)
    assert 0.5 < found.scale < 2
    assert found.moved(Box(0, 0, 10, 10)).width > 0
