"""Relation of Haar's box to FER2013's framing, and effect of the crop margin on accuracy.

The network learned faces in FER2013's framing. On the device Haar draws the box, so the crop must grow or shrink until
it shows what FER2013 would show. Each picture is enlarged, its border repeated around it, and given to the detector
with the device's default parameters. The ratio of the box's side to the picture's gives the margin that makes the two
equal: ``(1 / side - 1) / 2``. The faces are then cropped from the enlarged picture with a range of margins and
classified by the int8 model.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np

from converter.datasets.faces import SIZE, FaceSet, truth
from converter.runner import corrected
from edge.core.errors import HardwareUnavailable
from edge.core.types import Box
from edge.inference.preprocess import crop_face
from edge.system.installation import OPENCV, repairing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from converter.runner import ModelRunner

ENLARGE = 4
BORDER = 0.5
"""Repeated border on every side, share of the picture: room for a box that is larger than the picture."""

CASCADE = "haarcascade_frontalface_alt.xml"
FRAMING = 1.08
"""The device's ratio of the face's box to the cascade's window."""
SCALE_FACTOR = 1.1
"""Value for still pictures; the device searches camera frames in coarser steps."""
MIN_NEIGHBORS = 3
MIN_FACE = 0.2
"""Share of the bordered picture's side: two fifths of the face picture itself; smaller hits are eyes and mouths."""

MARGINS = tuple(round(float(margin), 2) for margin in np.arange(-0.10, 0.301, 0.05))


@dataclass(frozen=True, slots=True, eq=False)
class Framing:
    """Haar's boxes relative to FER2013 pictures, in shares of the picture's side.

    ``rows`` ``(m,)`` are the pictures with exactly one box, ``side`` ``(m,)`` the box's side, ``offset`` ``(m, 2)`` its
    centre relative to the picture's, right and down positive; ``n`` counts all pictures searched.
    """

    n: int
    rows: NDArray[np.int64]
    side: NDArray[np.float64]
    offset: NDArray[np.float64]

    @property
    def margins(self) -> NDArray[np.float64]:
        """Return the margin ``(m,)`` that converts each box to its picture's framing."""
        return (1 / self.side - 1) / 2

    def boxes(self) -> list[Box]:
        """Return the boxes in pixels of the enlarged, bordered pictures."""
        full = SIZE * ENLARGE
        middle = full * (0.5 + BORDER)
        return [
            Box(middle + x * full - s * full / 2, middle + y * full - s * full / 2, s * full, s * full)
            for s, (x, y) in zip(self.side.tolist(), self.offset.tolist(), strict=True)
        ]


def enlarged(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a ``(48, 48)`` picture enlarged four times with its border repeated around it."""
    side, pad = SIZE * ENLARGE, round(SIZE * ENLARGE * BORDER)
    large = cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC)
    return cast("NDArray[np.uint8]", cv2.copyMakeBorder(large, pad, pad, pad, pad, cv2.BORDER_REPLICATE))


def framing(faces: FaceSet) -> Framing:
    """Find Haar's box of the face in each picture."""
    cascade = _cascade()
    full = SIZE * ENLARGE
    smallest = round(full * (1 + 2 * BORDER) * MIN_FACE)
    rows, side, offset = [], [], []
    for row, picture in enumerate(faces.pixels):
        found = cascade.detectMultiScale(
            enlarged(picture), scaleFactor=SCALE_FACTOR, minNeighbors=MIN_NEIGHBORS, minSize=(smallest, smallest)
        )
        if len(found) != 1:
            continue
        x, y, width, _ = (float(value) for value in found[0])
        rows.append(row)
        side.append(FRAMING * width / full)
        offset.append([(edge + width / 2) / full - 0.5 - BORDER for edge in (x, y)])
    return Framing(len(faces), np.array(rows, np.int64), np.array(side), np.array(offset).reshape(-1, 2))


def accuracy_by_margin(
    runner: ModelRunner, faces: FaceSet, seen: Framing, margins: Sequence[float] = MARGINS
) -> dict[str, list[float]]:
    """Return each head's accuracy on crops of Haar's boxes for each of ``margins``, on the pictures with one box."""
    chosen = faces.take(seen.rows)
    pictures = [enlarged(picture) for picture in chosen.pixels]
    boxes = seen.boxes()
    result: dict[str, list[float]] = {output.head: [] for output in runner.manifest.outputs}
    contrast = runner.manifest.input.contrast
    for margin in margins:
        crops = [
            crop_face(p, box, margin=margin, size=SIZE, contrast=contrast)
            for p, box in zip(pictures, boxes, strict=True)
        ]
        for head, accuracy in accuracies(runner, np.stack(crops), chosen).items():
            result[head].append(accuracy)
    return result


def accuracy_uncropped(runner: ModelRunner, faces: FaceSet, seen: Framing) -> dict[str, float]:
    """Return each head's accuracy on the same pictures in FER2013's framing, the limit of a perfect crop."""
    chosen = faces.take(seen.rows)
    return accuracies(runner, corrected(chosen.pixels, runner.manifest.input.contrast), chosen)


def summary(seen: Framing) -> dict[str, Any]:
    """Return rounded figures of the framing: shares found, quartiles of side, margin and offset."""
    return {
        "pictures": seen.n,
        "with_one_box": len(seen.rows),
        "side_quartiles": _quartiles(seen.side),
        "margin_quartiles": _quartiles(seen.margins),
        "offset_right_quartiles": _quartiles(seen.offset[:, 0]),
        "offset_down_quartiles": _quartiles(seen.offset[:, 1]),
    }


def _quartiles(values: NDArray[np.float64]) -> list[float]:
    return [round(float(value), 3) for value in np.quantile(values, (0.25, 0.5, 0.75))]


def accuracies(runner: ModelRunner, pixels: NDArray[np.uint8], faces: FaceSet) -> dict[str, float]:
    """Return each head's accuracy on crops ``(n, 48, 48)`` uint8 of ``faces``; NaN for one without labels."""
    found = {}
    for head, logits in runner.logits(pixels).items():
        labels = truth(faces, head)
        usable = labels >= 0
        found[head] = float((logits[usable].argmax(axis=1) == labels[usable]).mean()) if usable.any() else float("nan")
    return found


def _cascade() -> cv2.CascadeClassifier:
    if not hasattr(cv2, "CascadeClassifier"):
        msg = f"OpenCV {cv2.__version__} has no Haar cascades: {repairing(OPENCV, again=True)}"
        raise HardwareUnavailable(msg)
    return cv2.CascadeClassifier(str(Path(cast("Any", cv2).data.haarcascades) / CASCADE))
