"""Sums over the frames of clips (pure)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from tests.bench.scenes.truth import SIZE_BINS

NO_BINS = (0,) * len(SIZE_BINS)


@dataclass(frozen=True, slots=True)
class ClipScore:
    """Sums over clips; adding two gives those over both. "Promised" faces are those of the smallest size and more.

    ``ghosts`` are tracks that were no marked face in four fifths of their frames. ``lost`` counts faces that were
    followed and then missing for half a second, or had another id; ``switches`` those whose new id had been another
    face's. ``returns`` counts faces that were followed, covered and seen again, ``same_id`` those that kept their id.
    ``waits_s`` are the times from a face's coming into view to its first publication.
    """

    clips: int = 0
    frames: int = 0
    scored_frames: int = 0
    hits: tuple[int, ...] = NO_BINS
    totals: tuple[int, ...] = NO_BINS
    promised_hits: int = 0
    promised_total: int = 0
    published: int = 0
    count_error: int = 0
    false_faces: int = 0
    ghosts: int = 0
    face_frames: int = 0
    lost: int = 0
    switches: int = 0
    returns: int = 0
    same_id: int = 0
    label_frames: int = 0
    label_changes: int = 0
    waits_s: tuple[float, ...] = ()
    never: int = 0
    cpu_ns: int = 0

    def __add__(self, other: ClipScore) -> ClipScore:
        """Sum each field; bins by bin, waits one after the other."""
        sums: dict[str, Any] = {}
        for field in fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            if field.name in {"hits", "totals"}:
                sums[field.name] = tuple(a + b for a, b in zip(mine, theirs, strict=True))
            else:
                sums[field.name] = mine + theirs
        return ClipScore(**sums)
