"""BlazeFace, the short range model, as a face detector (Bazarevsky et al., 2019, arXiv:1907.05047; Apache-2.0).

The network sees 128 by 128 pixels and finds faces from a fifth of that side on. Wider searches therefore look at the
whole picture first and then, level by level, at overlapping squares of half the side. Anchors, decoding, the limit of
overlap and the weighting follow MediaPipe's published options for ``face_detection_short_range``: four layers of
strides 8, 16, 16 and 16 with two anchors of unit size each, coordinates in 128ths, borders black.

Its boxes end at the brows; the classifier was trained on the framing of OpenCV's frontal cascade. On 1,500 pictures of
FER2013's training rows (every nineteenth, three times as large, with a border of half their side) both found the same
face 1,153 times: the cascade's side was 1.134 times as long (standard deviation 0.124), its centre 0.096 sides higher
(0.060) and 0.003 to the right (0.082). Boxes leave here in that framing.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge.core.types import Box, Detection
from edge.inference.manifest import published_file
from edge.vision.litert import import_runtime, interpreter_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FILE = "blazeface-short-range.tflite"
SHA256 = "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633"
COMMAND = "face-edge models add blazeface"

SIDE = 128
_GRIDS = ((16, 2), (8, 6))
"""Cells along a side and anchors in each: stride 8 once, stride 16 three times over."""
_OVERLAP = 0.3
_LARGEST_LOGIT = 80.0
"""Beyond it the logistic function is 1 in single precision, and its exponential overflows."""
_SMALLEST = 0.2
"""Share of the side from which on faces are found: 83 % of FER2013's pictures are at 0.2 and 99 % at 0.3, where a
picture is somewhat wider than the face in it; 4 % at 0.15."""
_SCALE, _RIGHT, _UP = 1.134, 0.003, 0.096
_MOST_LEVELS = 4


class BlazeFaceDetector:
    """Searches a grey picture for faces from ``min_face`` of its shorter side on, but see ``levels``.

    ``levels`` is how often the searched squares are halved, the whole picture being the first level; ``None`` takes as
    many as ``min_face`` needs, four at most. ``confidence``, 0 to 1, is what a face must score; MediaPipe asks for 0.5,
    but the smaller squares show what is no face as large as one, and sleeves and badges then score up to 0.54.

    Raises:
        ModelError: the file is missing or not the published one; the message has the command that gets it.
        HardwareUnavailable: no inference runtime is installed.
    """

    name = "blazeface"
    colour = False
    smallest = 24.0

    def __init__(
        self,
        path: Path,
        *,
        min_face: float,
        confidence: float = 0.6,
        levels: int | None = 2,
        threads: int = 1,
        runtime: str = "auto",
    ) -> None:
        self._min_face = min_face
        self._least_logit = math.log(confidence / (1 - confidence))
        self._levels = _MOST_LEVELS if levels is None else levels
        _, module = import_runtime(runtime)
        self._interpreter: Any = interpreter_of(
            module, published_file(path, detector="blazeface", sha256=SHA256, command=COMMAND), threads, path
        )
        self._input = int(self._interpreter.get_input_details()[0]["index"])
        outputs = {tensor["name"]: int(tensor["index"]) for tensor in self._interpreter.get_output_details()}
        self._boxes, self._scores = outputs["regressors"], outputs["classificators"]
        self._pixels = np.empty((1, SIDE, SIDE, 3), np.float32)

    def detect(self, picture: NDArray[np.uint8], *, sizes: tuple[float, float] | None = None) -> list[Detection]:
        """Return faces in pixels of ``picture`` ``(height, width)`` uint8 grey, cut at its borders, largest first."""
        grey = picture
        height, width = grey.shape
        smallest = max(1, round(min(grey.shape) * self._min_face if sizes is None else sizes[0]))
        squares = _squares(width, height, self._levels, smallest)
        found = np.concatenate([self._search(grey, square) for square in squares])
        boxes = [_framed(corners, width, height) for corners in merge(found, _OVERLAP)]
        kept = [box for box in boxes if max(box.width, box.height) >= smallest and min(box.width, box.height) > 0]
        return [Detection(box) for box in sorted(kept, key=lambda box: (-box.area, box.x, box.y))]

    def _search(self, grey: NDArray[np.uint8], square: tuple[int, int, int]) -> NDArray[np.float32]:
        """``(n, 5)``: left, top, right and bottom in pixels of ``grey`` and the score, of faces within ``square``."""
        left, top, side = square
        height, width = grey.shape
        self._show(grey, left, top, side)
        self._interpreter.invoke()
        logits = self._interpreter.get_tensor(self._scores)[0, :, 0]
        kept = np.flatnonzero(logits >= self._least_logit)
        corners = _decoded(self._interpreter.get_tensor(self._boxes)[0, kept, :4], kept) * side + (left, top, left, top)
        # a face that the square cuts is found whole in a neighbour, unless the picture ends there too
        inside = (
            ((corners[:, 0] >= left) | (left <= 0))
            & ((corners[:, 1] >= top) | (top <= 0))
            & ((corners[:, 2] <= left + side) | (left + side >= width))
            & ((corners[:, 3] <= top + side) | (top + side >= height))
        )
        scores = 1 / (1 + np.exp(-np.clip(logits[kept], -_LARGEST_LOGIT, _LARGEST_LOGIT)))
        rows: NDArray[np.float32] = np.column_stack([corners, scores]).astype(np.float32)
        whole: NDArray[np.float32] = rows[inside]
        return whole

    def _show(self, grey: NDArray[np.uint8], left: int, top: int, side: int) -> None:
        """Put a square of the picture before the network, -1 to 1 and three times over; what lies outside is black."""
        part = grey[max(0, top) : top + side, max(0, left) : left + side]
        scale = SIDE / side
        size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
        resized = cv2.resize(part, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        x, y = (
            min(round(max(0, -first) * scale), SIDE - length) for first, length in zip((left, top), size, strict=True)
        )
        self._pixels.fill(-1)
        self._pixels[0, y : y + size[1], x : x + size[0]] = (resized.astype(np.float32) / 127.5 - 1)[:, :, None]
        self._interpreter.set_tensor(self._input, self._pixels)


def merge(found: NDArray[np.float32], overlap: float) -> list[NDArray[np.float32]]:
    """Non-maximum suppression by weighted mean: each best row takes in all that overlap it.

    ``found`` is ``(n, 5)``: left, top, right, bottom, score. A row joins where its intersection over union with the
    best is above ``overlap``; the corners that come out are the mean of all that joined, weighed by their scores.
    """
    rest = found[np.argsort(-found[:, 4], kind="stable")]
    merged = []
    while len(rest):
        joins = _overlaps(rest, rest[0]) > overlap
        joins[0] = True
        merged.append(np.average(rest[joins, :4], axis=0, weights=rest[joins, 4]))
        rest = rest[~joins]
    return merged


def _overlaps(rows: NDArray[np.float32], one: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of each row with ``one``."""
    size = np.minimum(rows[:, 2:4], one[2:4]) - np.maximum(rows[:, :2], one[:2])
    intersection = np.prod(np.maximum(size, 0), axis=1)
    areas = np.prod(rows[:, 2:4] - rows[:, :2], axis=1)
    ratio: NDArray[np.float32] = intersection / np.maximum(areas + np.prod(one[2:4] - one[:2]) - intersection, 1e-9)
    return ratio


