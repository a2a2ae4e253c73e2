"""Where the faces are, handed from the loop to the thread that owns the source."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from edge.sources.orient import as_mounted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from edge.core.types import Box, Frame

INTERVAL_NS = 1_000_000_000
"""At least so long between two aims: focus and exposure follow slowly anyway."""
_MOST_FACES = 10
_MARGIN = -0.15
"""Brightness is measured inside the box, where there is skin and no background."""


@dataclass(frozen=True, slots=True)
class Aim:
    """Faces in pixels of the source's own picture, largest first, and their usual grey level (0 to 255)."""

    faces: tuple[Box, ...]
    brightness: float | None


class AimSlot:
    """Holds the newest aim until the source's thread takes it; safe on two threads."""

    def __init__(self, *, rotation: int, mirror: bool) -> None:
        self._rotation = rotation
        self._mirror = mirror
        self._lock = threading.Lock()
        self._aim: Aim | None = None
        self._offered_ns: int | None = None

    def offer(self, frame: Frame, faces: Iterable[Box]) -> None:
        """Remember the ``faces`` seen in the upright ``frame``, at most once a second of the frames' time."""
        if self._offered_ns is not None and 0 <= frame.monotonic_ns - self._offered_ns < INTERVAL_NS:
            return
        self._offered_ns = frame.monotonic_ns
        largest = sorted(faces, key=lambda box: box.area, reverse=True)[:_MOST_FACES]
        mounted = tuple(
            as_mounted(box, frame.width, frame.height, rotation=self._rotation, mirror=self._mirror) for box in largest
        )
        aim = Aim(mounted, brightness_of(frame, largest))
        with self._lock:
            self._aim = aim

    def take(self) -> Aim | None:
        """The newest aim that was not taken yet."""
        with self._lock:
            aim, self._aim = self._aim, None
        return aim


def brightness_of(frame: Frame, faces: Sequence[Box]) -> float | None:
    """Median over ``faces`` of their mean grey level, 0 to 255; ``None`` where none of them is in the picture."""
    picture = frame.image if frame.small_grey is None else frame.small_grey
    scale_x, scale_y = picture.shape[1] / frame.width, picture.shape[0] / frame.height
    levels = [_level(picture, face.expanded(_MARGIN).scaled(scale_x, scale_y)) for face in faces]
    known = [level for level in levels if level is not None]
    return median(known) if known else None


def _level(picture: NDArray[np.uint8], box: Box) -> float | None:
    left, top = max(0, round(box.x)), max(0, round(box.y))
    part = picture[top : max(top, round(box.y + box.height)), left : max(left, round(box.x + box.width))]
    return float(part.mean()) if part.size else None
