from __future__ import annotations

import numpy as np
import pytest

from edge.core.types import Box
from edge.vision import haar
from edge.vision.haar import CASCADE, NEAR_CASCADE, NEIGHBOURS, USUAL_CASCADE, HaarDetector


@pytest.mark.parametrize("cascade", [CASCADE, NEAR_CASCADE, USUAL_CASCADE])
def test_it_finds_the_one_face_of_a_portrait(portrait: np.ndarray, portrait_face: Box, cascade: str) -> None:
    found = HaarDetector(min_face=0.1, cascade=cascade).detect(portrait)
    assert found[0].box.iou(portrait_face) > 0.5
    assert found[0].landmarks is None


def test_all_cascades_frame_a_face_as_the_usual_one_does(portrait: np.ndarray) -> None:
    usual, *others = (
        HaarDetector(min_face=0.1, cascade=cascade).detect(portrait)[0].box
        for cascade in (USUAL_CASCADE, CASCADE, NEAR_CASCADE)
    )
    for box in others:
        assert box.iou(usual) > 0.75
        assert max(box.width, box.height) == pytest.approx(usual.width, rel=0.15)


def test_a_face_with_more_hits_scores_higher(portrait: np.ndarray) -> None:
    detector = HaarDetector(min_face=0.1, min_neighbors=2)
    assert detector.detect(portrait)[0].score == 1
    weak = HaarDetector(min_face=0.1, min_neighbors=2, scale_factor=1.4).detect(portrait)
    assert 2 / NEIGHBOURS <= weak[0].score < 1, "larger steps give fewer hits"


def test_fewer_hits_than_asked_for_are_no_face(portrait: np.ndarray) -> None:
    found = HaarDetector(min_face=0.1, min_neighbors=2, scale_factor=1.4).detect(portrait)
    hits = round(found[0].score * NEIGHBOURS)
    assert HaarDetector(min_face=0.1, min_neighbors=hits - 1, scale_factor=1.4).detect(portrait)
    assert not HaarDetector(min_face=0.1, min_neighbors=hits + 1, scale_factor=1.4).detect(portrait)


def test_a_window_is_framed_about_its_centre_and_cut_at_the_borders() -> None:
    detector, factor = HaarDetector(min_face=0.1), haar._FRAMING[CASCADE]
    framed = detector._framed(Box(100, 200, 40, 40), 640, 480)
    assert (framed.width, framed.height) == pytest.approx((40 * factor, 40 * factor))
    assert framed.centre == pytest.approx((120, 220))
    corner, other = detector._framed(Box(0, 0, 40, 40), 640, 480), detector._framed(Box(600, 440, 40, 40), 640, 480)
    room = 20 * (factor - 1)
    assert (corner.x, corner.y, corner.width, corner.height) == pytest.approx((0, 0, 40 + room, 40 + room))
    assert (other.x, other.y, other.width, other.height) == pytest.approx(
        (600 - room, 440 - room, 40 + room, 40 + room)
    )
    plain = HaarDetector(min_face=0.1, cascade=USUAL_CASCADE)._framed(Box(100, 200, 40, 40), 640, 480)
    assert plain == Box(100, 200, 40, 40), "the one that the classifier knows"


def test_boxes_stay_in_the_picture(portrait: np.ndarray, portrait_face: Box) -> None:
    left, top, right, bottom = (
        int(portrait_face.x),
        int(portrait_face.y),
        int(portrait_face.x + portrait_face.width),
        int(portrait_face.y + portrait_face.height),
    )
    tight = np.ascontiguousarray(portrait[top:bottom, left:right])
    for each in HaarDetector(min_face=0.1, min_neighbors=1).detect(tight):
        assert each.box.x >= 0
        assert each.box.y >= 0
        assert each.box.x + each.box.width <= tight.shape[1]
        assert each.box.y + each.box.height <= tight.shape[0]


def test_faces_smaller_than_asked_are_not_searched(portrait: np.ndarray) -> None:
    assert HaarDetector(min_face=0.6).detect(portrait) == []


def test_only_faces_of_the_sizes_asked_for_are_found(portrait: np.ndarray) -> None:
    detector = HaarDetector(min_face=0.1)
    side = detector.detect(portrait)[0].box.width
    assert detector.detect(portrait, sizes=(0.8 * side, 1.25 * side))
    assert not detector.detect(portrait, sizes=(1.4 * side, 2 * side))
    assert not detector.detect(portrait, sizes=(0.2 * side, 0.6 * side))
    assert not detector.detect(portrait, sizes=(1.25 * side, 0.8 * side)), "no size at all"


@pytest.mark.parametrize("shape", [(1, 1), (10, 10), (5, 400), (240, 320)])
@pytest.mark.parametrize("sizes", [None, (24.0, 300.0)])
def test_pictures_without_faces_give_none(shape: tuple[int, int], sizes: tuple[float, float] | None) -> None:
    assert HaarDetector(min_face=0.1).detect(np.zeros(shape, np.uint8), sizes=sizes) == []
