"""Cropping of a face for the network's input, and reading of its output: pure functions, shared with ``converter``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.core.contrast import Contrast
    from edge.core.types import Box

PIXEL_SCALE = 1 / 255
"""Real value of one grey level in the network's float input, which spans 0 to 1."""
_DIAGONAL = math.sqrt(2)
"""Ratio of the upright square to the rotated square that it contains."""
_BACK_PROJECTION = 0.5
"""Share of the back-projection; more improves faces of 24 pixels, but is worse with noise and below 20 pixels
(PublicTest, docs/training.md)."""
_LAPLACIAN = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_TO_DEVIATION = math.sqrt(math.pi / 2) / 6
"""Factor from the filter's mean absolute response to the noise's standard deviation."""


def to_grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Convert BGR ``(height, width, 3)`` uint8 to grey ``(height, width)`` (ITU-R BT.601); grey stays unchanged."""
    return image if image.ndim == 2 else cast("NDArray[np.uint8]", cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))


def is_dark(crop: NDArray[Any], contrast: Contrast) -> bool:
    """Return whether ``contrast`` corrects ``crop`` ``(h, w)`` uint8 or float32: it is darker than ``below``."""
    return bool(np.count_nonzero(crop >= contrast.below) <= crop.size * (1 - contrast.high / 100))


def crop_face(
    image: NDArray[np.uint8], box: Box, *, margin: float, size: int, roll: float = 0.0, contrast: Contrast | None = None
) -> NDArray[np.uint8]:
    """Return the square around ``box`` as the network's input, grey ``(size, size)`` uint8.

    Args:
        image: ``(height, width)`` grey or ``(height, width, 3)`` BGR, uint8.
        box: the face; the square's side is the longer one.
        margin: share of that side that is added on every side.
        size: pixels a side of the result.
        roll: tilt of the head in degrees, positive if the eye on the right of the picture is lower; the crop is rotated
            back by it.
        contrast: how a dark crop is corrected; ``None`` leaves it dark.

    Outside the picture its border is repeated, so that a face at the edge keeps its scale.
    """
    side = max(1.0, max(box.width, box.height) * (1 + 2 * margin))
    crop: NDArray[np.uint8] = _cut(image, box.centre, side, size, roll=roll, fine=True)
    if contrast is None or not is_dark(crop, contrast):
        return crop
    # a dark face has few grey levels, but the means of its pixels have more
    levels = _cut(image, box.centre, side, size, roll=roll, kind=np.float32)
    # enlarging hides noise from the estimate but not from the network
    noise = noise_of(cut_square(image, box.centre, side, round(side))) if round(side) < size else None
    return stretch(levels, contrast, noise=noise)


def stretch(crop: NDArray[Any], contrast: Contrast, *, noise: float | None = None) -> NDArray[np.uint8]:
    """Correct a dark crop ``(size, size)``, uint8 or float32 grey levels, to uint8; only round a well-lit one.

    The gain also amplifies noise, from the sensor and from rounding to few grey levels; the crop is smoothed in
    proportion to it. ``noise`` is its standard deviation in grey levels of ``crop``, by default that of
    :func:`noise_of`.
    """
    if not is_dark(crop, contrast):
        unchanged: NDArray[np.uint8] = np.rint(crop).astype(np.uint8)
        return unchanged
    levels: NDArray[np.float32] = crop.astype(np.float32)
    low, gain = _low_and_gain(levels, contrast)
    blur = min(contrast.most_blur, contrast.blur * gain * (noise_of(levels) if noise is None else noise))
    if blur > 0 and blur >= contrast.least_blur:
        levels = np.asarray(cv2.GaussianBlur(levels, (0, 0), blur, borderType=cv2.BORDER_REPLICATE))
        low, gain = _low_and_gain(levels, contrast)
    corrected: NDArray[np.uint8] = np.clip(np.rint((levels - low) * gain), 0, 255).astype(np.uint8)
    return corrected


def noise_of(grey: NDArray[Any]) -> float:
    """Return the noise of ``grey`` ``(h, w)`` uint8 or float32: standard deviation in grey levels (Immerkær, 1996)."""
    if min(grey.shape) < 3:
        return 0.0
    answer = cv2.filter2D(grey, cv2.CV_32F, cast("Any", _LAPLACIAN))[1:-1, 1:-1]
    return float(np.abs(answer).mean() * _TO_DEVIATION)


def _low_and_gain(levels: NDArray[np.float32], contrast: Contrast) -> tuple[float, float]:
    """Return the grey level that becomes 0, and the gain."""
    ranks = [round((levels.size - 1) * percent / 100) for percent in (contrast.low, contrast.high)]
    low, high = np.partition(levels, ranks, axis=None)[ranks]
    return float(low), float(contrast.target / max(high - low, 1.0))


def _cut(
    image: NDArray[np.uint8],
    centre: tuple[float, float],
    side: float,
    size: int,
    *,
    roll: float,
    kind: type[Any] = np.uint8,
    fine: bool = False,
) -> NDArray[Any]:
    """Return a square of ``side`` pixels, rotated by ``roll`` degrees, as ``(size, size)`` grey of type ``kind``."""
    if not roll:
        return cut_square(image, centre, side, size, kind, fine=fine)
    wide = 2 * math.ceil(size * _DIAGONAL / 2)
    levels = cut_square(image, centre, side * wide / size, wide, kind, fine=fine)
    turn = np.asarray(cv2.getRotationMatrix2D(((wide - 1) / 2, (wide - 1) / 2), roll, 1.0), np.float64)
    turn[:, 2] -= (wide - size) / 2
    return np.asarray(cv2.warpAffine(levels, turn, (size, size), borderMode=cv2.BORDER_REPLICATE))


def cut_square(
    image: NDArray[np.uint8],
    centre: tuple[float, float],
    side: float,
    size: int,
    kind: type[Any] = np.uint8,
    *,
    fine: bool = False,
) -> NDArray[Any]:
    """Return the square of ``side`` pixels around ``centre`` as ``(size, size)`` grey levels of type ``kind``.

    ``image`` is ``(height, width)`` grey or ``(height, width, 3)`` BGR, uint8. Outside the picture its border is
    repeated. A square that is smaller than ``size`` is enlarged linearly, or more sharply if ``fine``, which amplifies
    noise.
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
        grey = _resize(grey, max(1, size - before - after), max(1, size - above - below), fine=fine)
        grey = np.asarray(cv2.copyMakeBorder(grey, above, below, before, after, cv2.BORDER_REPLICATE))
    return grey if grey.shape == (size, size) else _resize(grey, size, size, fine=fine)


