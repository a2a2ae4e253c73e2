"""Effect of turning crops upright by the eyes, and the relation of a detector's box to FER2013's framing.

Each picture is enlarged, surrounded by its mean grey, turned, and given to YuNet, which returns a box and the eyes. The
face is cropped with and without turning it back, and classified by the int8 model. Upright pictures are also cropped
with a range of factors on the box's longer side.
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
"""Enlargement factor; faces have 144 pixels a side."""
BORDER = 0.5
"""Grey border on every side, share of the picture: room for a box that is larger than the picture."""
SCORE = 0.5
"""Minimum score of a face, as on the device."""
FACTOR = 0.94
"""The device's ratio of the crop's side to the longer side of YuNet's box."""
LEAST_ROLL, MOST_ROLL = 8.0, 60.0
"""Range of roll angles, in degrees, in which the device turns a crop upright."""
TILTS = (0, 10, 15, 20, 30, 45)
FACTORS = (0.86, 0.90, 0.94, 0.98, 1.02)
Turning = Literal["never", "always", "device"]
_OVERLAP, _MOST = 0.3, 50


@dataclass(frozen=True, slots=True)
class AlignedFace:
    """Face in an enlarged picture: centre and longer side of its box in pixels, and its roll in degrees."""

    centre: tuple[float, float]
    side: float
    roll: float

    def crop(self, picture: NDArray[np.uint8], runner: ModelRunner, factor: float, turning: Turning) -> Any:
        """Crop the face like the device, turned upright according to ``turning``."""
        side = factor * self.side
        box = Box(self.centre[0] - side / 2, self.centre[1] - side / 2, side, side)
        spec = runner.manifest.input
        turned = turning == "always" or (turning == "device" and LEAST_ROLL <= abs(self.roll) <= MOST_ROLL)
        roll = self.roll if turned else 0.0
        return crop_face(picture, box, margin=spec.crop_margin, size=SIZE, roll=roll, contrast=spec.contrast)


@dataclass(frozen=True, slots=True, eq=False)
class TiltedFaces:
    """Pictures of a split at one tilt in which a face was found: row numbers ``(m,)``, pictures, faces."""

    tilt: float
    rows: NDArray[np.int64]
    pictures: list[NDArray[np.uint8]]
    found: list[AlignedFace]


def tilted(picture: NDArray[np.uint8], degrees: float, enlarge: int = ENLARGE) -> NDArray[np.uint8]:
    """Return a ``(48, 48)`` picture enlarged ``enlarge`` times, surrounded by its mean grey and turned clockwise."""
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
    """Load YuNet from its file for pictures enlarged ``enlarge`` times.

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


def search(detector: Any, faces: FaceSet, tilt: float, enlarge: int = ENLARGE) -> TiltedFaces:
    """Turn the pictures by ``tilt`` degrees in alternating directions and find the face in each."""
    rows, pictures, found = [], [], []
    for row, pixels in enumerate(bar(faces.pixels, f"{tilt:g} degrees", len(faces))):
        picture = tilted(pixels, -tilt if row % 2 else tilt, enlarge)
        _, answers = detector.detect(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR))
        if answers is not None:
            rows.append(row)
            pictures.append(picture)
            found.append(_face(max(answers.tolist(), key=lambda answer: float(answer[14]))))
    return TiltedFaces(tilt, np.array(rows, np.int64), pictures, found)


def accuracy(
    runner: ModelRunner, faces: FaceSet, seen: TiltedFaces, turning: Turning, factor: float = FACTOR
) -> dict[str, float]:
    """Return the accuracy of each head on the faces of ``seen``, turned upright according to ``turning``."""
    crops = [f.crop(p, runner, factor, turning) for p, f in zip(seen.pictures, seen.found, strict=True)]
    return accuracies(runner, np.stack(crops), faces.take(seen.rows))


def by_tilt(
    runner: ModelRunner, detector: Any, faces: FaceSet, tilts: Sequence[float] = TILTS, *, enlarge: int = ENLARGE
) -> list[dict[str, Any]]:
    """Return one row per tilt: number of faces, roll measured by the eyes, accuracy by way of turning."""
    return [_row(runner, faces, search(detector, faces, tilt, enlarge)) for tilt in tilts]


def by_factor(
    runner: ModelRunner, detector: Any, faces: FaceSet, factors: Sequence[float] = FACTORS, *, enlarge: int = ENLARGE
) -> dict[str, Any]:
    """Return the accuracy on upright pictures for each factor on the box, and on FER2013's own crops."""
    seen = search(detector, faces, 0, enlarge)
    chosen = faces.take(seen.rows)
    return {
        "n": len(seen.rows),
        "factors": [{"factor": f, "heads": accuracy(runner, faces, seen, "never", f)} for f in factors],
        "uncropped": accuracies(runner, corrected(chosen.pixels, runner.manifest.input.contrast), chosen),
    }


def _row(runner: ModelRunner, faces: FaceSet, seen: TiltedFaces) -> dict[str, Any]:
    # every second picture is turned the other way
    read = [-face.roll if row % 2 else face.roll for row, face in zip(seen.rows.tolist(), seen.found, strict=True)]
    return {
        "tilt": seen.tilt,
        "n": len(seen.rows),
        "read_quartiles": [round(float(value), 1) for value in np.quantile(read, (0.25, 0.5, 0.75))],
        "heads": {turning: accuracy(runner, faces, seen, turning) for turning in get_args(Turning)},
    }


def _face(answer: Sequence[float]) -> AlignedFace:
    """Convert a detector row to a face: box, right eye, left eye, nose, corners of the mouth, score."""
    x, y, width, height, right_x, right_y, left_x, left_y = answer[:8]
    roll = math.degrees(math.atan2(left_y - right_y, left_x - right_x))
    return AlignedFace((x + width / 2, y + height / 2), max(width, height), roll)
