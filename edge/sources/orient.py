"""Puts frames upright as the mounting asks: one place for all sources."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import cv2

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge.types import Frame

_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def orient(frame: Frame, *, rotation: int, mirror: bool) -> Frame:
    """``frame`` turned clockwise by ``rotation`` degrees (0, 90, 180, 270), then mirrored left to right."""
    if not rotation and not mirror:
        return frame
    small = None if frame.small_grey is None else _orient(frame.small_grey, rotation, mirror=mirror)
    return replace(frame, image=_orient(frame.image, rotation, mirror=mirror), small_grey=small)


def _orient(image: NDArray[np.uint8], rotation: int, *, mirror: bool) -> NDArray[np.uint8]:
    turned = cv2.rotate(image, _TURNS[rotation]) if rotation else image
    return cast("NDArray[np.uint8]", cv2.flip(turned, 1) if mirror else turned)
