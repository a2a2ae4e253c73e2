"""Rotation, mirroring and conversion to grey of frames, for all sources."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import cv2

from edge.core.types import Box

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge.core.types import Frame

_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def orient(frame: Frame, *, rotation: int, mirror: bool) -> Frame:
    """Rotate ``frame`` clockwise by ``rotation`` degrees (0, 90, 180, 270), then mirror it left to right if asked."""
    if not rotation and not mirror:
        return frame
    small = None if frame.small_grey is None else _orient(frame.small_grey, rotation, mirror=mirror)
    return replace(frame, image=_orient(frame.image, rotation, mirror=mirror), small_grey=small)


def as_mounted(box: Box, width: int, height: int, *, rotation: int, mirror: bool) -> Box:
    """Undo :func:`orient` for a ``box`` of the upright picture, which is ``width`` x ``height`` pixels."""
    if mirror:
        box = Box(width - box.x - box.width, box.y, box.width, box.height)
    match rotation:
        case 90:
            return Box(box.y, width - box.x - box.width, box.height, box.width)
        case 180:
            return Box(width - box.x - box.width, height - box.y - box.height, box.width, box.height)
        case 270:
            return Box(height - box.y - box.height, box.x, box.height, box.width)
        case _:
            return box


def without_colour(frame: Frame) -> Frame:
    """Convert the picture of ``frame`` to (h, w) grey uint8; one that is grey already is returned unchanged."""
    if frame.image.ndim == 2:
        return frame
    return replace(frame, image=cast("NDArray[np.uint8]", cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY)))


def _orient(image: NDArray[np.uint8], rotation: int, *, mirror: bool) -> NDArray[np.uint8]:
    turned = cv2.rotate(image, _TURNS[rotation]) if rotation else image
    return cast("NDArray[np.uint8]", cv2.flip(turned, 1) if mirror else turned)
