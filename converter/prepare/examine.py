"""Search a data set for pictures that spoil training or its figures: recurring, blank and non-face pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from converter.datasets.faces import OTHER_VOTES
from converter.datasets.splits import TRAINING
from converter.duplicates import Pairs, blank, find, photographs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet


@dataclass(frozen=True, slots=True, eq=False)
class DataExamination:
    """Result of examining the pictures of all splits, numbered in the order of ``splits``.

    ``owner`` ``(n,)`` is the number of each picture's split and ``place`` ``(n,)`` its index in it; ``photograph``
    ``(n,)`` is equal for pictures that are linked by ``pairs``; ``blank`` and ``no_face`` ``(n,)`` mark blank pictures
    and those without a face according to more than half of FER+'s annotators.
    """

    splits: Mapping[str, FaceSet]
    owner: NDArray[np.int64]
    place: NDArray[np.int64]
    pairs: Pairs
    photograph: NDArray[np.int64]
    blank: NDArray[np.bool_]
    no_face: NDArray[np.bool_]

    def of(self, split: str) -> NDArray[np.bool_]:
        """Return a mask ``(n,)`` of the pictures of ``split``."""
        return np.asarray(self.owner == list(self.splits).index(split), np.bool_)

    def recurring(self, split: str, other: str) -> NDArray[np.bool_]:
        """Return a mask ``(n,)`` of the pictures of ``split`` that are in ``other``, or repeated in ``split``."""
        counts = np.bincount(self.photograph[self.of(other)], minlength=int(self.photograph.max(initial=0)) + 1)
        often = counts[self.photograph] > int(split == other)
        return np.asarray(self.of(split) & often, np.bool_)

    def name(self, index: int) -> tuple[str, str]:
        """Return split and name of a picture."""
        split = list(self.splits)[self.owner[index]]
        return split, str(self.splits[split].names[self.place[index]])

    def label(self, index: int) -> int:
        """Return the label number of a picture, -1 if it has none."""
        return int(list(self.splits.values())[self.owner[index]].labels[self.place[index]])

    def pixels(self, index: int) -> NDArray[np.uint8]:
        """Return a picture ``(48, 48)`` uint8 grey."""
        found: NDArray[np.uint8] = list(self.splits.values())[self.owner[index]].pixels[self.place[index]]
        return found

    def rows_to_drop(self) -> NDArray[np.int64]:
        """Return the rows of Training, counted within the whole split, that recur in another split or are blank."""
        if TRAINING not in self.splits:
            return np.empty(0, np.int64)
        drop = self.of(TRAINING) & self.blank
        for other in self.splits:
            if other != TRAINING:
                drop |= self.recurring(TRAINING, other)
        return np.sort(self.splits[TRAINING].rows[self.place[drop]])


def examine(splits: Mapping[str, FaceSet]) -> DataExamination:
    """Examine whole splits; 36,000 pictures take about half a minute on one core.

    Two pictures also count as one photograph if both are similar to a third: all of 60 such pairs in FER2013 were, in
    crops too far apart to be found similar directly.
    """
    pixels = np.concatenate([faces.pixels for faces in splits.values()])
    lengths = [len(faces) for faces in splits.values()]
    pairs = find(pixels)
    no_face = [faces.other_votes[:, OTHER_VOTES.index("NF")] > 0.5 for faces in splits.values()]
    return DataExamination(
        splits,
        owner=np.repeat(np.arange(len(lengths)), lengths),
        place=np.concatenate([np.arange(length) for length in lengths]),
        pairs=pairs,
        photograph=photographs(len(pixels), pairs),
        blank=blank(pixels),
        no_face=np.concatenate(no_face),
    )
