from __future__ import annotations

import numpy as np
import pytest

from edge.core.types import Light
from edge.vision.light import DARK, TARGET, TOO_DARK, Exposure, measure, noise_of, smooth
from edge.vision.reduce import Reducer


def room(brightest: float, *, colour: bool = False) -> np.ndarray:
    """Return a picture of all grey levels up to ``brightest``."""
    ramp = np.tile(np.linspace(0, brightest, 320), (240, 1))
    levels = np.rint(ramp).astype(np.uint8)
    return np.dstack([levels] * 3) if colour else levels


def noisy(level: float, deviation: float, *shape: int) -> np.ndarray:
    chance = np.random.default_rng(3).normal(level, deviation, shape)
    levels: np.ndarray = np.clip(np.rint(chance), 0, 255).astype(np.uint8)
    return levels


def test_the_bright_parts_are_judged_and_a_lamp_is_none_of_them() -> None:
    picture = np.full((400, 400), 30, np.uint8)
    assert measure(picture).bright == 30
    picture[100:120, 100:120] = 250
    assert measure(picture).bright == 30, "a quarter of a percent"
    picture[100:200, 100:200] = 250
    assert measure(picture).bright == 250


@pytest.mark.parametrize("brightest", [8, 20, 60])
@pytest.mark.parametrize("colour", [False, True])
def test_a_gain_makes_a_dark_picture_as_bright_as_others(brightest: int, colour: bool) -> None:
    picture = room(brightest, colour=colour)
    before = picture.copy()
    exposure = measure(picture[..., 0] if colour else picture)
    lightened = exposure.lighten(picture)
    assert lightened.shape == picture.shape
    assert lightened.dtype == np.uint8
    assert np.percentile(lightened, 99) == pytest.approx(TARGET, rel=0.05)
    assert (lightened[..., :1] == 0).any(), "black stays black"
    assert np.array_equal(picture, before)


@pytest.mark.parametrize("bright", [DARK, 180.0, 255.0])
def test_a_picture_in_good_light_is_handed_on_as_it_is(bright: float) -> None:
    picture = room(bright)
    exposure = Exposure(bright)
    assert exposure.gain == 1
    assert exposure.lighten(picture) is picture
    assert exposure.lighten(picture, into=np.empty_like(picture)) is picture


def test_the_result_goes_into_the_memory_that_is_given_if_it_fits() -> None:
    picture, memory = room(20), np.zeros((240, 320), np.uint8)
    lightened = Exposure(20).lighten(picture, into=memory)
    assert np.shares_memory(lightened, memory)
    assert np.array_equal(lightened, Exposure(20).lighten(picture))
    other = np.zeros((10, 10), np.uint8)
    assert np.array_equal(Exposure(20).lighten(picture, into=other), lightened)
    assert not other.any()


def test_small_pictures_are_lightened_in_the_same_memory_each_time() -> None:
    reducer, exposure = Reducer(), Exposure(20)
    first = reducer.lighten(room(20), exposure)
    second = reducer.lighten(room(20), exposure)
    assert np.shares_memory(first, second)
    bright = room(200)
    assert reducer.lighten(bright, Exposure(200)) is bright
    assert not np.shares_memory(reducer.lighten(room(20), exposure), bright)
    assert bright.max() == 200


@pytest.mark.parametrize(
    ("bright", "light"),
    [
        (0.0, Light.TOO_DARK),
        (TOO_DARK - 1, Light.TOO_DARK),
        (TOO_DARK, Light.DARK),
        (DARK - 1, Light.DARK),
        (DARK, Light.NORMAL),
        (255.0, Light.NORMAL),
    ],
)
def test_light_is_normal_dark_or_too_dark(bright: float, light: Light) -> None:
    assert Exposure(bright).light is light


def test_the_gain_is_bounded_and_never_darkens() -> None:
    gains = [Exposure(float(bright)).gain for bright in range(256)]
    assert gains == sorted(gains, reverse=True)
    assert gains[-1] == 1
    assert gains[0] <= 100
    assert not Exposure(0.0).lighten(np.zeros((5, 5), np.uint8)).any()


@pytest.mark.parametrize("deviation", [2.0, 5.0, 12.0, 30.0])
def test_noise_is_measured_within_fifteen_percent_whatever_it_lies_upon(deviation: float) -> None:
    assert noise_of(noisy(128, deviation, 240, 320)) == pytest.approx(deviation, rel=0.15)
    slope = np.linspace(60, 190, 320)[None, :] + np.zeros((240, 1))
    levels = np.clip(np.rint(slope + np.random.default_rng(4).normal(0, deviation, slope.shape)), 0, 255)
    assert noise_of(levels.astype(np.uint8)) == pytest.approx(deviation, rel=0.15)


@pytest.mark.parametrize("shape", [(1, 1), (2, 90), (90, 2), (3, 3)])
def test_what_is_smooth_or_tiny_has_no_noise(shape: tuple[int, int]) -> None:
    assert noise_of(np.full(shape, 90, np.uint8)) == 0
    assert noise_of(room(200)) < 1


@pytest.mark.parametrize("colour", [False, True])
def test_a_picture_with_little_noise_is_not_smoothed(colour: bool) -> None:
    picture = room(200, colour=colour)
    assert smooth(picture, 1.0) is picture


def test_a_noisy_picture_is_smoothed_the_more_the_noisier_it_is() -> None:
    grey = noisy(128, 20, 240, 320)
    some, more = smooth(grey, 10.0), smooth(grey, 20.0)
    assert noise_of(more) < noise_of(some) < noise_of(grey) / 2
    assert more.mean() == pytest.approx(128, abs=1)


def test_colour_is_smoothed_more_than_brightness_and_keeps_its_place() -> None:
    picture = noisy(100, 20, 240, 320, 3)
    picture[:, 160:, 2] = noisy(180, 20, 240, 160)
    smoothed = smooth(picture, 15.0).astype(float)
    assert smoothed.shape == picture.shape
    left, right = smoothed[:, :150], smoothed[:, 170:]
    assert right[..., 2].mean() - left[..., 2].mean() == pytest.approx(80, abs=4), "red stays where it was"
    brightness, red = left @ (0.114, 0.587, 0.299), left[..., 2]
    assert (red - brightness).std() < brightness.std()
    grey = noisy(100, 20, 240, 320)
    assert brightness.std() == pytest.approx(smooth(grey, 15.0).std() * 0.67, rel=0.2), "weighed over three channels"
