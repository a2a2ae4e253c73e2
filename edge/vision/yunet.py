"""Face detector with YuNet (Wu et al., 2023, doi:10.1007/s11633-023-1423-y; MIT licence), run by OpenCV.

The network returns a box, five landmarks and a score. It needs colour: on grey pictures it finds a fifth fewer small
faces.

The returned boxes have the framing of OpenCV's frontal cascade, on which the classifier was trained: a square about the
same centre whose side is 0.94 of the longer one. On PublicTest (every picture in which a face was found, three times
as large, its border repeated) that factor gave the network its best accuracy, equal to that of the unchanged pictures.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np

from edge.core.errors import HardwareUnavailable, ModelError
from edge.core.types import Box, Detection
from edge.inference.manifest import published_file
from edge.system.installation import OPENCV, repairing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from edge.core.types import Landmarks

FILE = "face_detection_yunet_2023mar.onnx"
SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
COMMAND = "face-edge models add yunet"

SMALLEST = 18.0
"""Side in pixels from which on 95 % of the faces score 0.75 or more; of those of 10 pixels a third does (30 group
pictures)."""
CANDIDATE = 0.5
"""Score from which on a detection may confirm a known face."""
_FRAMING = 0.94
_OVERLAP = 0.3
_MOST = 2000
_SMALL, _LARGE, _LARGE_SCORES = 15.0, 27.0, 0.07
"""Two sides in pixels, and the difference between the scores of faces of these sizes."""
_SPARE = 0.75
"""Factor of the smallest returned face, so that a face of exactly the promised size does not flicker."""
_LEAST_SIDE = 16
_MOST_UNEVEN = 3.0
"""Ratio of the sides above which a box is degenerate: one in 800 pictures has one."""
_NETS = 8
"""Number of networks, one for each recent size of input, since a change of size costs as much as half a search."""


class YuNetDetector:
    """Detects faces from ``min_face`` of a picture's shorter side on.

    ``confidence``, 0 to 1, is the lowest score of the returned faces.

    Raises:
        ModelError: the file is missing or not the published one; the message contains the command that installs it.
        HardwareUnavailable: this OpenCV has no ``FaceDetectorYN``.
    """

    name = "yunet"
    colour = True
    smallest = SMALLEST

    def __init__(self, path: Path, *, min_face: float, confidence: float = CANDIDATE) -> None:
        if not hasattr(cv2, "FaceDetectorYN"):
            msg = f"OpenCV {cv2.__version__} cannot run YuNet: {repairing(OPENCV, again=True)}"
            raise HardwareUnavailable(msg)
        self._min_face = min_face
        self._confidence = confidence
        self._path, self._content = path, published_file(path, detector="yunet", sha256=SHA256, command=COMMAND)
        self._nets: OrderedDict[tuple[int, int], cv2.FaceDetectorYN] = OrderedDict()
        self._net(64, 64)  # a file that OpenCV cannot load is reported at the start

    def detect(self, picture: NDArray[np.uint8], *, sizes: tuple[float, float] | None = None) -> list[Detection]:
        """Return faces in pixels of ``picture``, largest first.

        Args:
            picture: ``(height, width, 3)`` uint8 BGR; a grey one works, but its small faces are missed.
            sizes: smallest and largest side of a face in pixels, in place of ``min_face``.
        """
        height, width = picture.shape[:2]
        if min(height, width) < _LEAST_SIDE:
            return []
        least, most = sizes or (_SPARE * self._min_face * min(height, width), float(max(height, width)))
        colour = picture if picture.ndim == 3 else cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
        _, rows = self._net(width, height).detect(colour)
        detections = [] if rows is None else list(_detections(rows, width, height))
        return sorted(
            (each for each in detections if least <= max(each.box.width, each.box.height) <= most),
            key=lambda each: (-each.box.area, each.box.x, each.box.y),
        )

    def _net(self, width: int, height: int) -> cv2.FaceDetectorYN:
        """Return the network for this size of input."""
        size = (width, height)
        if size in self._nets:
            self._nets.move_to_end(size)
            return self._nets[size]
        if len(self._nets) >= _NETS:
            self._nets.popitem(last=False)
        net = self._nets[size] = _load(self._content, self._path, size, self._confidence)
        return net


def _load(content: bytes, path: Path, size: tuple[int, int], confidence: float) -> cv2.FaceDetectorYN:
    """Make a network from the verified bytes, or for OpenCV 4.9, which can only read files, from the path."""
    try:
        if _takes_bytes():
            model, config = np.frombuffer(content, np.uint8), np.empty(0, np.uint8)
            return cv2.FaceDetectorYN.create("onnx", model, config, size, confidence, _OVERLAP, _MOST)
        return cv2.FaceDetectorYN.create(str(path), "", size, confidence, _OVERLAP, _MOST)
    except cv2.error as error:
        msg = f"OpenCV {cv2.__version__} cannot load YuNet ({error.err}): {repairing(OPENCV, again=True)}"
        raise HardwareUnavailable(msg) from error


def _takes_bytes() -> bool:
    return "bufferModel" in (cv2.FaceDetectorYN.create.__doc__ or "")


def _detections(rows: NDArray[Any], width: int, height: int) -> Iterator[Detection]:
    """Yield detections inside the picture from the network's rows ``(n, 15)``: box, five points and score."""
    for row in rows.tolist():
        x, y, across, down = row[:4]
        if not all(map(math.isfinite, row)) or _is_degenerate(across, down):
            continue
        side = _FRAMING * max(across, down)
        box = Box(x + (across - side) / 2, y + (down - side) / 2, side, side).clipped(width, height)
        if min(box.width, box.height) < 1:
            continue
        points = cast("Landmarks", tuple(zip(row[4:14:2], row[5:14:2], strict=True)))
        yield Detection(box, _confidence(row[14], side), points)


def _confidence(score: float, side: float) -> float:
    """Return the score corrected for the face's side in pixels: large faces, also false ones, score higher."""
    size = min(1.0, max(0.0, (side - _SMALL) / (_LARGE - _SMALL)))
    return min(1.0, max(0.0, score - _LARGE_SCORES * size))


def _is_degenerate(across: float, down: float) -> bool:
    return min(across, down) < 1 or max(across, down) > _MOST_UNEVEN * min(across, down)


def problem(path: Path) -> str:
    """Return one line that explains why the file at ``path`` cannot be used, empty if it can."""
    if not hasattr(cv2, "FaceDetectorYN"):
        return f"OpenCV {cv2.__version__} cannot run YuNet"
    try:
        published_file(path, detector="yunet", sha256=SHA256, command=COMMAND)
    except ModelError as error:
        return str(error)
    return ""
