"""Published data sets, recognised by the number of pictures of each emotion instead of a folder name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from converter.datasets.splits import ALL, PUBLIC, TRAINING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from converter.datasets.faces import FaceSet

FER2013, CK, JAFFE = "FER2013", "CK+48", "JAFFE"

_COUNTS: dict[tuple[str, tuple[int, ...]], str] = {
    (TRAINING, (3995, 436, 4097, 7215, 4830, 3171, 4965)): FER2013,
    (PUBLIC, (467, 56, 496, 895, 653, 415, 607)): FER2013,
    (ALL, (135, 177, 75, 207, 84, 249, 0)): CK,
    (ALL, (30, 29, 32, 31, 31, 30, 30)): JAFFE,
}
"""Split and number of pictures by label, in the order of the emotions."""

CITATIONS = {
    FER2013: "FER2013 (Goodfellow et al., 2013): 48x48 grey faces collected from the web; research use",
    CK: "CK+48, last frames of the Extended Cohn-Kanade sequences (Lucey et al., 2010): posed faces; research use",
    JAFFE: "JAFFE (Lyons et al., 1998): posed faces of ten Japanese women; non-commercial research use",
}
VOTES = "FER+ (Barsoum et al., 2016): ten crowd annotators' votes on the same pictures; MIT"
"""Source of the votes on FER2013's pictures."""


def published_name(splits: Mapping[str, FaceSet]) -> str:
    """Return the published data set with the counts of the complete ``splits``, or an empty name."""
    for split, faces in splits.items():
        name = _COUNTS.get((split, tuple(faces.counts().values())))
        if name is not None:
            return name
    return ""
