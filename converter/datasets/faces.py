"""Arrays that every loader returns and every trainer accepts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from edge.core.types import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from converter.datasets.origin import DataOrigin

SIZE = 48
"""Side of a FER2013 picture in pixels."""
OTHER_VOTES = ("contempt", "unknown", "NF")
"""Answers of FER+'s annotators besides the seven emotions; ``NF`` means no face."""
UNKNOWN = -1
"""Missing label or majority."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceSet:
    """Labelled faces of one split.

    ``pixels`` ``(n, 48, 48)`` uint8 grey; ``labels`` ``(n,)`` int64, FER2013's original class, -1 if unknown; ``votes``
    ``(n, 7)`` float32, the share of FER+ annotators per emotion (zeros if they saw none of the seven); ``majority``
    ``(n,)`` int64, the emotion with strictly the most of all ten kinds of votes, -1 if there is none. ``other_votes``
    ``(n, 3)`` float32, the shares of all votes for :data:`OTHER_VOTES`.

    ``rows`` ``(n,)`` int64 is each picture's position in its complete split and ``names`` ``(n,)`` its name in
    messages; ``left_out`` counts the pictures that the loader skipped, by reason. ``unreadable`` names the skipped
    files that could not be read. ``origin`` describes the source of the faces, if a loader read them. ``classes`` are
    the names of the labels and of the columns of ``votes``, the seven or custom ones.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    votes: NDArray[np.float32]
    majority: NDArray[np.int64]
    other_votes: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, len(OTHER_VOTES)), np.float32))
    rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    names: NDArray[np.str_] = field(default_factory=lambda: np.empty(0, np.str_))
    left_out: Mapping[str, int] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()
    origin: DataOrigin | None = None
    classes: tuple[str, ...] = EMOTIONS

    def __post_init__(self) -> None:
        n = len(self.pixels)
        self._fill(n)
        expected = {
            "pixels": (n, SIZE, SIZE),
            "labels": (n,),
            "votes": (n, len(self.classes)),
            "majority": (n,),
            "other_votes": (n, len(OTHER_VOTES)),
            "rows": (n,),
            "names": (n,),
        }
        for name, shape in expected.items():
            found = getattr(self, name).shape
            if found != shape:
                msg = f"{name}: expected shape {shape}, found {found}"
                raise ValueError(msg)

    def _fill(self, n: int) -> None:
        """Fill empty fields with defaults: no other votes, rows in order, names by row."""
        if not len(self.other_votes):
            object.__setattr__(self, "other_votes", np.zeros((n, len(OTHER_VOTES)), np.float32))
        if not len(self.rows):
            object.__setattr__(self, "rows", np.arange(n))
        if not len(self.names):
            object.__setattr__(self, "names", np.array([f"row {row}" for row in self.rows], np.str_))

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> FaceSet:
        """Return the faces at ``rows`` (indices or a mask)."""
        return replace(
            self,
            pixels=self.pixels[rows],
            labels=self.labels[rows],
            votes=self.votes[rows],
            majority=self.majority[rows],
            other_votes=self.other_votes[rows],
            rows=self.rows[rows],
            names=self.names[rows],
        )

    def counts(self) -> dict[str, int]:
        """Return the number of faces per original label."""
        return count(self.labels, self.classes)

    @classmethod
    def of(
        cls,
        pixels: NDArray[np.uint8],
        labels: NDArray[np.int64],
        names: NDArray[np.str_],
        left_out: Mapping[str, int] | None = None,
        unreadable: tuple[str, ...] = (),
        *,
        classes: tuple[str, ...] = EMOTIONS,
    ) -> FaceSet:
        """Create faces without votes from pixels ``(n, 48, 48)`` uint8, labels ``(n,)`` and names ``(n,)``."""
        n = len(pixels)
        votes, majority = np.zeros((n, len(classes)), np.float32), np.full(n, UNKNOWN)
        left_out = left_out or {}
        return cls(
            pixels, labels, votes, majority, names=names, left_out=left_out, unreadable=unreadable, classes=classes
        )


def count(labels: NDArray[np.int64], classes: tuple[str, ...] = EMOTIONS) -> dict[str, int]:
    """Return the number of occurrences of each class in ``labels`` ``(n,)``; unknown labels are not counted."""
    found = np.bincount(labels[labels >= 0], minlength=len(classes))
    return {str(name): int(number) for name, number in zip(classes, found, strict=True)}


def truth(faces: FaceSet, head: str) -> NDArray[np.int64]:
    """Return the class that is right for ``head``, ``(n,)``; -1 where none is (FER+ without a usable majority)."""
    return faces.labels if head == "fer2013" else faces.majority
