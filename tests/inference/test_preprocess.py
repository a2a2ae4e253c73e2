from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.contrast import Contrast
from edge.core.types import Box
from edge.inference.preprocess import crop_face, dequantize, is_dark, quantize, read_logits, softmax, stretch, to_grey
from edge.vision.pose import roll_of

if TYPE_CHECKING:
    from edge.core.types import Landmarks


def gradient(height: int, width: int) -> np.ndarray:
    row = np.linspace(0, 255, width, dtype=np.uint8)
    return np.broadcast_to(row, (height, width)).copy()


@settings(deadline=None)
@given(
    x=st.floats(-300, 400),
    y=st.floats(-300, 400),
    side=st.floats(0.1, 700),
    margin=st.floats(-0.3, 0.5),
    roll=st.one_of(st.just(0.0), st.floats(-90, 90)),
    contrast=st.sampled_from([None, Contrast()]),
    colour=st.booleans(),
)
def test_any_box_gives_a_full_crop(
    *, x: float, y: float, side: float, margin: float, roll: float, contrast: Contrast | None, colour: bool
) -> None:
    image = np.zeros((90, 120, 3) if colour else (90, 120), np.uint8)
    crop = crop_face(image, Box(x, y, side, side), margin=margin, size=48, roll=roll, contrast=contrast)
    assert crop.shape == (48, 48)
    assert crop.dtype == np.uint8


def test_a_crop_shows_what_the_box_holds() -> None:
    image = np.zeros((200, 200), np.uint8)
    image[50:98, 60:108] = 200
    exact = crop_face(image, Box(60, 50, 48, 48), margin=0.0, size=48)
    assert (exact == 200).all()
    wide = crop_face(image, Box(60, 50, 48, 48), margin=0.5, size=48)
    assert wide[24, 24] == 200
    assert wide[2, 2] == 0
    assert np.count_nonzero(wide) == pytest.approx(24 * 24, rel=0.1)


def test_beyond_the_border_the_border_repeats() -> None:
    image = gradient(100, 100)
    crop = crop_face(image, Box(-50, 0, 100, 100), margin=0.0, size=50)
    assert (crop[:, :25] <= 2).all()
    assert crop[:, 26:].mean() > 30


def test_a_crop_keeps_the_aspect_ratio() -> None:
    image = np.zeros((100, 100), np.uint8)
    image[40:60, 40:60] = 255
    crop = crop_face(image, Box(40, 30, 20, 40), margin=0.0, size=40)
    rows, columns = np.nonzero(crop > 128)
    assert np.ptp(rows) == np.ptp(columns) == 19


def dimmed(picture: np.ndarray, light: float) -> np.ndarray:
    """Return what a camera gives in so much of the light."""
    levels: np.ndarray = np.rint(picture * light).astype(np.uint8)
    return levels


@pytest.mark.parametrize(("light", "off"), [(0.3, 1.0), (0.1, 2.5), (0.05, 5.0), (0.02, 10.0)])
def test_a_dark_face_gives_the_crop_of_a_bright_one(
    portrait: np.ndarray, portrait_face: Box, light: float, off: float
) -> None:
    contrast = Contrast(below=100.0)
    bright = crop_face(portrait, portrait_face, margin=0.1, size=48)
    assert not is_dark(bright, contrast)
    expected = stretch(bright, Contrast(below=255.0)).astype(int)
    assert expected.max() - expected.min() > 220
    dark = crop_face(dimmed(portrait, light), portrait_face, margin=0.1, size=48, contrast=contrast)
    assert np.abs(dark - expected).mean() < off
    assert len(np.unique(dark)) > 100, "the means of its pixels have more levels than they"


def test_a_corrected_crop_spans_the_levels_that_its_contrast_names() -> None:
    crop = np.linspace(10, 30, 48 * 48).reshape(48, 48).astype(np.float32)
    corrected = stretch(crop, Contrast(low=5.0, high=90.0, below=60.0, target=180.0, blur=0.0))
    assert corrected.dtype == np.uint8
    low, high = np.percentile(corrected, (5, 90))
    assert (low, high) == pytest.approx((0, 180), abs=2)
    assert corrected.max() == pytest.approx(180 * 95 / 85, abs=2), "straight on beyond"
    assert np.count_nonzero(corrected == 0) == pytest.approx(0.05 * crop.size, rel=0.1)


