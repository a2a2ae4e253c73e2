"""Measured pictures that also occur in the training split, so that figures can be given without them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from converter.duplicates import recurring

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from converter.datasets.faces import FaceSet


@dataclass(frozen=True, slots=True, eq=False)
class Recurrence:
    """Measured pictures ``(n,)`` that occur exactly, mirrored or nearly in the training split.

    ``recurs`` marks those that occur in the whole split as published, ``seen`` those that occur in the part that is
    trained on; ``training`` and ``kept`` count the split's pictures and those of that part.
    """

    recurs: NDArray[np.bool_]
    seen: NDArray[np.bool_]
    training: int
    kept: int
    labels: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        """Return plain counts."""
        return {
            "pictures": int(self.recurs.sum()),
            "of": len(self.recurs),
            "seen_in_training": int(self.seen.sum()),
            "training_pictures": self.training,
            "training_kept": self.kept,
            "training_labels": self.labels,
        }


def recurrence(measured: FaceSet, whole: FaceSet, kept: FaceSet) -> Recurrence:
    """Search the ``measured`` pictures in the ``whole`` training split and in the part of it that is ``kept``."""
    recurs = recurring(measured.pixels, whole.pixels)
    # pictures that recur in the part recur in the whole: the rest need not be searched again
    seen = recurs.copy()
    if len(kept) < len(whole):
        seen[recurs] = recurring(measured.pixels[recurs], kept.pixels)
    return Recurrence(recurs, seen, len(whole), len(kept), kept.counts())
