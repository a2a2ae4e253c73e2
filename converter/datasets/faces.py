"""The arrays that every loader gives and every trainer takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge.types import EMOTIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE = 48
"""Side of a FER2013 picture in pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceSet:
    """Labelled faces of one split.

    ``pixels`` ``(n, 48, 48)`` uint8 grey; ``labels`` ``(n,)`` int64, FER2013's original class; ``votes`` ``(n, 7)``
    float32, the share of FER+ annotators per emotion (rows of zeros where they saw none of the seven); ``majority``
    ``(n,)`` int64, the emotion with strictly the most of all ten kinds of votes, -1 where there is none.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    votes: NDArray[np.float32]
    majority: NDArray[np.int64]

    def __post_init__(self) -> None:
        n = len(self.pixels)
        expected = {"pixels": (n, SIZE, SIZE), "labels": (n,), "votes": (n, len(EMOTIONS)), "majority": (n,)}
        for name, shape in expected.items():
            found = getattr(self, name).shape
            if found != shape:
                msg = f"{name}: expected shape {shape}, found {found}"
                raise ValueError(msg)

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> FaceSet:
        """The faces at ``rows`` (indices or a mask)."""
        return FaceSet(self.pixels[rows], self.labels[rows], self.votes[rows], self.majority[rows])

    def counts(self) -> dict[str, int]:
        """Number of faces per original label."""
        found = np.bincount(self.labels, minlength=len(EMOTIONS))
        return {emotion.value: int(count) for emotion, count in zip(EMOTIONS, found, strict=True)}
