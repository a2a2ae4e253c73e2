"""Tilt and turn of a face, by YuNet's landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np

from converter.crop_alignment import tilted
from converter.progress import bar
from edge.vision.pose import tilt_of, turn_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet
    from edge.core.types import Landmarks

_POINTS = slice(4, 14)
"""Columns of a detector row: box, right eye, left eye, nose, corners of the mouth, score."""


@dataclass(frozen=True, slots=True, eq=False)
class Poses:
    """Poses: ``tilt`` ``(n,)`` in degrees and ``turn`` ``(n,)`` as :func:`edge.vision.pose.turn_of`, or NaN."""

    tilt: NDArray[np.float64]
    turn: NDArray[np.float64]


def poses(detector: Any, faces: FaceSet) -> Poses:
    """Find the face with the highest score in each picture, enlarged three times and with a grey border."""
    found = [_pose(detector, picture) for picture in bar(faces.pixels, "landmarks", len(faces))]
    tilt, turn = np.array(found, float).reshape(-1, 2).T
    return Poses(tilt, turn)


def _pose(detector: Any, picture: NDArray[np.uint8]) -> tuple[float, float]:
    _, rows = detector.detect(cv2.cvtColor(tilted(picture, 0), cv2.COLOR_GRAY2BGR))
    if rows is None:
        return np.nan, np.nan
    points = max(rows.tolist(), key=lambda row: float(row[14]))[_POINTS]
    landmarks = cast("Landmarks", tuple(zip(points[::2], points[1::2], strict=True)))
    return tilt_of(landmarks), turn_of(landmarks)
