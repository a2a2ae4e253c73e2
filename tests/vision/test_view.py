from __future__ import annotations

import numpy as np
import pytest

from edge.core.types import Box, Frame
from edge.vision.light import TARGET, Exposure, measure, noise_of
from edge.vision.view import FrameView


def view(image: np.ndarray, width: int = 320) -> FrameView:
    small = np.ascontiguousarray(image[:: image.shape[1] // width, :: image.shape[1] // width])
    grey = small if small.ndim == 2 else small[..., 1]
    exposure = measure(grey)
    return FrameView(Frame(image, 5_000_000, 0), exposure.lighten(grey), exposure)


def colours(height: int, width: int, brightest: float) -> np.ndarray:
    """Return a picture whose green grows to the right, and whose red downwards."""
    image = np.zeros((height, width, 3))
    image[..., 1] = np.linspace(0, brightest, width)[None, :]
    image[..., 2] = np.linspace(0, brightest, height)[:, None]
    levels: np.ndarray = np.rint(image).astype(np.uint8)
    return levels


def test_its_scale_leads_back_to_the_frame() -> None:
    seen = view(colours(720, 1280, 200))
    assert seen.scale == 4
    assert seen.now_ns == 5_000_000


@pytest.mark.parametrize("brightest", [200, 20])
def test_the_whole_picture_is_reduced_and_lightened_in_colour(brightest: int) -> None:
    image = colours(720, 1280, brightest)
    before = image.copy()
    whole = view(image).whole(640, colour=True)
    assert whole.shape == (360, 640, 3)
    assert whole.dtype == np.uint8
    expected = TARGET if brightest < 100 else brightest
    assert whole[:, -1, 1].mean() == pytest.approx(expected, rel=0.06)
    assert whole[-1, :, 2].mean() == pytest.approx(expected, rel=0.06)
    assert whole[..., 0].max() < 0.1 * expected
    assert np.array_equal(image, before)


def test_nothing_is_enlarged() -> None:
    assert view(colours(240, 320, 200)).whole(640, colour=True).shape == (240, 320, 3)
    assert view(colours(240, 320, 200)[..., 1].copy()).whole(640, colour=True).shape == (240, 320)


def test_the_small_grey_picture_serves_where_it_is_as_wide_as_asked() -> None:
    seen = view(colours(720, 1280, 20))
    assert seen.whole(320, colour=False) is seen.grey
    wider = seen.whole(640, colour=False)
    assert wider.shape == (360, 640)
    assert np.percentile(wider, 99) == pytest.approx(np.percentile(seen.grey, 99), rel=0.3)
    assert seen.whole(320, colour=True).shape == (180, 320, 3)


def test_a_careful_reduction_takes_the_mean_of_all_pixels() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (720, 1280, 3)).astype(np.uint8)
    careful, quick = (view(noise).whole(160, colour=True, careful=careful) for careful in (True, False))
    assert careful.astype(float).std() < 0.4 * quick.astype(float).std()


def test_noise_that_a_gain_raised_is_smoothed_and_other_noise_is_not() -> None:
    chance = np.random.default_rng(2)
    dark = np.clip(np.rint(chance.normal(10, 2, (360, 640, 3))), 0, 255).astype(np.uint8)
    bright = np.clip(np.rint(chance.normal(130, 20, (360, 640, 3))), 0, 255).astype(np.uint8)
    seen = view(dark)
    raised = seen.exposure.lighten(dark)
    assert noise_of(raised[..., 1]) > 15
    assert noise_of(seen.whole(640, colour=True)[..., 1]) < 0.3 * noise_of(raised[..., 1])
    assert np.array_equal(view(bright).whole(640, colour=True), bright)


def test_a_dark_picture_with_little_noise_stays_sharp() -> None:
    image = colours(360, 640, 20)
    seen = FrameView(Frame(image, 0, 0), image[..., 1], Exposure(50.0))
    assert np.array_equal(seen.whole(640, colour=True), seen.exposure.lighten(image))


@pytest.mark.parametrize(("brightness", "smoothed"), [(1.0, False), (0.1, True)])
def test_noise_is_smoothed_in_the_dark_alone(brightness: float, *, smoothed: bool) -> None:
    rng = np.random.default_rng(1)
    image = np.clip(np.tile(np.linspace(0, 220, 640), (480, 1)) * brightness + rng.normal(0, 3, (480, 640)), 0, 255)
    seen = view(np.rint(image).astype(np.uint8), 640)
    gain = seen.exposure.gain
    assert (gain > 2) is smoothed
    area = Box(200, 100, 320, 240)
    for made in (seen.whole(640, colour=False), seen.cut(area, 1.0, colour=False)):
        left = noise_of(made) / gain
        assert left < 2 if smoothed else left == pytest.approx(3, rel=0.1)


def test_a_part_is_never_less_than_a_pixel_wide() -> None:
    assert view(colours(480, 640, 200)).cut(Box(100, 100, 4, 4), 0.01, colour=False).shape == (1, 1)
