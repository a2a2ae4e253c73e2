"""Reduction of frames to the small grey picture in which faces and motion are searched for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.core.types import Frame
    from edge.vision.light import Exposure


class Reducer:
    """Makes small grey pictures in a reused buffer: each is overwritten by the next."""

    def __init__(self) -> None:
        self._grey = np.empty((1, 1), np.uint8)
        self._small = np.empty((1, 1), np.uint8)
        self._colour = np.empty((1, 1, 3), np.uint8)
        self._light = np.empty((1, 1), np.uint8)

    def reduce(self, frame: Frame, width: int, *, careful: bool = True) -> NDArray[np.uint8]:
        """Return a grey picture ``(h, w)`` uint8 of at most ``width`` pixels across.

        The source's own small picture is used if it is large enough. ``careful`` averages all pixels, which costs
        1.5 ms at 1080p; otherwise each new pixel is interpolated from four, which costs the same at any size and is
        sufficient if another frame follows soon. Up to twice the size these four are all pixels, and one channel is
        reduced in half the time of three.
        """
        picture = frame.image
        if frame.small_grey is not None and frame.small_grey.shape[1] >= min(width, frame.width):
            picture = frame.small_grey
        height, full_width = picture.shape[:2]
        if full_width <= width:
            return self._to_grey(picture)
        size = (width, max(1, round(height * width / full_width)))
        how = cv2.INTER_AREA if careful else cv2.INTER_LINEAR
        if full_width <= 2 * width:
            picture = self._to_grey(picture)
        if picture.ndim == 2:
            self._small = cast("NDArray[np.uint8]", cv2.resize(picture, size, dst=self._small, interpolation=how))
            return self._small
        self._colour = cast("NDArray[np.uint8]", cv2.resize(picture, size, dst=self._colour, interpolation=how))
        return self._to_grey(self._colour)

    def lighten(self, grey: NDArray[np.uint8], exposure: Exposure) -> NDArray[np.uint8]:
        """Return the small picture ``(h, w)`` uint8 with its gain, in a reused buffer if the gain is not 1."""
        lightened = exposure.lighten(grey, into=self._light)
        if lightened is not grey:  # which may be the camera's own buffer and must not be overwritten
            self._light = lightened
        return lightened

    def _to_grey(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if picture.ndim == 2:
            return picture
        self._grey = cast("NDArray[np.uint8]", cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY, dst=self._grey))
        return self._grey


def width_for(width: int, height: int, min_face: float, smallest: float) -> int:
    """Return the width in pixels at which a face of ``min_face`` of the shorter side has ``smallest`` pixels."""
    factor = smallest / (min_face * min(width, height))
    return min(width, math.ceil(width * factor))
