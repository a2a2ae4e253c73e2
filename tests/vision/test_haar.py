from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge.vision.haar import HaarDetector

if TYPE_CHECKING:
    from edge.types import Box


def test_it_finds_the_one_face_of_a_portrait(portrait: np.ndarray, portrait_face: Box) -> None:
    found = HaarDetector(min_face=0.1).detect(portrait)
    assert found
    assert found[0].iou(portrait_face) > 0.5


def test_faces_smaller_than_asked_are_not_searched(portrait: np.ndarray) -> None:
    assert HaarDetector(min_face=0.6).detect(portrait) == []


@pytest.mark.parametrize("shape", [(1, 1), (10, 10), (5, 400), (240, 320)])
def test_pictures_without_faces_give_none(shape: tuple[int, int]) -> None:
    assert HaarDetector(min_face=0.1).detect(np.zeros(shape, np.uint8)) == []
