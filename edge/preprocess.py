"""From a face's box to the network's input and back from its output: pure functions, shared with ``converter``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.types import Box

PIXEL_SCALE = 1 / 255
"""Real value of one grey level in the network's float input, which spans 0 to 1."""


def to_grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey ``(height, width)`` of a BGR ``(height, width, 3)`` picture (ITU-R BT.601); a grey one passes through."""
    return image if image.ndim == 2 else cast("NDArray[np.uint8]", cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))


def crop_face(image: NDArray[np.uint8], box: Box, *, margin: float, size: int) -> NDArray[np.uint8]:
    """Cut a square around ``box`` out of ``image``, grey, ``(size, size)`` uint8.

    The square's side is the box's longer side grown by ``margin`` of itself on every side. What lies outside the
    picture repeats its border, as a face at the edge keeps its scale.
    """
    side = max(1.0, max(box.width, box.height) * (1 + 2 * margin))
    centre_x, centre_y = box.centre
    left, top = round(centre_x - side / 2), round(centre_y - side / 2)
    length = max(1, round(side))
    right, bottom = left + length, top + length
    height, width = image.shape[:2]
    inner = image[
        min(max(top, 0), height - 1) : max(min(bottom, height), 1),
        min(max(left, 0), width - 1) : max(min(right, width), 1),
    ]
    grey = to_grey(inner)
    scale = size / length
    if left < 0 or top < 0 or right > width or bottom > height:
        # shrink before padding, so that a huge box near a corner costs no more than the picture itself
        outside = (-top, bottom - height, -left, right - width)
        above, below, before, after = (min(max(0, round(pad * scale)), size - 1) for pad in outside)
        grey = _resize(grey, max(1, size - before - after), max(1, size - above - below))
        grey = cast("NDArray[np.uint8]", cv2.copyMakeBorder(grey, above, below, before, after, cv2.BORDER_REPLICATE))
    return grey if grey.shape == (size, size) else _resize(grey, size, size)


def _resize(grey: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    smaller = width < grey.shape[1]
    interpolation = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cast("NDArray[np.uint8]", cv2.resize(grey, (width, height), interpolation=interpolation))


def quantize(pixels: NDArray[np.uint8], *, scale: float, zero_point: int) -> NDArray[np.int8]:
    """Grey levels 0..255 as the int8 that the network takes: ``pixel / 255 = scale * (q - zero_point)``.

    With the contract's own ``scale = 1/255`` and ``zero_point = -128`` this is exactly ``pixel - 128``.
    """
    if zero_point == -128 and math.isclose(scale, PIXEL_SCALE, rel_tol=1e-4):
        flipped: NDArray[np.uint8] = np.bitwise_xor(pixels, np.uint8(0x80))
        return flipped.view(np.int8)
    real = pixels.astype(np.float32) * np.float32(PIXEL_SCALE)
    levels: NDArray[np.float32] = np.clip(np.rint(real / np.float32(scale)) + zero_point, -128, 127)
    return levels.astype(np.int8)


def dequantize(values: NDArray[Any], *, scale: float, zero_point: int) -> NDArray[np.float32]:
    """Real values of int8 ones: ``scale * (q - zero_point)``."""
    return (values.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)


def read_logits(values: NDArray[np.int8], *, scale: float, zero_point: int, windows: int = 1) -> NDArray[np.float32]:
    """Logits ``(..., 7)`` of a head's output ``(..., windows * 7)`` int8: ``scale * sum(q - zero_point)``.

    Each window is seven values that count the levels of one part of the logits' range, from the lowest part up; one
    window is plain dequantisation. Counting in whole numbers first keeps the sum exact.
    """
    levels = values.reshape(*values.shape[:-1], windows, -1).sum(axis=-2, dtype=np.int32)
    return dequantize(levels, scale=scale, zero_point=windows * zero_point)


def probability_step(scale: float, *, temperature: float) -> float:
    """The most that a logit's step of ``scale`` can move a probability.

    Two classes that are level, the others far below: then the softmax is the logistic function, steepest around one
    half.
    """
    return math.tanh(scale / temperature / 4)


def softmax(logits: NDArray[np.float32], *, temperature: float = 1.0) -> NDArray[np.float32]:
    """Probabilities over the last axis of ``logits / temperature``."""
    shifted = logits / np.float32(temperature)
    shifted -= shifted.max(axis=-1, keepdims=True)
    exponential: NDArray[np.float32] = np.exp(shifted)
    exponential /= exponential.sum(axis=-1, keepdims=True)
    return exponential
