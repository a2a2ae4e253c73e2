"""Cut single people out of a picture, to put them into another view."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from tests.bench.scenes.windows import cut

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.core.types import Box
    from tests.bench.scenes.truth import MarkedPicture

_LEAST_PIXELS = 48
_MARGIN = 0.45
"""Margin around a face, as a share of its size, for hair and chin."""
_FEATHER = 0.06


@dataclass(frozen=True, slots=True, eq=False)
class CutOut:
    """Head with soft edges: ``image``, its ``opacity`` (0 to 1), and the position of the face in it."""

    image: NDArray[np.uint8]
    opacity: NDArray[np.float32]
    face: Box

    @property
    def width(self) -> int:
        """Return the width in pixels."""
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        """Return the height in pixels."""
        return int(self.image.shape[0])

    def scaled(self, factor: float) -> CutOut:
        """Return the head in another size."""
        size = round(self.width * factor), round(self.height * factor)
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        return CutOut(
            cast("NDArray[np.uint8]", cv2.resize(self.image, size, interpolation=how)),
            cast("NDArray[np.float32]", cv2.resize(self.opacity, size, interpolation=how)),
            self.face.scaled(size[0] / self.width, size[1] / self.height),
        )

    def paste(self, onto: NDArray[np.uint8], x: float, y: float) -> Box:
        """Draw it with its centre at ``x``, ``y``, as far as that lies in the picture; returns where the face is."""
        left, top = round(x - self.width / 2), round(y - self.height / 2)
        rows = slice(max(0, top), min(onto.shape[0], top + self.height))
        columns = slice(max(0, left), min(onto.shape[1], left + self.width))
        if rows.start < rows.stop and columns.start < columns.stop:
            part = (
                slice(rows.start - top, rows.stop - top),
                slice(columns.start - left, columns.stop - left),
            )
            weight = self.opacity[part][..., None]
            onto[rows, columns] = np.rint(weight * self.image[part] + (1 - weight) * onto[rows, columns])
        return replace(self.face, x=self.face.x + left, y=self.face.y + top)


def people(picture: MarkedPicture, image: NDArray[np.uint8], size: float, most: int) -> list[CutOut]:
    """Return the largest frontal faces without neighbours, scaled to ``size`` pixels (root of the area)."""
    found = []
    for face in sorted(picture.faces, key=lambda face: -face.box.area):
        head = face.box.expanded(_MARGIN)
        inside = min(head.x, head.y) >= 0 and head.x + head.width <= picture.width
        inside = inside and head.y + head.height <= picture.height
        alone = not any(other is not face and _holds(head, other.box) for other in picture.faces)
        if face.counts and face.frontal and inside and alone and face.box.area >= _LEAST_PIXELS**2:
            found.append(_cut_out(image, head, face.box).scaled(size / face.box.area**0.5))
        if len(found) == most:
            break
    return found


def _cut_out(image: NDArray[np.uint8], head: Box, face: Box) -> CutOut:
    part = cut(image, head)
    height, width = part.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    reach = np.hypot((x - width / 2) / (width / 2), (y - height / 2) / (height / 2))
    opacity = np.clip((1 - reach) / _FEATHER, 0, 1).astype(np.float32)
    left, top, _, _ = head.rounded()
    return CutOut(part, opacity, replace(face, x=face.x - left, y=face.y - top))


def _holds(head: Box, face: Box) -> bool:
    x, y = face.centre
    return head.x <= x <= head.x + head.width and head.y <= y <= head.y + head.height
