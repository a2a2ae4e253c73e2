"""Face detector with the short-range model of BlazeFace (Bazarevsky et al., 2019, arXiv:1907.05047; Apache-2.0).

The network's input is 128 by 128 pixels, in which it finds faces from a fifth of the side on. For smaller faces the
search continues after the whole picture, level by level, with overlapping squares of half the side. Anchors, decoding,
the overlap threshold and the weighting follow MediaPipe's published options for ``face_detection_short_range``: four
layers of strides 8, 16, 16 and 16 with two anchors of unit size each, coordinates in 128ths, borders black.

Its boxes end at the brows; the classifier was trained on the framing of OpenCV's frontal cascade. On 1,500 pictures of
FER2013's training rows (every nineteenth, three times as large, with a border of half their side) both found the same
face 1,153 times: the cascade's side was 1.134 times as long (standard deviation 0.124), its centre 0.096 sides higher
(0.060) and 0.003 to the right (0.082). The returned boxes have that framing.
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
"""Cells along a side and anchors in each: one layer of stride 8, three of stride 16."""
_OVERLAP = 0.3
_LARGEST_LOGIT = 80.0
"""Bound above which the logistic function is 1 in single precision and its exponential overflows."""
_SMALLEST = 0.2
"""Smallest face as a share of the side: 83 % of FER2013's pictures, which are somewhat wider than the face in them, are
detected at 0.2, 99 % at 0.3 and 4 % at 0.15."""
_SCALE, _RIGHT, _UP = 1.134, 0.003, 0.096
_MOST_LEVELS = 4


class BlazeFaceDetector:
    """Detects faces from ``min_face`` of a grey picture's shorter side on, within the limits of ``levels``.

    ``levels`` is the number of sizes of the searched squares, each half of the one before, beginning with the whole
    picture; ``None`` uses as many as ``min_face`` needs, at most four. ``confidence``, 0 to 1, is the lowest score of a
    face; MediaPipe uses 0.5, but in the smaller squares other objects are as large as a face, and sleeves and badges
    score up to 0.54.

    Raises:
        ModelError: the file is missing or not the published one; the message contains the command that installs it.
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
        """Return faces in pixels of ``picture`` ``(height, width)`` uint8 grey, clipped to it, largest first."""
        grey = picture
        height, width = grey.shape
        smallest = max(1, round(min(grey.shape) * self._min_face if sizes is None else sizes[0]))
        squares = _squares(width, height, self._levels, smallest)
        rows = np.concatenate([self._search(grey, square) for square in squares])
        boxes = [_framed(corners, width, height) for corners in merge(rows, _OVERLAP)]
        large = [box for box in boxes if max(box.width, box.height) >= smallest and min(box.width, box.height) > 0]
        return [Detection(box) for box in sorted(large, key=lambda box: (-box.area, box.x, box.y))]

    def _search(self, grey: NDArray[np.uint8], square: tuple[int, int, int]) -> NDArray[np.float32]:
        """Return faces in ``square`` as ``(n, 5)``: left, top, right, bottom in pixels of ``grey``, and the score."""
        left, top, side = square
        height, width = grey.shape
        self._set_input(grey, left, top, side)
        self._interpreter.invoke()
        logits = self._interpreter.get_tensor(self._scores)[0, :, 0]
        hits = np.flatnonzero(logits >= self._least_logit)
        corners = _decoded(self._interpreter.get_tensor(self._boxes)[0, hits, :4], hits) * side + (left, top, left, top)
        # a face that the square cuts is complete in a neighbouring one, unless the picture ends there too
        inside = (
            ((corners[:, 0] >= left) | (left <= 0))
            & ((corners[:, 1] >= top) | (top <= 0))
            & ((corners[:, 2] <= left + side) | (left + side >= width))
            & ((corners[:, 3] <= top + side) | (top + side >= height))
        )
        scores = 1 / (1 + np.exp(-np.clip(logits[hits], -_LARGEST_LOGIT, _LARGEST_LOGIT)))
        rows: NDArray[np.float32] = np.column_stack([corners, scores]).astype(np.float32)
        whole: NDArray[np.float32] = rows[inside]
        return whole

    def _set_input(self, grey: NDArray[np.uint8], left: int, top: int, side: int) -> None:
        """Set a square of the picture as the network's input, -1 to 1 in three channels, black outside the picture."""
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


