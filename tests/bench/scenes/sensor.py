"""Simulate a cheap camera sensor: less light, and the shot noise that comes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from zlib import crc32

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GAIN, _FLOOR = 0.15, 2.0
"""Variance of a grey value per grey value, and at black."""
_SPARE = 97
"""Margin in pixels of the noise, which is drawn once; a random part of it is used for each frame."""


def seed_of(*words: object) -> int:
    """Return the same seed for the same words on every machine."""
    return crc32(" ".join(str(word) for word in words).encode())


class Sensor:
    """Expose pictures of one size; the same ``seed`` gives the same noise."""

    def __init__(self, width: int, height: int, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._noise = self._random.standard_normal((height + _SPARE, width + _SPARE, 3), np.float32)
        self._width, self._height = width, height

    def expose(self, image: NDArray[np.uint8], light: float = 1.0) -> NDArray[np.uint8]:
        """Take the picture at ``light`` (1: full), with fresh noise of variance ``0.15 * value + 2``."""
        value = np.arange(256, dtype=np.float32) * light
        # cv2 rounds where a sensor's converter cuts off
        mean = cv2.LUT(image, value - 0.5)
        spread = cv2.LUT(image, np.sqrt(value * _GAIN + _FLOOR, dtype=np.float32))
        y, x = self._random.integers(0, _SPARE, 2)
        noise = self._noise[y : y + self._height, x : x + self._width]
        cv2.multiply(spread, noise, dst=spread)
        return cast("NDArray[np.uint8]", cv2.add(mean, spread, dtype=cv2.CV_8U))