def _resize(grey: NDArray[Any], width: int, height: int, *, fine: bool) -> NDArray[Any]:
    if width < grey.shape[1]:
        return np.asarray(cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA))
    return _enlarge(grey, width, height) if fine else np.asarray(cv2.resize(grey, (width, height)))


def _enlarge(grey: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Enlarge with a bicubic filter and one step of iterative back-projection (Irani and Peleg, 1991).

    The step adds a share of the difference to the input that remains when the result is reduced again.
    """
    levels = grey.astype(np.float32)
    large = np.asarray(cv2.resize(levels, (width, height), interpolation=cv2.INTER_CUBIC))
    missing = levels - cv2.resize(large, grey.shape[::-1], interpolation=cv2.INTER_AREA)
    back = np.asarray(cv2.resize(missing, (width, height), interpolation=cv2.INTER_CUBIC))
    enlarged: NDArray[np.uint8] = np.clip(np.rint(large + _BACK_PROJECTION * back), 0, 255).astype(np.uint8)
    return enlarged


def quantize(pixels: NDArray[np.uint8], *, scale: float, zero_point: int) -> NDArray[np.int8]:
    """Quantise grey levels 0..255 uint8 to the network's int8, same shape: ``pixel / 255 = scale * (q - zero_point)``.

    For ``scale = 1/255`` and ``zero_point = -128``, as in the contract, this is exactly ``pixel - 128``.
    """
    if zero_point == -128 and math.isclose(scale, PIXEL_SCALE, rel_tol=1e-4):
        flipped: NDArray[np.uint8] = np.bitwise_xor(pixels, np.uint8(0x80))
        return flipped.view(np.int8)
    real = pixels.astype(np.float32) * np.float32(PIXEL_SCALE)
    levels: NDArray[np.float32] = np.clip(np.rint(real / np.float32(scale)) + zero_point, -128, 127)
    return levels.astype(np.int8)


def dequantize(values: NDArray[Any], *, scale: float, zero_point: int) -> NDArray[np.float32]:
    """Return the real values, float32 of the same shape: ``scale * (q - zero_point)``."""
    return (values.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)


def read_logits(values: NDArray[np.int8], *, scale: float, zero_point: int, windows: int = 1) -> NDArray[np.float32]:
    """Return logits ``(..., k)`` of a head's output ``(..., windows * k)`` int8: ``scale * sum(q - zero_point)``.

    Each window has ``k`` values that count the levels of one part of the logits' range, from the lowest part up; one
    window is plain dequantisation. Summing integers first keeps the sum exact.
    """
    levels = values.reshape(*values.shape[:-1], windows, -1).sum(axis=-2, dtype=np.int32)
    return dequantize(levels, scale=scale, zero_point=windows * zero_point)


def probability_step(scale: float, *, temperature: float) -> float:
    """Return the largest change of a probability by a logit's step of ``scale``.

    The worst case is two equal classes with the others far below: the softmax is then the logistic function, which is
    steepest at one half.
    """
    return math.tanh(scale / temperature / 4)


def softmax(logits: NDArray[np.float32], *, temperature: float = 1.0) -> NDArray[np.float32]:
    """Return the probabilities ``(..., k)`` float32 over the last axis of ``logits / temperature``."""
    shifted = logits / np.float32(temperature)
    shifted -= shifted.max(axis=-1, keepdims=True)
    exponential: NDArray[np.float32] = np.exp(shifted)
    exponential /= exponential.sum(axis=-1, keepdims=True)
    return exponential
