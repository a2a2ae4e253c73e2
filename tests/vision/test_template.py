from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.core.types import Box
from edge.vision.template import TemplateFollower

FACE = Box(130, 90, 48, 48)


def texture(seed: int) -> np.ndarray:
    """Return a picture with details of a face's size in relation to it."""
    chance = np.random.default_rng(seed).normal(0, 1, (240, 320)).astype(np.float32)
    blurred = cv2.GaussianBlur(chance, (0, 0), 6)
    return np.asarray(cv2.normalize(blurred, None, 0, 255, cv2.NORM_MINMAX), np.uint8)  # type: ignore[call-overload]


def shifted(picture: np.ndarray, x: float, y: float) -> np.ndarray:
    by = np.array([[1, 0, x], [0, 1, y]], np.float32)
    moved = cv2.warpAffine(picture, by, picture.shape[::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved)


@pytest.fixture
def follower() -> TemplateFollower:
    made = TemplateFollower()
    made.learn("one", texture(1), FACE)
    return made


@pytest.mark.parametrize("shift", [(0, 0), (1.5, 0), (0, -2.25), (4.4, 3.1), (-9.5, 12.2), (18, -18)])
def test_a_face_is_followed_to_fractions_of_a_pixel(follower: TemplateFollower, shift: tuple[float, float]) -> None:
    place = follower.follow("one", shifted(texture(1), *shift), FACE)
    assert place is not None
    assert (place.x - FACE.x, place.y - FACE.y) == pytest.approx(shift, abs=0.5)
    assert (place.width, place.height) == (48, 48)


@pytest.mark.parametrize("side", [20.0, 33.3, 48.0])
def test_wherever_its_box_and_the_expected_place_begin(side: float) -> None:
    for tenth in range(10):
        learnt = Box(130 + tenth / 10, 90.5, side, side)
        follower = TemplateFollower()
        follower.learn("one", texture(1), learnt)
        expected = Box(131.3, 90 - tenth / 7, side, side)
        place = follower.follow("one", shifted(texture(1), 1.7, -0.6), expected)
        assert place is not None
        assert (place.x - learnt.x, place.y - learnt.y) == pytest.approx((1.7, -0.6), abs=0.5)


def test_it_is_looked_for_around_where_it_is_expected(follower: TemplateFollower) -> None:
    away = shifted(texture(1), 60, 0)
    assert follower.follow("one", away, FACE) is None
    place = follower.follow("one", away, Box(FACE.x + 55, FACE.y, 48, 48))
    assert place is not None
    assert place.x - FACE.x == pytest.approx(60, abs=0.5)


def test_light_does_not_matter(follower: TemplateFollower) -> None:
    dimmer = (shifted(texture(1), 5, 0) * 0.3 + 20).astype(np.uint8)
    place = follower.follow("one", dimmer, FACE)
    assert place is not None
    assert place.x - FACE.x == pytest.approx(5, abs=0.7)


def test_what_looks_different_is_not_followed(follower: TemplateFollower) -> None:
    assert follower.follow("one", texture(2), FACE) is None
    assert follower.follow("one", 255 - texture(1), FACE) is None
    assert follower.follow("one", np.full((240, 320), 90, np.uint8), FACE) is None


def test_a_flat_patch_cannot_be_followed_and_is_not_remembered(follower: TemplateFollower) -> None:
    flat = np.full((240, 320), 90, np.uint8)
    follower.learn("two", flat, FACE)
    assert follower.follow("two", flat, FACE) is None
    follower.learn("one", flat, FACE)
    assert follower.follow("one", texture(1), FACE) is None, "nor is what was there before"


def test_each_track_has_its_own_face(follower: TemplateFollower) -> None:
    other = Box(30, 40, 40, 40)
    follower.learn("two", texture(1), other)
    moved = shifted(texture(1), 4, 0)
    one, two = follower.follow("one", moved, FACE), follower.follow("two", moved, other)
    assert one is not None
    assert two is not None
    assert two.x - other.x == pytest.approx(4, abs=0.5)
    follower.keep(["two"])
    assert follower.follow("one", moved, FACE) is None
    assert follower.follow("two", moved, other) is not None
    follower.reset()
    assert follower.follow("two", moved, other) is None
    assert follower.follow("nobody", moved, other) is None


@pytest.mark.parametrize("place", [Box(-20, -20, 48, 48), Box(310, 230, 48, 48), Box(1000, 1000, 48, 48)])
def test_places_at_the_border_and_beyond_it_do_no_harm(place: Box) -> None:
    follower = TemplateFollower()
    follower.learn("one", texture(1), place)
    found = follower.follow("one", texture(1), place)
    assert found is None or found.iou(place) > 0.8
    assert follower.follow("one", texture(1)[:1, :1], place) is None
