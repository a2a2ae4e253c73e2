"""Motion of the camera between two frames, estimated from tracked faces (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from edge.core.types import Box

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEAST_FACES = 3
_LEAST_FOR_ZOOM = 4
_LEAST_SPREAD = 2.0
"""Distance of the faces from their median, in sides of a face, from which on a zoom is distinguishable from a shift."""
_LARGEST_ZOOM = 1.1
_MOST_APART = 0.2
"""Largest deviation of the faces' movements from the common one, in sides, at which it is the camera's."""


@dataclass(frozen=True, slots=True)
class CameraMotion:
    """Motion of a point from ``(x, y)`` to ``(scale * x + shift_x, scale * y + shift_y)``, in pixels."""

    scale: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0

    @classmethod
    def of(cls, moves: Sequence[tuple[Box, Box]]) -> CameraMotion:
        """Estimate the motion from pairs of old and new boxes; with too few or diverging ones it is zero."""
        if len(moves) < _LEAST_FACES:
            return cls()
        before, after = [old.centre for old, _ in moves], [new.centre for _, new in moves]
        side = median(max(old.width, old.height) for old, _ in moves)
        middle_x, middle_y = median(x for x, _ in before), median(y for _, y in before)
        scale = 1.0
        spread = sum((x - middle_x) ** 2 + (y - middle_y) ** 2 for x, y in before)
        if len(moves) >= _LEAST_FOR_ZOOM and spread >= len(moves) * (_LEAST_SPREAD * side) ** 2:
            to_x, to_y = median(x for x, _ in after), median(y for _, y in after)
            along = sum(
                (x - middle_x) * (new_x - to_x) + (y - middle_y) * (new_y - to_y)
                for (x, y), (new_x, new_y) in zip(before, after, strict=True)
            )
            scale = min(_LARGEST_ZOOM, max(1 / _LARGEST_ZOOM, along / spread))
        offsets = [(x - scale * u, y - scale * v) for (u, v), (x, y) in zip(before, after, strict=True)]
        shift_x, shift_y = median(x for x, _ in offsets), median(y for _, y in offsets)
        apart = median(max(abs(x - shift_x), abs(y - shift_y)) for x, y in offsets)
        return cls() if apart > _MOST_APART * side else cls(scale, shift_x, shift_y)

    def moved(self, box: Box) -> Box:
        """Return ``box`` after the motion."""
        scale = self.scale
        return Box(scale * box.x + self.shift_x, scale * box.y + self.shift_y, scale * box.width, scale * box.height)

    def resized(self, box: Box) -> Box:
        """Return ``box`` scaled about its centre."""
        return box.expanded((self.scale - 1) / 2)
