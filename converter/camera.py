"""Simulation of a cheap camera: faces of any size, in any light, with sensor noise, rounded to 8 bit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge.core.contrast import Contrast
from edge.core.types import Box
from edge.inference.preprocess import crop_face

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHOT, READ = 0.15, 2.0
"""Variance of a cheap sensor's noise: per grey level of signal, and constant."""
_GREY_OF_COLOUR = 1.6
"""Divisor of the noise's deviation in grey, a weighted mean of three channels."""


def photograph(
    picture: NDArray[np.uint8], size: int, light: float, generator: np.random.Generator | None
) -> NDArray[np.uint8]:
    """Return the face ``picture`` ``(n, n)`` uint8 grey as seen by a camera, ``(size, size)`` uint8.

    ``light`` is the share of the light that remains; with a ``generator`` the sensor adds noise.
    """
    kind = cv2.INTER_AREA if size < len(picture) else cv2.INTER_CUBIC
    sized = picture if size == len(picture) else cv2.resize(picture, (size, size), interpolation=kind)
    signal = sized.astype(np.float32) * np.float32(light)
    if generator is not None:
        deviation = np.sqrt(SHOT * signal + READ) / _GREY_OF_COLOUR
        signal += deviation * generator.standard_normal(signal.shape, np.float32)
    photographed: NDArray[np.uint8] = np.clip(np.rint(signal), 0, 255).astype(np.uint8)
    return photographed


@dataclass(frozen=True, slots=True)
class CameraSimulation:
    """Shows a ``share`` of the faces small, dark or noisy, corrected like on the device.

    Sizes and lights are drawn evenly on a logarithmic scale. Half of these faces have another size than the picture,
    half are dark, and half have noise, independently of each other.
    """

    share: float
    sizes: tuple[int, int] = (16, 96)
    lights: tuple[float, float] = (0.02, 1.0)
    contrast: Contrast = field(default_factory=Contrast)

    def show(self, pixels: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
        """Return ``pixels`` ``(n, s, s)`` uint8 grey as seen by the device, determined by ``seed``."""
        generator = np.random.default_rng(seed)
        affected = np.flatnonzero(generator.random(len(pixels)) < self.share)
        shown = pixels.copy()
        own = pixels.shape[-1]
        for row in affected:
            is_sized, is_dark, is_noisy = generator.random(3) < 0.5
            size = round(self._between(self.sizes, generator)) if is_sized else own
            light = self._between(self.lights, generator) if is_dark else 1.0
            photographed = photograph(pixels[row], size, light, generator if is_noisy else None)
            shown[row] = crop_face(photographed, Box(0, 0, size, size), margin=0.0, size=own, contrast=self.contrast)
        return shown

    @staticmethod
    def _between(bounds: tuple[float, float], generator: np.random.Generator) -> float:
        low, high = bounds
        return float(low * (high / low) ** generator.random())
