from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.preprocess import crop_face, dequantize, quantize, softmax, to_grey
from edge.types import Box


def gradient(height: int, width: int) -> np.ndarray:
    row = np.linspace(0, 255, width, dtype=np.uint8)
    return np.broadcast_to(row, (height, width)).copy()


@settings(deadline=None)
@given(
    x=st.floats(-300, 400),
    y=st.floats(-300, 400),
    side=st.floats(0.1, 700),
    margin=st.floats(-0.3, 0.5),
    colour=st.booleans(),
)
def test_any_box_gives_a_full_crop(x: float, y: float, side: float, margin: float, *, colour: bool) -> None:
    image = np.zeros((90, 120, 3) if colour else (90, 120), np.uint8)
    crop = crop_face(image, Box(x, y, side, side), margin=margin, size=48)
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
