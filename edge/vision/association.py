"""Association of detections with known faces (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.core.types import Box

_NEAR = 0.8
"""Largest distance of the centres, in sides of the face, at which a detection may be the same face."""
_SMALLEST, _LARGEST = 0.55, 1.8
"""Bounds of the detection's size in relation to the face's last size."""
_FURTHER = 0.5
"""Growth of that distance, in sides per second in which the face was not seen."""
_FURTHEST = 1.6


def associate(
    expected: Sequence[Box], unseen_s: Sequence[float], detections: Sequence[Box], *, iou_threshold: float
) -> dict[int, int]:
    """Return the index of the matching detection by the index of the known face, for all faces with a match.

    Faces are given by their ``expected`` boxes and the time since they were last seen. Pairs with an overlap of at
    least ``iou_threshold`` are matched first, by overlap; the others by distance in relation to size.
    """
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for rank in (_overlaps(expected, detections, max(iou_threshold, 1e-9)), _distances(expected, unseen_s, detections)):
        for _, face, detection in sorted(rank):
            if face not in pairs and detection not in taken:
                pairs[face] = detection
                taken.add(detection)
    return pairs


def _overlaps(expected: Sequence[Box], detections: Sequence[Box], least: float) -> list[tuple[float, int, int]]:
    pairs = []
    for f, face in enumerate(expected):
        for d, detection in enumerate(detections):
            overlap = face.iou(detection)
            if overlap >= least:
                pairs.append((-overlap, f, d))
    return pairs


def _distances(
    expected: Sequence[Box], unseen_s: Sequence[float], detections: Sequence[Box]
) -> list[tuple[float, int, int]]:
    pairs = []
    for f, (face, seconds) in enumerate(zip(expected, unseen_s, strict=True)):
        side, (x, y) = max(face.width, face.height, 1e-6), face.centre
        reach = min(_FURTHEST, _NEAR + _FURTHER * seconds)
        for d, detection in enumerate(detections):
            if not _SMALLEST <= max(detection.width, detection.height) / side <= _LARGEST:
                continue
            other_x, other_y = detection.centre
            distance = max(abs(other_x - x), abs(other_y - y)) / side
            if distance <= reach:
                pairs.append((distance, f, d))
    return pairs
