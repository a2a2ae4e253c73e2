"""Find parts of a picture in which no face is marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge.core.types import Box
from tests.bench.scenes.scene_clip import VIEW_HEIGHT, VIEW_WIDTH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tests.bench.scenes.truth import MarkedPicture

LEAST_WIDTH = 480
_MARGIN = 0.6
"""Margin around each marked face, as a share of its size: half a head would not be face-free."""
_SHRINK, _STEPS = 0.9, 16


def face_free(picture: MarkedPicture, image: NDArray[np.uint8]) -> Box | None:
    """Return the largest 16:9 window without a marked face, at least 480 pixels wide; the most detailed of several."""
    if not picture.faces:
        return next(_sizes(picture.width, picture.height, least=1), None)
    heads = [face.box.expanded(_MARGIN) for face in picture.faces]
    for size in _sizes(picture.width, picture.height, LEAST_WIDTH):
        free = [
            window
            for window in _places(size, picture.width, picture.height)
            if not any(_meet(window, head) for head in heads)
        ]
        if free:
            return max(free, key=lambda window: _detail(image, window))
    return None


def cut(image: NDArray[np.uint8], window: Box) -> NDArray[np.uint8]:
    """Return the part of the picture in the window."""
    x, y, width, height = window.rounded()
    return image[y : y + height, x : x + width]


def _sizes(width: int, height: int, least: int) -> Iterator[Box]:
    """Yield windows of the view's shape from the largest in the picture to the smallest allowed."""
    wide = min(float(width), height * VIEW_WIDTH / VIEW_HEIGHT)
    while wide >= least:
        high = wide * VIEW_HEIGHT / VIEW_WIDTH
        yield Box((width - wide) / 2, (height - high) / 2, wide, high)
        wide *= _SHRINK


def _places(size: Box, width: int, height: int) -> Iterator[Box]:
    for row in np.linspace(0, height - size.height, _STEPS + 1):
        for column in np.linspace(0, width - size.width, _STEPS + 1):
            yield Box(float(column), float(row), size.width, size.height)


def _meet(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def _detail(image: NDArray[np.uint8], window: Box) -> float:
    grey = cv2.cvtColor(cut(image, window), cv2.COLOR_BGR2GRAY)
    return float(np.asarray(grey).std())
