"""Agreement of our faces and labels with the obvious loop's on the same frames (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edge.bench.obvious import Turn
    from edge.core.types import Box, Observation

SAME_FACE_IOU = 0.4
"""Overlap from which two boxes are one face: the two loops search at different scales."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Shares of 1, ``None`` where there was nothing to compare.

    ``recall``: share of the obvious loop's faces that we have in the same frame. ``labels``: share of those with the
    same label after smoothing. ``recall_drawn`` and ``recall_drawn_obvious``: share of the drawn faces that each loop
    found; ``extra`` and ``extra_obvious``: faces per frame that were not drawn.
    """

    faces: int
    recall: float | None
    labels: float | None
    recall_drawn: float | None = None
    recall_drawn_obvious: float | None = None
    extra: float | None = None
    extra_obvious: float | None = None


def agreement(
    ours: Sequence[Observation], obvious: Sequence[Turn], drawn: Sequence[Sequence[Box]] | None = None
) -> Agreement:
    """Compare frame by frame; all three sequences are of the same frames in order."""
    faces = found = same = 0
    for observation, turn in zip(ours, obvious, strict=True):
        boxes = [face.box for face in observation.faces]
        for sight, match in zip(turn.sights, matches([sight.box for sight in turn.sights], boxes), strict=True):
            faces += 1
            if match is not None:
                found += 1
                same += observation.faces[match].emotion == sight.emotion
    told = Agreement(faces, _share(found, faces), _share(same, found))
    if drawn is None:
        return told
    recall, extra = _against(drawn, ([face.box for face in observation.faces] for observation in ours))
    recall_obvious, extra_obvious = _against(drawn, ([sight.box for sight in turn.sights] for turn in obvious))
    return Agreement(told.faces, told.recall, told.labels, recall, recall_obvious, extra, extra_obvious)


def matches(wanted: Sequence[Box], found: Sequence[Box]) -> list[int | None]:
    """Return for each wanted box the index of the matching found box, each used once, best overlaps first."""
    pairs = sorted(
        ((box.iou(other), w, f) for w, box in enumerate(wanted) for f, other in enumerate(found)),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    chosen: list[int | None] = [None] * len(wanted)
    used: set[int] = set()
    for overlap, w, f in pairs:
        if overlap < SAME_FACE_IOU:
            break
        if chosen[w] is None and f not in used:
            chosen[w] = f
            used.add(f)
    return chosen


def _against(drawn: Sequence[Sequence[Box]], seen: Iterable[Sequence[Box]]) -> tuple[float | None, float]:
    total = hit = extra = 0
    for truth, boxes in zip(drawn, seen, strict=True):
        found = sum(match is not None for match in matches(truth, boxes))
        total, hit, extra = total + len(truth), hit + found, extra + len(boxes) - found
    return _share(hit, total), extra / max(1, len(drawn))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
