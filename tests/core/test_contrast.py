"""The correction of dark crops and the enlarging of small ones."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.core.contrast import Contrast
from edge.core.types import Box
from edge.inference.preprocess import crop_face, cut_square, noise_of, stretch


@pytest.fixture
def face(portrait: np.ndarray, portrait_face: Box) -> np.ndarray:
    """The portrait's face, ``(96, 96)``."""
    return crop_face(portrait, portrait_face, margin=0.1, size=96)


def whole(picture: np.ndarray, contrast: Contrast | None = None) -> np.ndarray:
    """The crop of a picture that is all face."""
    return crop_face(picture, Box(0, 0, picture.shape[1], picture.shape[0]), margin=0.0, size=48, contrast=contrast)


def dark(picture: np.ndarray, light: float, deviation: float) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, deviation, picture.shape)
    return np.clip(np.rint(picture * light + noise), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_the_percentiles_become_0_and_the_target(kind: type) -> None:
    ramp: np.ndarray = np.arange(101, dtype=kind).reshape(1, 101)
    contrast = Contrast(low=10, high=90, below=95, target=160, blur=0)
    expected = np.clip((np.arange(101) - 10) * 2, 0, 180)
    np.testing.assert_array_equal(stretch(ramp, contrast)[0], expected)
    assert stretch(ramp, Contrast(low=10, high=90, below=95, target=255, blur=0)).max() == 255
    assert stretch(ramp, Contrast(low=10, high=90, below=90, blur=0)).dtype == np.uint8
    np.testing.assert_array_equal(stretch(ramp, Contrast(low=10, high=90, below=90, blur=0)), ramp)
    flat: np.ndarray = np.full((9, 9), 40, kind)
    flat[4, 4] = 41
    assert stretch(flat, Contrast(low=0, high=100, target=200, blur=0))[4, 4] == 200, "one level is spread to all"


def test_the_least_gaussian_counts_and_a_smaller_one_is_left_out() -> None:
    ramp = np.tile(np.linspace(5, 25, 48), (48, 1)).astype(np.float32)
    contrast = Contrast(low=0, high=100, target=200, blur=0.1)  # a gain of 10, so blur = noise
    sharp = stretch(ramp, contrast, noise=0.0)
    for least, smoothed in ((0.5, True), (0.51, False)):
        done = stretch(ramp, Contrast(low=0, high=100, target=200, blur=0.1, least_blur=least), noise=0.5)
        assert np.array_equal(done, sharp) is not smoothed


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(110, 255))
def test_a_training_picture_in_good_light_is_its_own_crop(seed: int, brightest: int) -> None:
    picture = np.random.default_rng(seed).integers(0, brightest, (48, 48), dtype=np.uint8)
    np.testing.assert_array_equal(whole(picture), picture)
    np.testing.assert_array_equal(whole(picture, Contrast()), picture)


def test_a_dark_picture_of_the_crops_size_is_corrected_alike_with_and_without_cutting(face: np.ndarray) -> None:
    picture = cv2.resize(face, (48, 48), interpolation=cv2.INTER_AREA) // 20
    np.testing.assert_array_equal(whole(np.asarray(picture), Contrast()), stretch(np.asarray(picture), Contrast()))


def test_large_faces_are_reduced_as_they_always_were(face: np.ndarray) -> None:
    np.testing.assert_array_equal(whole(face), cv2.resize(face, (48, 48), interpolation=cv2.INTER_AREA))


@pytest.mark.parametrize("side", [20, 24, 32, 40])
def test_a_small_face_comes_closer_to_the_large_one_than_linear_enlarging_does(face: np.ndarray, side: int) -> None:
    large = cv2.resize(face, (48, 48), interpolation=cv2.INTER_AREA).astype(int)
    small = np.asarray(cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA))
    ours, linear = (np.abs(one.astype(int) - large).mean() for one in (whole(small), cv2.resize(small, (48, 48))))
    assert ours < 0.9 * linear


