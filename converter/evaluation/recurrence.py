"""Which measured pictures also occur in the training split, so that figures can be given without them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from converter.progress import bar

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet

    Recurring = Callable[[NDArray[np.uint8], NDArray[np.uint8]], NDArray[np.bool_]]
    """Takes measured ``(n, 48, 48)`` and training pictures ``(m, 48, 48)``; marks ``(n,)`` those that recur."""


_ROWS = 256
SMALL = 12
ALIKE = 0.97
"""Correlation from which two pictures count as one photograph.

Of PublicTest's pairs with Training, those from 0.96 to 0.98 that the list of rows to drop does not know were looked at:
of 121 all but one or two, at the lower end, are the same photograph, mostly in another crop.
"""


def recurring(measured: NDArray[np.uint8], training: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Marks the ``measured`` pictures that occur in ``training`` exactly, mirrored or nearly.

    Nearly the same are two pictures that correlate by more than :data:`ALIKE` at :data:`SMALL` pixels a side; a
    picture of one grey correlates with nothing and never counts.
    """
    if not len(measured) or not len(training):
        return np.zeros(len(measured), bool)
    known = _signatures(training)
    found = np.zeros(len(measured), bool)
    for start in bar(range(0, len(measured), _ROWS), "recurring pictures"):
        block = measured[start : start + _ROWS]
        alike = np.maximum(*((_signatures(shown) @ known.T).max(axis=1) for shown in (block, block[:, :, ::-1])))
        found[start : start + _ROWS] = alike > ALIKE
    return found


def _signatures(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Small pictures of mean 0 and length 1, ``(n, 144)``: their products are correlations."""
    small = [cv2.resize(np.ascontiguousarray(one), (SMALL, SMALL), interpolation=cv2.INTER_AREA) for one in pictures]
    flat = np.array(small, np.float32).reshape(len(pictures), -1)
    flat -= flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Recurrence:
    """Measured pictures ``(n,)`` that occur exactly, mirrored or nearly in the training split.

    ``recurs`` marks those that occur in the whole split as published, ``seen`` those that occur in what is left of it
    to train on; ``training`` and ``kept`` count the split's pictures and what is left.
    """

    recurs: NDArray[np.bool_]
    seen: NDArray[np.bool_]
    training: int
    kept: int
    labels: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        """Plain counts."""
        return {
            "pictures": int(self.recurs.sum()),
            "of": len(self.recurs),
            "seen_in_training": int(self.seen.sum()),
            "training_pictures": self.training,
            "training_kept": self.kept,
            "training_labels": self.labels,
        }


def recurrence(measured: FaceSet, whole: FaceSet, kept: FaceSet, recurring: Recurring = recurring) -> Recurrence:
    """Look for the ``measured`` pictures in the ``whole`` training split and in what of it is ``kept`` to train on."""
    recurs = recurring(measured.pixels, whole.pixels)
    # what recurs in the part recurs in the whole: the rest need not be looked for again
    seen = recurs.copy()
    if len(kept) < len(whole):
        seen[recurs] = recurring(measured.pixels[recurs], kept.pixels)
    return Recurrence(recurs, seen, len(whole), len(kept), kept.counts())