def test_the_noise_that_the_gain_raises_is_smoothed() -> None:
    ramp = np.tile(np.linspace(5, 15, 48), (48, 1)).astype(np.float32)
    noisy = ramp + np.random.default_rng(1).normal(0, 1, ramp.shape).astype(np.float32)
    clean = stretch(ramp, Contrast(blur=0.0)).astype(int)
    kept, smoothed = (stretch(noisy, Contrast(blur=blur, least_blur=0.4, most_blur=1.6)) for blur in (0.0, 0.1))
    assert np.abs(smoothed - clean).mean() < 0.6 * np.abs(kept - clean).mean()
    assert np.array_equal(stretch(ramp, Contrast(blur=0.1, least_blur=0.4)), clean), "without noise it stays sharp"
    assert np.array_equal(stretch(noisy, Contrast(blur=0.1, least_blur=9.0)), kept), "with too little, too"


def test_a_crop_in_good_light_is_the_same_to_the_byte(portrait: np.ndarray, portrait_face: Box) -> None:
    for light in (1.0, 0.6):
        picture = dimmed(portrait, light)
        before = crop_face(picture, portrait_face, margin=0.1, size=48)
        after = crop_face(picture, portrait_face, margin=0.1, size=48, contrast=Contrast(below=100.0))
        assert np.array_equal(before, after)
        assert np.array_equal(stretch(before, Contrast(below=100.0)), before)
        assert np.array_equal(stretch(before.astype(np.float32), Contrast(below=100.0)), before)


def test_without_a_contrast_a_dark_crop_stays_dark(portrait: np.ndarray, portrait_face: Box) -> None:
    dark = dimmed(portrait, 0.1)
    assert crop_face(dark, portrait_face, margin=0.1, size=48, contrast=None).max() <= 26


def test_darkness_is_judged_by_the_bright_parts() -> None:
    contrast = Contrast(high=99.0, below=100.0)
    crop = np.full((50, 50), 40, np.uint8)
    crop.flat[:24] = 200
    assert is_dark(crop, contrast), "less than one percent is bright"
    crop.flat[:27] = 200
    assert not is_dark(crop, contrast)
    assert is_dark(np.full((50, 50), 99, np.uint8), contrast)
    assert not is_dark(np.full((50, 50), 100, np.uint8), contrast)


@pytest.mark.parametrize("level", [0, 1, 60])
def test_a_dark_crop_without_any_contrast_gives_no_noise(level: int) -> None:
    assert not stretch(np.full((48, 48), level, np.uint8), Contrast()).any()


@pytest.mark.parametrize("roll", [-40, -20, 20, 40])
def test_a_tilted_face_is_turned_back_by_the_roll_of_its_eyes(
    portrait: np.ndarray, portrait_face: Box, roll: float
) -> None:
    x, y = portrait_face.centre
    side = portrait_face.width
    # OpenCV turns counter-clockwise, by which the eye on the right of the picture rises
    turn = cv2.getRotationMatrix2D((x, y), -roll, 1.0)
    tilted = cv2.warpAffine(portrait, turn, portrait.shape[::-1], borderMode=cv2.BORDER_REPLICATE).astype(np.uint8)
    upright = [(x - side / 4, y - side / 8), (x + side / 4, y - side / 8), (x, y), (x, y), (x, y)]
    points = np.asarray(upright) @ turn[:, :2].T + turn[:, 2]
    eyes: Landmarks = tuple((float(across), float(down)) for across, down in points)  # type: ignore[assignment]
    assert roll_of(eyes) == pytest.approx(roll)
    box = Box(x - side / 2, y - side / 2, side, side)
    expected = crop_face(portrait, box, margin=0.1, size=48).astype(int)
    turned = crop_face(tilted, box, margin=0.1, size=48, roll=roll_of(eyes))
    left = crop_face(tilted, box, margin=0.1, size=48)
    assert np.abs(turned - expected).mean() < 9
    assert np.abs(left - expected).mean() > 20