@pytest.mark.parametrize("level", [0, 7, 130, 255])
def test_enlarging_keeps_an_even_face_even(level: int) -> None:
    assert (whole(np.full((20, 20), level, np.uint8)) == level).all()


def test_an_enlarged_face_reduced_again_is_nearly_what_it_was(face: np.ndarray) -> None:
    small = np.asarray(cv2.resize(face, (24, 24), interpolation=cv2.INTER_AREA))

    def lost(large: np.ndarray) -> float:
        return float(np.abs(cv2.resize(large, (24, 24), interpolation=cv2.INTER_AREA).astype(int) - small).mean())

    cubic = np.asarray(cv2.resize(small, (48, 48), interpolation=cv2.INTER_CUBIC))
    assert lost(whole(small)) < 0.7 * lost(cubic)


def test_enlarging_stays_within_the_grey_levels() -> None:
    edge = np.zeros((16, 16), np.uint8)
    edge[:, 8:] = 255
    crop = whole(edge)
    assert (crop[:, :20] < 20).all()
    assert (crop[:, -20:] > 235).all()


def test_other_squares_are_enlarged_linearly(face: np.ndarray) -> None:
    small = np.asarray(cv2.resize(face, (24, 24), interpolation=cv2.INTER_AREA), np.uint8)
    np.testing.assert_array_equal(cut_square(small, (12, 12), 24, 48), cv2.resize(small, (48, 48)))


@pytest.mark.parametrize("side", [24, 48, 96])
def test_noise_in_the_dark_is_smoothed_also_where_enlarging_hides_it(face: np.ndarray, side: int) -> None:
    sized = np.asarray(cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA))
    noisy = dark(sized, 0.05, 1.2)
    expected = whole(dark(sized, 0.05, 0.0), Contrast(blur=0.0)).astype(int)
    kept, smoothed = (
        np.abs(whole(noisy, contrast).astype(int) - expected).mean() for contrast in (Contrast(blur=0.0), Contrast())
    )
    assert smoothed < 0.9 * kept


def test_the_more_noise_the_stronger_the_smoothing_up_to_a_bound() -> None:
    ramp = np.tile(np.linspace(5, 25, 48), (48, 1)).astype(np.float32)
    left = [
        noise_of(
            stretch(ramp + np.random.default_rng(2).normal(0, deviation, ramp.shape).astype(np.float32), Contrast())
        )
        / deviation
        for deviation in (0.3, 1.0, 2.0)
    ]
    assert left == sorted(left, reverse=True)
    noisy = ramp + np.random.default_rng(2).normal(0, 8, ramp.shape).astype(np.float32)
    bounded, free = (noise_of(stretch(noisy, Contrast(most_blur=most))) for most in (0.5, 10.0))
    assert bounded > free


def test_noise_that_the_caller_knows_counts() -> None:
    ramp = np.tile(np.linspace(5, 25, 48), (48, 1)).astype(np.float32)
    sharp = stretch(ramp, Contrast())
    np.testing.assert_array_equal(stretch(ramp, Contrast(), noise=0.0), sharp)
    assert not np.array_equal(stretch(ramp, Contrast(), noise=3.0), sharp)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_noise_is_estimated_of_any_kind_of_levels(kind: type) -> None:
    levels = np.random.default_rng(4).normal(100, 6, (200, 200))
    assert noise_of(levels.astype(kind)) == pytest.approx(6, rel=0.05)
    assert noise_of(np.full((2, 50), 9, kind)) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"low": 99.0, "high": 99.0},
        {"low": -1.0},
        {"high": 101.0},
        {"target": 0.0},
        {"below": 256.0},
        {"blur": -0.1},
        {"most_blur": float("inf")},
        {"least_blur": "a"},
        {"gain": 2.0},
    ],
)
def test_a_contrast_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises((ValidationError, TypeError)):
        Contrast(**wrong)
