"""Judge how much light a picture has and correct the dark ones before faces are looked for.

OpenCV's cascade refuses every window whose grey levels deviate by less than 10, and the networks learned from pictures
in ordinary light. A gain mends both, but it raises the sensor's noise as well, which hides large faces from a network;
so the noise is measured and smoothed away, colour more strongly than brightness.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from edge.core.types import Light
from edge.inference.preprocess import noise_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DARK", "TARGET", "TOO_DARK", "Exposure", "measure", "noise_of", "smooth"]

TARGET = 200.0
"""Grey level to which the bright parts of a dark picture are raised."""
DARK = 100.0
"""A picture whose bright parts lie below this is corrected."""
TOO_DARK = 4.0
"""Below this, 1.5 % of ordinary light, an 8-bit picture has too few grey levels to show a face."""
_MOST_GAIN = 64.0
_BRIGHT = 0.99
"""Share of the pixels that are not brighter than the bright parts."""
_SPARSE = 4
"""Every fourth pixel of every fourth row is enough for the percentile."""
_BLUR_PER_NOISE = 0.1
"""Standard deviation of the smoothing in pixels, for each grey level of noise that the gain leaves."""
_LEAST_BLUR, _MOST_BLUR = 0.6, 2.0
_COLOUR_BLUR = 2.5
"""Colour is smoothed so many times as strongly as brightness: it carries more noise and less of a face."""


@dataclass(frozen=True)
class Exposure:
    """How bright a picture is: ``bright`` is the grey level, 0 to 255, that 99 % of its pixels do not exceed."""

    bright: float

    @property
    def light(self) -> Light:
        """How well the camera can see."""
        if self.bright < TOO_DARK:
            return Light.TOO_DARK
        return Light.DARK if self.bright < DARK else Light.NORMAL

    @property
    def gain(self) -> float:
        """The factor that raises the picture to ordinary brightness; 1 where it has that already."""
        return 1.0 if self.bright >= DARK else min(_MOST_GAIN, TARGET / max(self.bright, 1.0))

    def lighten(self, picture: NDArray[np.uint8], into: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """Return ``picture``, grey or BGR uint8, with the gain; the same array where there is none.

        ``into`` is an array of the same shape that may be overwritten with the result.
        """
        if self.gain <= 1.0:
            return picture
        if into is not None and into.shape == picture.shape:
            return cast("NDArray[np.uint8]", cv2.LUT(picture, self._table, dst=into))
        return cast("NDArray[np.uint8]", cv2.LUT(picture, self._table))

    @cached_property
    def _table(self) -> NDArray[np.uint8]:
        table: NDArray[np.uint8] = np.clip(np.arange(256) * self.gain, 0, 255).astype(np.uint8)
        return table


def measure(grey: NDArray[np.uint8]) -> Exposure:
    """Judge a grey picture ``(height, width)`` by every sixteenth of its pixels."""
    sample = np.ascontiguousarray(grey[::_SPARSE, ::_SPARSE])
    counts = cv2.calcHist([sample], [0], None, [256], [0, 256])
    return Exposure(float(np.searchsorted(np.cumsum(counts), _BRIGHT * sample.size)))


def smooth(colour: NDArray[np.uint8], noise: float) -> NDArray[np.uint8]:
    """Smooth a lightened picture according to its ``noise`` in grey levels; return one with little as it is."""
    blur = min(_MOST_BLUR, _BLUR_PER_NOISE * noise)
    if blur < _LEAST_BLUR:
        return colour
    if colour.ndim == 2:
        return cast("NDArray[np.uint8]", cv2.GaussianBlur(colour, (0, 0), blur))
    parts = cv2.cvtColor(colour, cv2.COLOR_BGR2YCrCb)
    fine, coarse = cv2.GaussianBlur(parts, (0, 0), blur), cv2.GaussianBlur(parts, (0, 0), blur * _COLOUR_BLUR)
    coarse[:, :, 0] = fine[:, :, 0]
    return cast("NDArray[np.uint8]", cv2.cvtColor(coarse, cv2.COLOR_YCrCb2BGR))
