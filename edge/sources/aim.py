"""Face positions, passed from the main loop to the thread that owns the source."""

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
"""Minimum seconds between two aims; focus and exposure follow slowly anyway."""
_MOST_FACES = 10
_MARGIN = -0.15
"""Central share of the box in which brightness is measured: skin without background."""


@dataclass(frozen=True, slots=True)
class Aim:
    """Faces in pixels of the source's own frame, largest first, and their median grey level (0 to 255)."""

    faces: tuple[Box, ...]
    brightness: float | None


class AimSlot:
    """Thread-safe holder of the newest aim until the source's thread takes it."""

    def __init__(self, *, rotation: int, mirror: bool) -> None:
        self._rotation = rotation
        self._mirror = mirror
        self._lock = threading.Lock()
        self._aim: Aim | None = None
        self._offered_ns: int | None = None

    def offer(self, frame: Frame, faces: Iterable[Box]) -> None:
        """Store the ``faces`` seen in the upright ``frame``, at most once per second of frame time."""
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
        """Return the newest aim and clear it; ``None`` if there is no new one."""
        with self._lock:
            aim, self._aim = self._aim, None
        return aim


def brightness_of(frame: Frame, faces: Sequence[Box]) -> float | None:
    """Return the median over ``faces`` of their mean grey level, 0 to 255; ``None`` if no face is in the picture."""
    picture = frame.image if frame.small_grey is None else frame.small_grey
    scale_x, scale_y = picture.shape[1] / frame.width, picture.shape[0] / frame.height
    levels = [_level(picture, face.expanded(_MARGIN).scaled(scale_x, scale_y)) for face in faces]
    known = [level for level in levels if level is not None]
    return median(known) if known else None


def _level(picture: NDArray[np.uint8], box: Box) -> float | None:
    left, top = max(0, round(box.x)), max(0, round(box.y))
    part = picture[top : max(top, round(box.y + box.height)), left : max(left, round(box.x + box.width))]
    return float(part.mean()) if part.size else None
