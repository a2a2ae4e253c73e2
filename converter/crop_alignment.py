"""What turning a crop upright by the eyes does to accuracy, and how a detector's box relates to FER2013's framing.

Each picture is enlarged, surrounded by its mean grey, turned, and given to YuNet, which gives a box and the eyes. The
face is cut out with and without turning it back, and classified by the int8 model. Upright pictures are cut out with a
range of factors on the box's longer side, too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import cv2
import numpy as np

from converter.crop_margin import accuracies
from converter.datasets.faces import SIZE
from converter.progress import bar
from converter.runner import corrected
from edge.core.errors import HardwareUnavailable, InputError
from edge.core.types import Box
from edge.inference.preprocess import crop_face
from edge.system.installation import OPENCV, repairing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet
    from converter.runner import ModelRunner

ENLARGE = 3
"""So many times as large as they are, the faces have 144 pixels."""
BORDER = 0.5
"""Grey on every side, share of the picture: room for a box that is larger than the picture."""
SCORE = 0.5
"""Least score of a face, as on the device."""
FACTOR = 0.94
"""The device's factor from the longer side of YuNet's box to the crop's side."""
LEAST_ROLL, MOST_ROLL = 8.0, 60.0
"""Tilts read off the eyes between which the device turns a crop upright."""
TILTS = (0, 10, 15, 20, 30, 45)
FACTORS = (0.86, 0.90, 0.94, 0.98, 1.02)
Turning = Literal["never", "always", "device"]
_OVERLAP, _MOST = 0.3, 50


@dataclass(frozen=True, slots=True)
class Found:
    """A face in an enlarged picture: centre and longer side of its box in pixels, and its tilt in degrees."""

    centre: tuple[float, float]
    side: float
    roll: float

    def crop(self, picture: NDArray[np.uint8], runner: ModelRunner, factor: float, turning: Turning) -> Any:
        """Cut the face out as the device does, but turned upright as ``turning`` says."""
        side = factor * self.side
        box = Box(self.centre[0] - side / 2, self.centre[1] - side / 2, side, side)
        spec = runner.manifest.input
        turned = turning == "always" or (turning == "device" and LEAST_ROLL <= abs(self.roll) <= MOST_ROLL)
        roll = self.roll if turned else 0.0
        return crop_face(picture, box, margin=spec.crop_margin, size=SIZE, roll=roll, contrast=spec.contrast)


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """The pictures of a split at one tilt in which a face was found: their numbers ``(m,)``, themselves, the faces."""

    tilt: float
    rows: NDArray[np.int64]
    pictures: list[NDArray[np.uint8]]
    found: list[Found]


def tilted(picture: NDArray[np.uint8], degrees: float, enlarge: int = ENLARGE) -> NDArray[np.uint8]:
    """Return a ``(48, 48)`` picture ``enlarge`` times as large, surrounded by its mean grey, turned clockwise."""
    side, pad = SIZE * enlarge, round(SIZE * enlarge * BORDER)
    large = cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC)
    grey = float(picture.mean())
    framed = cast("NDArray[np.uint8]", cv2.copyMakeBorder(large, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=grey))
    if not degrees:
        return framed
    width = side + 2 * pad
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (width - 1) / 2), -degrees, 1.0)
    turned = cv2.warpAffine(framed, turn, (width, width), borderValue=grey)
    return cast("NDArray[np.uint8]", turned)


def open_detector(path: Path, enlarge: int = ENLARGE) -> Any:
    """YuNet from its file, for pictures that are enlarged so many times.

    Raises:
        InputError: the file is missing or no network that OpenCV can read.
        HardwareUnavailable: this OpenCV has no ``FaceDetectorYN``.
    """
    if not hasattr(cv2, "FaceDetectorYN"):
        msg = f"OpenCV {cv2.__version__} cannot run YuNet: {repairing(OPENCV, again=True)}"
        raise HardwareUnavailable(msg)
    width = SIZE * enlarge + 2 * round(SIZE * enlarge * BORDER)
    try:
        return cv2.FaceDetectorYN.create(str(path), "", (width, width), SCORE, _OVERLAP, _MOST)
    except cv2.error as error:
        msg = f"{path}: OpenCV cannot read it as a face detector; give the file of face-edge models add yunet"
        raise InputError(msg) from error


def search(detector: Any, faces: FaceSet, tilt: float, enlarge: int = ENLARGE) -> Search:
    """Turn the pictures by ``tilt`` degrees, one this way and the next the other, and find the face in each."""
    rows, pictures, found = [], [], []
    for row, pixels in enumerate(bar(faces.pixels, f"{tilt:g} degrees", len(faces))):
        picture = tilted(pixels, -tilt if row % 2 else tilt, enlarge)
        _, answers = detector.detect(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR))
        if answers is not None:
            rows.append(row)
            pictures.append(picture)
            found.append(_face(max(answers.tolist(), key=lambda answer: float(answer[14]))))
    return Search(tilt, np.array(rows, np.int64), pictures, found)


def accuracy(
    runner: ModelRunner, faces: FaceSet, seen: Search, turning: Turning, factor: float = FACTOR
) -> dict[str, float]:
    """Accuracy of each head on the faces of ``seen``, turned upright as ``turning`` says."""
    crops = [f.crop(p, runner, factor, turning) for p, f in zip(seen.pictures, seen.found, strict=True)]
    return accuracies(runner, np.stack(crops), faces.take(seen.rows))


def by_tilt(
    runner: ModelRunner, detector: Any, faces: FaceSet, tilts: Sequence[float] = TILTS, *, enlarge: int = ENLARGE
) -> list[dict[str, Any]]:
    """One row for each tilt: how many faces were found, the tilt read off the eyes, accuracy by way of turning."""
    return [_row(runner, faces, search(detector, faces, tilt, enlarge)) for tilt in tilts]


def by_factor(
    runner: ModelRunner, detector: Any, faces: FaceSet, factors: Sequence[float] = FACTORS, *, enlarge: int = ENLARGE
) -> dict[str, Any]:
    """Accuracy on upright pictures for each factor on the box, and on the same pictures as FER2013 has them."""
    seen = search(detector, faces, 0, enlarge)
    chosen = faces.take(seen.rows)
    return {
        "n": len(seen.rows),
        "factors": [{"factor": f, "heads": accuracy(runner, faces, seen, "never", f)} for f in factors],
        "uncropped": accuracies(runner, corrected(chosen.pixels, runner.manifest.input.contrast), chosen),
    }


def _row(runner: ModelRunner, faces: FaceSet, seen: Search) -> dict[str, Any]:
    # every other picture is turned the other way
    read = [-face.roll if row % 2 else face.roll for row, face in zip(seen.rows.tolist(), seen.found, strict=True)]
    return {
        "tilt": seen.tilt,
        "n": len(seen.rows),
        "read_quartiles": [round(float(value), 1) for value in np.quantile(read, (0.25, 0.5, 0.75))],
        "heads": {turning: accuracy(runner, faces, seen, turning) for turning in get_args(Turning)},
    }


def _face(answer: Sequence[float]) -> Found:
    """The face of one of the detector's rows: box, right eye, left eye, nose, corners of the mouth, score."""
    x, y, width, height, right_x, right_y, left_x, left_y = answer[:8]
    roll = math.degrees(math.atan2(left_y - right_y, left_x - right_x))
    return Found((x + width / 2, y + height / 2), max(width, height), roll)