def test_a_turned_crop_keeps_its_scale_and_middle() -> None:
    image = np.zeros((200, 200), np.uint8)
    cv2.circle(image, (99, 99), 20, 255, -1)
    straight = crop_face(image, Box(60, 60, 80, 80), margin=0.0, size=48)
    for roll in (-33.0, 20.0, 45.0):
        turned = crop_face(image, Box(60, 60, 80, 80), margin=0.0, size=48, roll=roll)
        assert np.count_nonzero(turned > 128) == pytest.approx(np.count_nonzero(straight > 128), rel=0.05)
        rows, columns = np.nonzero(turned > 128)
        assert (rows.mean(), columns.mean()) == pytest.approx((23.5, 23.5), abs=0.6)


def test_grey_of_colour_weighs_green_most() -> None:
    blue, green, red = (to_grey(np.full((2, 2, 3), np.eye(3)[i] * 255, np.uint8))[0, 0] for i in range(3))
    assert green > red > blue


def test_the_contracts_own_quantisation_is_the_pixel_less_128() -> None:
    pixels = np.arange(256, dtype=np.uint8)
    assert (quantize(pixels, scale=1 / 255, zero_point=-128) == pixels.astype(int) - 128).all()


@given(st.floats(1 / 400, 1 / 200), st.integers(-128, -100))
def test_quantise_round_trip_is_within_half_a_step(scale: float, zero_point: int) -> None:
    pixels = np.arange(256, dtype=np.uint8)
    quantised = quantize(pixels, scale=scale, zero_point=zero_point)
    inside = (quantised > -128) & (quantised < 127)
    error = np.abs(dequantize(quantised, scale=scale, zero_point=zero_point) - pixels / 255)
    assert (error[inside] <= scale / 2 + 1e-6).all()


@given(st.lists(st.floats(-50, 50, width=32), min_size=7, max_size=7), st.floats(0.2, 5))
def test_softmax_is_a_distribution_in_the_same_order(logits: list[float], temperature: float) -> None:
    values = np.array([logits], np.float32)
    probabilities = softmax(values, temperature=temperature)
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert probabilities[0, values.argmax()] == probabilities.max()


def test_a_higher_temperature_is_less_sure() -> None:
    logits = np.array([[3.0, 1.0, 0, 0, 0, 0, 0]], np.float32)
    assert softmax(logits, temperature=2.0).max() < softmax(logits, temperature=1.0).max()


@pytest.mark.parametrize(("scale", "zero_point"), [(1 / 255, -100), (1 / 127, 0), (1 / 300, -128), (1 / 200, 100)])
def test_pixels_are_quantised_with_any_scale_and_zero_point(scale: float, zero_point: int) -> None:
    pixels = np.arange(256, dtype=np.uint8)
    levels = quantize(pixels, scale=scale, zero_point=zero_point)
    assert levels.dtype == np.int8
    exact = np.arange(256) / 255 / scale + zero_point
    np.testing.assert_allclose(levels, np.clip(exact, -128, 127), atol=0.5 + 1e-3)
    assert levels.max() == min(127, round(exact[-1]))
    assert levels[0] == zero_point


def test_logits_of_several_windows_are_the_sum_of_their_levels() -> None:
    values = np.arange(2 * 14, dtype=np.int8).reshape(2, 14)
    logits = read_logits(values, scale=0.5, zero_point=3, windows=2)
    assert logits.dtype == np.float32
    assert logits.shape == (2, 7)
    expected = [[0.5 * (row[i] + row[i + 7] - 6) for i in range(7)] for row in values.astype(int)]
    np.testing.assert_allclose(logits, expected)
    full = np.full((1, 21), 127, np.int8)
    assert read_logits(full, scale=1.0, zero_point=-128, windows=3)[0, 0] == 3 * 255, "no level overflows"
    np.testing.assert_array_equal(read_logits(values[:, :7], scale=1.0, zero_point=0), values[:, :7])
