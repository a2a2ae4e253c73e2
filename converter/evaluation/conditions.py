"""Accuracy by the face's size in the picture and by the light, with faces cropped as on the device.

The pictures of a split simulate faces in a camera frame: enlarged or reduced to a size in pixels, with a share of the
light, with or without sensor noise, and rounded to 8 bit. Each condition is measured twice: with crops as on the
device, corrected by the model's manifest, and with plain ones.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from converter.camera import photograph
from converter.datasets.faces import SIZE
from converter.evaluation.robustness import accuracy_of
from converter.progress import bar
from edge.core.types import Box
from edge.inference.preprocess import crop_face

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet
    from converter.evaluation.bootstrap import Bootstrap
    from converter.evaluation.subject import Subject
    from edge.core.contrast import Contrast

SIZES = (16, 24, 32, 48, 144, 300)
LIGHTS = (100, 50, 25, 10, 5, 2)
"""Percent."""
LIT_SIZES = (24, 48, 144)
"""Sizes measured under every light."""
_SEED = 1


@dataclass(frozen=True, slots=True)
class Condition:
    """A face of ``size`` pixels under ``light`` percent of the light, with or without sensor noise."""

    size: int
    light: int = 100
    noisy: bool = False

    def photographs(self, faces: FaceSet) -> Iterator[NDArray[np.uint8]]:
        """Yield every face as a camera would see it, the same in every run."""
        generator = np.random.default_rng(_SEED)
        noise = generator if self.noisy else None
        return (photograph(picture, self.size, self.light / 100, noise) for picture in faces.pixels)

    def crops(self, faces: FaceSet, contrast: Contrast | None) -> NDArray[np.uint8]:
        """Return the network's input on the device for each face, ``(n, 48, 48)`` uint8."""
        box = Box(0, 0, self.size, self.size)
        photographs = self.photographs(faces)
        return np.stack([crop_face(one, box, margin=0.0, size=SIZE, contrast=contrast) for one in photographs])

    def plain_crops(self, faces: FaceSet) -> NDArray[np.uint8]:
        """Return the faces ``(n, 48, 48)`` uint8 uncorrected: dark ones left dark, small ones enlarged linearly."""
        if self.size >= SIZE:
            return self.crops(faces, None)
        return np.stack([cv2.resize(one, (SIZE, SIZE)) for one in self.photographs(faces)])


def by_size() -> list[Condition]:
    """Return faces of every size in full light."""
    return [Condition(size) for size in SIZES]


def by_light() -> list[Condition]:
    """Return every light, with and without sensor noise, for three sizes of face."""
    return [Condition(size, light, noisy) for size in LIT_SIZES for noisy in (False, True) for light in LIGHTS]


def conditions(
    subject: Subject, faces: FaceSet, bootstrap: Bootstrap, chosen: Iterable[Condition] | None = None
) -> list[dict[str, Any]]:
    """Return the accuracy of every head under each condition, one row of plain values each.

    ``heads`` holds the figures of the device's input, ``plain`` those of faces without corrections.
    """
    found = tuple(dict.fromkeys([*by_size(), *by_light()] if chosen is None else chosen))
    return [_row(condition, subject, faces, bootstrap) for condition in bar(found, "conditions")]


def _row(condition: Condition, subject: Subject, faces: FaceSet, bootstrap: Bootstrap) -> dict[str, Any]:
    plain, corrected = condition.plain_crops(faces), condition.crops(faces, subject.contrast)
    before = accuracy_of(subject.logits_of_crops(plain), faces, bootstrap)
    same = np.array_equal(plain, corrected)
    after = before if same else accuracy_of(subject.logits_of_crops(corrected), faces, bootstrap)
    return {**asdict(condition), "heads": after, "plain": before}
