from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.types import Box, Frame
from edge.sources.aim import AimSlot, brightness_of
from edge.sources.orient import as_mounted, orient

SECOND = 1_000_000_000


def picture(width: int = 80, height: int = 60) -> np.ndarray:
    return np.full((height, width, 3), 30, np.uint8)


def bounds(image: np.ndarray) -> Box:
    """The rectangle around all that is white."""
    rows, columns = np.nonzero(image[..., 0])
    return Box(int(columns.min()), int(rows.min()), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)


@given(st.sampled_from([0, 90, 180, 270]), st.booleans(), st.integers(0, 60), st.integers(0, 40), st.integers(1, 20))
def test_a_box_goes_back_to_where_the_source_saw_it(rotation: int, mirror: bool, x: int, y: int, side: int) -> None:
    image = np.zeros((60, 80, 3), np.uint8)
    image[y : y + side, x : x + side // 2 + 1] = 255
    upright = orient(Frame(image, 0, 0), rotation=rotation, mirror=mirror)
    box, expected = bounds(upright.image), bounds(image)
    assert as_mounted(box, upright.width, upright.height, rotation=rotation, mirror=mirror) == expected


def test_only_the_newest_aim_is_kept_and_one_a_second_is_enough() -> None:
    slot = AimSlot(rotation=0, mirror=False)
    assert slot.take() is None
    slot.offer(Frame(picture(), 0, 0), [Box(0, 0, 10, 10)])
    slot.offer(Frame(picture(), SECOND // 2, 1), [Box(20, 0, 10, 10)])
    slot.offer(Frame(picture(), SECOND, 2), [Box(30, 0, 10, 10), Box(40, 0, 20, 20)])
    aim = slot.take()
    assert aim is not None
    assert aim.faces == (Box(40, 0, 20, 20), Box(30, 0, 10, 10)), "largest first"
    assert slot.take() is None
    slot.offer(Frame(picture(), SECOND // 4, 3), [])
    aim = slot.take()
    assert aim is not None, "a clock that went back must not silence it"
    assert aim.faces == ()
    assert aim.brightness is None


def test_a_crowd_is_aimed_at_by_its_largest_faces() -> None:
    slot = AimSlot(rotation=0, mirror=False)
    slot.offer(Frame(picture(), 0, 0), (Box(x, 0, 1 + x, 10) for x in range(40)))
    aim = slot.take()
    assert aim is not None
    assert [face.x for face in aim.faces] == list(range(39, 29, -1))


@pytest.mark.parametrize("small", [None, 2])
def test_brightness_is_that_of_the_usual_face(small: int | None) -> None:
    image = picture()
    image[10:30, 10:30], image[10:30, 40:60], image[40:50, 0:10] = 90, 200, 120
    small_grey = None if small is None else np.ascontiguousarray(image[::small, ::small, 0])
    frame = Frame(image, 0, 0, small_grey=small_grey)
    faces = [Box(10, 10, 20, 20), Box(40, 10, 20, 20), Box(-5, 38, 15, 15)]
    assert brightness_of(frame, faces[:1]) == 90
    assert brightness_of(frame, [faces[0], faces[1], faces[1]]) == 200
    assert brightness_of(frame, [Box(100, 100, 10, 10)]) is None
    assert brightness_of(frame, []) is None
    assert brightness_of(Frame(image[..., 0], 0, 0), faces[:1]) == 90, "a grey picture has brightness, too"
