"""Views of one frame for the search for faces: the whole picture and a small, lightened grey one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import cv2

from edge.inference.preprocess import to_grey
from edge.vision import light

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge.core.types import Box, Frame
    from edge.vision.light import Exposure


@dataclass(frozen=True, slots=True, eq=False)
class FrameView:
    """A frame with its small picture ``grey`` ``(height, width)`` uint8, which is already lightened by ``exposure``."""

    frame: Frame
    grey: NDArray[np.uint8]
    exposure: Exposure

    @property
    def scale(self) -> float:
        """Return the number of the frame's pixels per pixel of the small picture."""
        return self.frame.width / int(self.grey.shape[1])

    @property
    def now_ns(self) -> int:
        """Return the frame's time in nanoseconds."""
        return self.frame.monotonic_ns

    def whole(self, width: int, *, colour: bool, careful: bool = True) -> NDArray[np.uint8]:
        """Return the whole picture, uint8 of at most ``width`` pixels across, lightened; smoothed if the gain is not 1.

        ``colour`` selects BGR ``(h, w, 3)`` if the frame has it, otherwise grey ``(h, w)``. ``careful`` averages all
        pixels.
        """
        if not colour and width == self.grey.shape[1]:
            small = self.grey
        else:
            picture = self.exposure.lighten(self.frame.image if colour else to_grey(self.frame.image))
            small = _reduced(picture, width, careful=careful)
        return small if self.exposure.gain <= 1.0 else light.smooth(small, light.noise_of(to_grey(small)))

    def cut(self, area: Box, scale: float, *, colour: bool) -> NDArray[np.uint8]:
        """Return ``area``, in whole pixels of the frame, scaled by ``scale`` and lightened as by :meth:`whole`."""
        left, top, width, height = area.rounded()
        part = self.frame.image[top : top + height, left : left + width]
        picture = self.exposure.lighten(part if colour else to_grey(part))
        small = _reduced(picture, max(1, round(width * scale)), careful=False)
        return small if self.exposure.gain <= 1.0 else light.smooth(small, light.noise_of(to_grey(small)))

    def part(self, area: Box, zoom: float, *, full: bool) -> tuple[NDArray[np.uint8], int, int]:
        """Return ``area`` as grey ``(h, w)`` uint8, scaled by ``zoom``, and the left and top pixel at which it begins.

        ``area`` is in pixels of the frame if ``full``, and of the small picture otherwise.
        """
        picture = self.frame.image if full else self.grey
        left, top = (max(0, round(value)) for value in (area.x, area.y))
        right, bottom = (max(0, round(value)) for value in (area.x + area.width, area.y + area.height))
        cut = picture[top:bottom, left:right]
        if min(cut.shape[:2]) < 2:
            return cut[:0, :0, ...] if cut.ndim == 2 else cut[:0, :0, 0], left, top
        grey = to_grey(cut)
        if full:
            grey = self.exposure.lighten(grey)
        if zoom != 1.0:
            size = (max(2, round(grey.shape[1] * zoom)), max(2, round(grey.shape[0] * zoom)))
            grey = cast("NDArray[np.uint8]", cv2.resize(grey, size, interpolation=cv2.INTER_AREA))
        return grey, left, top


def _reduced(picture: NDArray[np.uint8], width: int, *, careful: bool) -> NDArray[np.uint8]:
    height, full_width = picture.shape[:2]
    if full_width <= width:
        return picture
    size = (width, max(1, round(height * width / full_width)))
    how = cv2.INTER_AREA if careful else cv2.INTER_LINEAR
    return cast("NDArray[np.uint8]", cv2.resize(picture, size, interpolation=how))
