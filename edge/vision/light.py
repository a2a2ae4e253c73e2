"""Measurement of a picture's light, and correction of dark pictures before the search for faces.

OpenCV's cascade rejects every window whose grey levels deviate by less than 10, and the networks were trained on
pictures in normal light. A gain corrects both, but it also amplifies the sensor's noise, which hides large faces from a
network. Therefore the noise is measured and smoothed, in colour more strongly than in brightness.
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
"""Grey level of the bright parts of a dark picture after correction."""
DARK = 100.0
"""Grey level of the bright parts below which a picture is corrected."""
TOO_DARK = 4.0
"""Grey level, 1.5 % of full scale, below which an 8-bit picture has too few levels to show a face."""
_MOST_GAIN = 64.0
_BRIGHT = 0.99
"""Percentile of the bright parts, as a share of the pixels."""
_SPARSE = 4
"""Step between sampled pixels and rows, which is fine enough for the percentile."""
_BLUR_PER_NOISE = 0.1
"""Standard deviation of the smoothing, in pixels per grey level of amplified noise."""
_LEAST_BLUR, _MOST_BLUR = 0.6, 2.0
_COLOUR_BLUR = 2.5
"""Ratio of the smoothing of colour to that of brightness: colour has more noise and less detail of a face."""


@dataclass(frozen=True)
class Exposure:
    """Brightness of a picture: ``bright`` is the grey level, 0 to 255, that 99 % of its pixels do not exceed."""

    bright: float

    @property
    def light(self) -> Light:
        """Return the class of light."""
        if self.bright < TOO_DARK:
            return Light.TOO_DARK
        return Light.DARK if self.bright < DARK else Light.NORMAL

    @property
    def gain(self) -> float:
        """Return the gain that gives the picture normal brightness, 1 if it already has it."""
        return 1.0 if self.bright >= DARK else min(_MOST_GAIN, TARGET / max(self.bright, 1.0))

    def lighten(self, picture: NDArray[np.uint8], into: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """Return ``picture``, grey ``(h, w)`` or BGR ``(h, w, 3)`` uint8, with the gain; the same array if it is 1.

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
    """Measure a grey picture ``(height, width)`` uint8 by every sixteenth of its pixels."""
    sample = np.ascontiguousarray(grey[::_SPARSE, ::_SPARSE])
    counts = cv2.calcHist([sample], [0], None, [256], [0, 256])
    return Exposure(float(np.searchsorted(np.cumsum(counts), _BRIGHT * sample.size)))


def smooth(colour: NDArray[np.uint8], noise: float) -> NDArray[np.uint8]:
    """Smooth a lightened picture, grey ``(h, w)`` or BGR ``(h, w, 3)`` uint8, in proportion to its ``noise``.

    ``noise`` is a standard deviation in grey levels; a picture with little noise is returned unchanged.
    """
    blur = min(_MOST_BLUR, _BLUR_PER_NOISE * noise)
    if blur < _LEAST_BLUR:
        return colour
    if colour.ndim == 2:
        return cast("NDArray[np.uint8]", cv2.GaussianBlur(colour, (0, 0), blur))
    parts = cv2.cvtColor(colour, cv2.COLOR_BGR2YCrCb)
    fine, coarse = cv2.GaussianBlur(parts, (0, 0), blur), cv2.GaussianBlur(parts, (0, 0), blur * _COLOUR_BLUR)
    coarse[:, :, 0] = fine[:, :, 0]
    return cast("NDArray[np.uint8]", cv2.cvtColor(coarse, cv2.COLOR_YCrCb2BGR))