def _decoded(raw: NDArray[np.float32], kept: NDArray[np.intp]) -> NDArray[np.float32]:
    """Corners in shares of the searched square, of raw centre and size about each kept anchor."""
    centres = _anchors()[kept] + raw[:, :2] / SIDE
    half = raw[:, 2:4] / SIDE / 2
    return np.concatenate([centres - half, centres + half], axis=1)


@lru_cache
def _anchors() -> NDArray[np.float32]:
    """Centres ``(896, 2)`` of the anchors, in shares of the side, row by row."""
    layers = []
    for cells, repeats in _GRIDS:
        y, x = np.divmod(np.arange(cells * cells), cells)
        layers.append(np.repeat((np.stack([x, y], axis=1) + 0.5) / cells, repeats, axis=0))
    return np.concatenate(layers).astype(np.float32)


@lru_cache(maxsize=16)
def _squares(width: int, height: int, levels: int, smallest: int) -> tuple[tuple[int, int, int], ...]:
    """``(left, top, side)`` of every square searched, in pixels: the whole picture, centred, then ever smaller ones.

    There are no more levels than faces of ``smallest`` pixels need. Neighbours overlap by the largest face that the
    level above misses.
    """
    longest, shortest = max(width, height), min(width, height)
    squares = [((width - longest) // 2, (height - longest) // 2, longest)]
    side, missed = longest, _SMALLEST * longest
    for _ in range(1, levels):
        if missed <= smallest:
            break
        half = math.ceil(side / 2)
        side = shortest if half <= shortest < 1.5 * half else half
        squares += [(x, y, side) for y in _places(height, side, missed) for x in _places(width, side, missed)]
        missed = _SMALLEST * side
    return tuple(squares)


def _places(length: int, side: int, overlap: float) -> list[int]:
    """Where squares of ``side`` begin along ``length``, evenly and overlapping by at least ``overlap``."""
    if length <= side:
        return [(length - side) // 2]
    gaps = math.ceil((length - side) / (side - overlap))
    return [round(gap * (length - side) / gaps) for gap in range(gaps + 1)]


def _framed(corners: NDArray[np.float32], width: int, height: int) -> Box:
    """The box that the cascade would have given, as far as it lies in the picture."""
    left, top, right, bottom = (float(value) for value in corners)
    side = max(right - left, bottom - top)
    x, y = (left + right) / 2 + _RIGHT * side, (top + bottom) / 2 - _UP * side
    half = _SCALE * side / 2
    left, top = max(0.0, x - half), max(0.0, y - half)
    return Box(left, top, min(float(width), x + half) - left, min(float(height), y + half) - top)
