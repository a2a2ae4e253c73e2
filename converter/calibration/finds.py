"""Detections of the device's cascades at lower thresholds than the device's: faces and non-faces.

Non-faces are cut from pictures without a face, so that the network sees exactly what it would see on a device.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from converter.crop_margin import SCALE_FACTOR, enlarged
from converter.datasets.faces import SIZE
from converter.progress import bar
from edge.core.errors import InputError
from edge.core.types import Box
from edge.inference.preprocess import crop_face, to_grey
from edge.vision.haar import CANDIDATE, CASCADE, NEAR_CASCADE, HaarDetector

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet
    from edge.core.contrast import Contrast
    from edge.core.types import Detection

WIDTHS = (320, 640, 1280)
"""Width in pixels to which pictures are reduced for the cascades."""
_MOST = 1600
_SAME = 0.5
_FACE = 0.4
"""Overlap from which a detection is a marked face; other detections that touch a face are left out."""
_SUFFIXES = {".jpg", ".jpeg", ".png"}


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Crops ``(n, 48, 48)`` uint8 grey, the detector's ``scores`` ``(n,)``, and the picture numbers ``(n,)``."""

    crops: NDArray[np.uint8]
    scores: NDArray[np.float64]
    pictures: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.crops)

    def take(self, rows: NDArray[np.bool_]) -> Detections:
        """Return the detections at ``rows``."""
        return Detections(self.crops[rows], self.scores[rows], self.pictures[rows])

    @classmethod
    def of(cls, found: Sequence[tuple[NDArray[np.uint8], float, int]]) -> Detections:
        """Convert ``(crop, score, picture)`` tuples into arrays."""
        crops = np.array([crop for crop, _, _ in found], np.uint8).reshape(-1, SIZE, SIZE)
        return cls(crops, np.array([one[1] for one in found], float), np.array([one[2] for one in found], np.int64))


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures of ``folder`` in order."""
    return sorted(path for path in folder.glob("*") if path.suffix.lower() in _SUFFIXES)


def non_faces(folder: Path, contrast: Contrast | None) -> Detections:
    """Return all detections in the pictures of ``folder``, none of which shows a face.

    Raises:
        InputError: there are no pictures, or nothing is detected in any.
    """
    paths = pictures_in(folder)
    found = [
        (_cut(image, each, contrast), each.score, number)
        for number, path in enumerate(bar(paths, "non-faces"))
        for image in [_read(path)]
        for each in _all(image)
    ]
    if not found:
        msg = f"{folder}: expected pictures (.jpg, .png) without faces in which Haar finds something"
        raise InputError(msg)
    return Detections.of(found)


def marked(folder: Path, contrast: Contrast | None) -> tuple[Detections, Detections]:
    """Return the faces and non-faces detected in pictures with marks in ``faces.json``; see docs/detection.md.

    Raises:
        InputError: the marks cannot be read.
    """
    try:
        truth: dict[str, Any] = json.loads((folder / "faces.json").read_text(encoding="utf-8"))
        marks = {name: [(Box(*face["box"]), face["kind"]) for face in row["faces"]] for name, row in truth.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{folder}/faces.json: cannot be read as marks of faces: {error}"
        raise InputError(msg) from error
    parts: dict[bool, list[tuple[NDArray[np.uint8], float, int]]] = {True: [], False: []}
    for number, (name, faces) in enumerate(bar(tuple(marks.items()), "marked faces")):
        image = _read(folder / name)
        for each in _all(image):
            is_face = _is_face(each, faces)
            if is_face is not None:
                parts[is_face].append((_cut(image, each, contrast), each.score, number))
    return Detections.of(parts[True]), Detections.of(parts[False])


def framed(faces: FaceSet, contrast: Contrast | None) -> Detections:
    """Return the faces of a split that the cascade finds, in its framing, without those that are no face by vote."""
    cascade = HaarDetector(min_face=0.2, scale_factor=SCALE_FACTOR, min_neighbors=CANDIDATE)
    found = []
    for row in bar(np.flatnonzero(faces.votes.sum(axis=1) > 0).tolist(), "faces"):
        image = enlarged(faces.pixels[row])
        seen = cascade.detect(image, sizes=(0.28 * len(image), float(len(image))))
        if seen:
            best = max(seen, key=lambda each: each.score)
            found.append((_cut(image, best, contrast), best.score, row))
    return Detections.of(found)


def _is_face(find: Detection, faces: Sequence[tuple[Box, str]]) -> bool | None:
    """Return True for a marked face, False without contact to a face, ``None`` in between."""
    overlap, kind = max(((find.box.iou(box), kind) for box, kind in faces), default=(0.0, "ignore"))
    if overlap >= _FACE:
        return True if kind == "face" else None
    return False if all(box.expanded(0.3).iou(find.box) <= 0.05 for box, _ in faces) else None


def _all(image: NDArray[np.uint8]) -> Iterator[Detection]:
    """Yield the detections of both cascades at any width, each object once, in descending order of score."""
    grey, found = to_grey(image), list[Any]()
    for width in WIDTHS:
        factor = width / grey.shape[1]
        if factor > 2:
            continue
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        small = np.asarray(cv2.resize(grey, (width, round(grey.shape[0] * factor)), interpolation=how), np.uint8)
        for cascade in (CASCADE, NEAR_CASCADE):
            detector = HaarDetector(min_face=0.02, scale_factor=1.1, min_neighbors=CANDIDATE, cascade=cascade)
            sizes = (20.0, float(min(small.shape)))
            found += [each.scaled(1 / factor) for each in detector.detect(small, sizes=sizes)]
    kept: list[Detection] = []
    for each in sorted(found, key=lambda one: -one.score):
        if all(each.box.iou(other.box) <= _SAME for other in kept):
            kept.append(each)
            yield each


def _cut(image: NDArray[np.uint8], find: Detection, contrast: Contrast | None) -> NDArray[np.uint8]:
    return crop_face(image, find.box, margin=0.0, size=SIZE, contrast=contrast)


def _read(path: Path) -> NDArray[np.uint8]:
    image = cv2.imread(str(path))
    if image is None:
        msg = f"{path}: is no picture that can be read"
        raise InputError(msg)
    factor = _MOST / max(image.shape[:2])
    reduced = image if factor >= 1 else cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.asarray(reduced, np.uint8)