def merge(rows: NDArray[np.float32], overlap: float) -> list[NDArray[np.float32]]:
    """Merge overlapping rows by weighted non-maximum suppression; return the corners ``(4,)`` of each group.

    ``rows`` is ``(n, 5)``: left, top, right, bottom, score. A row joins the best one if their intersection over union
    is above ``overlap``; the corners of the group are the mean of its rows, weighted by their scores.
    """
    rest = rows[np.argsort(-rows[:, 4], kind="stable")]
    merged = []
    while len(rest):
        joins = _overlaps(rest, rest[0]) > overlap
        joins[0] = True
        merged.append(np.average(rest[joins, :4], axis=0, weights=rest[joins, 4]))
        rest = rest[~joins]
    return merged


def _overlaps(rows: NDArray[np.float32], one: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the intersection over union of each row with ``one``."""
    size = np.minimum(rows[:, 2:4], one[2:4]) - np.maximum(rows[:, :2], one[:2])
    intersection = np.prod(np.maximum(size, 0), axis=1)
    areas = np.prod(rows[:, 2:4] - rows[:, :2], axis=1)
    ratio: NDArray[np.float32] = intersection / np.maximum(areas + np.prod(one[2:4] - one[:2]) - intersection, 1e-9)
    return ratio


def _decoded(raw: NDArray[np.float32], anchors: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return corners in shares of the searched square from raw centres and sizes around the ``anchors`` by index."""
    centres = _anchors()[anchors] + raw[:, :2] / SIDE
    half = raw[:, 2:4] / SIDE / 2
    return np.concatenate([centres - half, centres + half], axis=1)


@lru_cache
def _anchors() -> NDArray[np.float32]:
    """Return the centres ``(896, 2)`` of the anchors, in shares of the side, row by row."""
    layers = []
    for cells, repeats in _GRIDS:
        y, x = np.divmod(np.arange(cells * cells), cells)
        layers.append(np.repeat((np.stack([x, y], axis=1) + 0.5) / cells, repeats, axis=0))
    return np.concatenate(layers).astype(np.float32)


@lru_cache(maxsize=16)
def _squares(width: int, height: int, levels: int, smallest: int) -> tuple[tuple[int, int, int], ...]:
    """Return ``(left, top, side)`` in pixels of every searched square: the whole picture, then smaller ones.

    There are no more levels than faces of ``smallest`` pixels need. Neighbours overlap by the largest face that the
    previous level misses.
    """
    longest, shortest = max(width, height), min(width, height)
    squares = [((width - longest) // 2, (height - longest) // 2, longest)]
    side, missed = longest, _SMALLEST * longest
    for _ in range(1, levels):
        if missed <= smallest:
            break
        half = math.ceil(side / 2)
        side = shortest if half <= shortest < 1.5 * half else half
        squares += [(x, y, side) for y in _offsets(height, side, missed) for x in _offsets(width, side, missed)]
        missed = _SMALLEST * side
    return tuple(squares)


def _offsets(length: int, side: int, overlap: float) -> list[int]:
    """Return even offsets along ``length`` of squares of ``side`` that overlap by at least ``overlap``."""
    if length <= side:
        return [(length - side) // 2]
    gaps = math.ceil((length - side) / (side - overlap))
    return [round(gap * (length - side) / gaps) for gap in range(gaps + 1)]


def _framed(corners: NDArray[np.float32], width: int, height: int) -> Box:
    """Return the box in the framing of the cascade, clipped to the picture."""
    left, top, right, bottom = (float(value) for value in corners)
    side = max(right - left, bottom - top)
    x, y = (left + right) / 2 + _RIGHT * side, (top + bottom) / 2 - _UP * side
    half = _SCALE * side / 2
    left, top = max(0.0, x - half), max(0.0, y - half)
    return Box(left, top, min(float(width), x + half) - left, min(float(height), y + half) - top)
