"""From a face's box to the network's input and back from its output: pure functions, shared with ``converter``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.types import Box

PIXEL_SCALE = 1 / 255
"""Real value of one grey level in the network's float input, which spans 0 to 1."""
_DIAGONAL = math.sqrt(2)
"""A square that is cut at an angle comes out of one that is this much larger."""


def to_grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey ``(height, width)`` of a BGR ``(height, width, 3)`` picture (ITU-R BT.601); a grey one passes through."""
    return image if image.ndim == 2 else cast("NDArray[np.uint8]", cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))


@dataclass(frozen=True, slots=True)
class Contrast:
    """Correct a dark crop: map its percentiles ``low`` and ``high`` to 0 and ``target`` grey levels.

    It applies only where the percentile ``high`` lies below ``below``, so that a crop in good light stays as it is.
    """

    low: float = 1.0
    high: float = 99.0
    below: float = 100.0
    target: float = 220.0

    def corrects(self, crop: NDArray[Any]) -> bool:
        """Return whether ``crop`` is dark: its percentile ``high`` lies below ``below``."""
        return bool(np.count_nonzero(crop >= self.below) <= crop.size * (1 - self.high / 100))


def crop_face(
    image: NDArray[np.uint8], box: Box, *, margin: float, size: int, roll: float = 0.0, contrast: Contrast | None = None
) -> NDArray[np.uint8]:
    """Cut a square around ``box`` out of ``image`` as the network's input, grey ``(size, size)`` uint8.

    Args:
        image: ``(height, width)`` grey or ``(height, width, 3)`` BGR, uint8.
        box: the face; the square's side is the longer one.
        margin: share of that side that is added on every side.
        size: pixels a side of the result.
        roll: tilt of the head in degrees, positive where the picture's right-hand eye is lower; the crop is turned back
            by it.
        contrast: how a dark crop is corrected; ``None`` leaves it dark.

    What lies outside the picture repeats its border, so that a face at the edge keeps its scale.
    """
    side = max(1.0, max(box.width, box.height) * (1 + 2 * margin))
    crop: NDArray[np.uint8] = _cut(image, box.centre, side, size, roll=roll)
    if contrast is None or not contrast.corrects(crop):
        return crop
    # a dark face has few grey levels: the means of its pixels have more
    return stretch(_cut(image, box.centre, side, size, roll=roll, kind=np.float32), contrast)


def stretch(crop: NDArray[Any], contrast: Contrast) -> NDArray[np.uint8]:
    """Correct a dark crop ``(size, size)``, uint8 or float32 grey levels; one in good light is only rounded."""
    if not contrast.corrects(crop):
        unchanged: NDArray[np.uint8] = np.rint(crop).astype(np.uint8)
        return unchanged
    low, high = np.percentile(crop, (contrast.low, contrast.high))
    levels: NDArray[np.float32] = (crop.astype(np.float32) - np.float32(low)) * np.float32(
        contrast.target / max(high - low, 1.0)
    )
    corrected: NDArray[np.uint8] = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return corrected


def _cut(
    image: NDArray[np.uint8],
    centre: tuple[float, float],
    side: float,
    size: int,
    *,
    roll: float,
    kind: type[Any] = np.uint8,
) -> NDArray[Any]:
    """Cut a square of ``side`` pixels, turned by ``roll`` degrees, as ``(size, size)`` grey levels of type ``kind``."""
    if not roll:
        return cut_square(image, centre, side, size, kind)
    wide = 2 * math.ceil(size * _DIAGONAL / 2)
    levels = cut_square(image, centre, side * wide / size, wide, kind)
    turn = np.asarray(cv2.getRotationMatrix2D(((wide - 1) / 2, (wide - 1) / 2), roll, 1.0), np.float64)
    turn[:, 2] -= (wide - size) / 2
    return np.asarray(cv2.warpAffine(levels, turn, (size, size), borderMode=cv2.BORDER_REPLICATE))


def cut_square(
    image: NDArray[np.uint8], centre: tuple[float, float], side: float, size: int, kind: type[Any] = np.uint8
) -> NDArray[Any]:
    """Cut a square of ``side`` pixels about ``centre`` out of ``image``.

    Returns ``(size, size)`` grey levels of type ``kind``. What lies outside the picture repeats its border.
    """
    left, top = (round(middle - side / 2) for middle in centre)
    length = max(1, round(side))
    right, bottom = left + length, top + length
    height, width = image.shape[:2]
    inner = image[
        min(max(top, 0), height - 1) : max(min(bottom, height), 1),
        min(max(left, 0), width - 1) : max(min(right, width), 1),
    ]
    grey = to_grey(inner).astype(kind, copy=False)
    scale = size / length
    if left < 0 or top < 0 or right > width or bottom > height:
        # shrink before padding, so that a huge box near a corner costs no more than the picture itself
        outside = (-top, bottom - height, -left, right - width)
        above, below, before, after = (min(max(0, round(pad * scale)), size - 1) for pad in outside)
        grey = _resize(grey, max(1, size - before - after), max(1, size - above - below))
        grey = np.asarray(cv2.copyMakeBorder(grey, above, below, before, after, cv2.BORDER_REPLICATE))
    return grey if grey.shape == (size, size) else _resize(grey, size, size)


def _resize(grey: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    smaller = width < grey.shape[1]
    return np.asarray(cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR))


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
