from __future__ import annotations

import numpy as np
import pytest

from edge.core.types import Frame
from edge.vision.reduce import Reducer


def test_the_sources_small_grey_picture_serves_detection() -> None:
    small = np.full((240, 320), 7, np.uint8)
    frame = Frame(np.zeros((480, 640, 3), np.uint8), 0, 0, small_grey=small)
    assert Reducer().reduce(frame, 320) is small
    assert Reducer().reduce(frame, 640).shape == (480, 640)


@pytest.mark.parametrize(("width", "height"), [(640, 480), (960, 720), (1920, 1080)])
def test_the_reduced_picture_is_the_grey_one_made_smaller(width: int, height: int) -> None:
    ramp = np.linspace(0, 200, width)[None, :, None] + np.linspace(0, 40, height)[:, None, None]
    image = (ramp * np.array([0.5, 1.0, 0.8])).astype(np.uint8)
    reduced = Reducer().reduce(Frame(image, 0, 0), 320, careful=False)
    assert reduced.shape == (round(height * 320 / width), 320)
    expected = Reducer().reduce(Frame(image, 0, 0), 320)
    assert np.abs(reduced.astype(int) - expected).max() <= 3


@pytest.mark.parametrize("careful", [False, True])
def test_pictures_of_any_size_take_turns_in_the_same_memory(*, careful: bool) -> None:
    chance = np.random.default_rng(1)
    reducer = Reducer()
    for shape in [(480, 640, 3), (1080, 1920, 3), (480, 640), (200, 100, 3), (90, 100), (480, 640, 3)]:
        image = chance.integers(0, 256, shape).astype(np.uint8)
        before = image.copy()
        once = reducer.reduce(Frame(image, 0, 0), 320, careful=careful)
        kept = once.copy()
        again = reducer.reduce(Frame(image, 33, 1), 320, careful=careful)
        assert np.shares_memory(once, again)
        assert np.array_equal(kept, again)
        assert np.array_equal(kept, Reducer().reduce(Frame(image, 0, 0), 320, careful=careful))
        assert np.array_equal(image, before)  # nobody writes into the camera's picture
