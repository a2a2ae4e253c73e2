"""Clips: frames, the faces in each, and the kinds of clips."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tests.bench.scenes.truth import size_share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from edge.core.types import Box

VIEW_WIDTH, VIEW_HEIGHT = 1280, 720
FPS = 15.0
EMPTY = "empty"
CAMERA_KINDS = ("still", "handheld", "pan", "zoom", "ramp")
"""A camera stands, shakes, pans, zooms, or sees the light go down and up again."""
STAGED_KINDS = ("enter", "cross", "away")
"""Somebody comes and goes, two pass each other, a face is covered for a while."""
KINDS = (*CAMERA_KINDS, *STAGED_KINDS, EMPTY)
LABELLED = frozenset({"still"})
"""Kinds in which nobody moves, so that no label has a reason to change."""
RETURNING = frozenset({"cross", "away"})
"""Kinds in which a face is covered and seen again."""
_LEAST_IN_VIEW = 0.75


class Visibility(StrEnum):
    """Visibility of a face: in view, ignored, or covered for a while."""

    VISIBLE = "visible"
    IGNORED = "ignored"
    COVERED = "covered"


@dataclass(frozen=True, slots=True)
class TruthFace:
    """A marked face in one frame; ``share`` is its size as a share of the view's shorter side."""

    number: int
    box: Box
    share: float
    presence: Visibility


@dataclass(frozen=True, slots=True, eq=False)
class SceneFrame:
    """A picture of the clip and the faces in it."""

    image: NDArray[np.uint8]
    faces: tuple[TruthFace, ...]


@dataclass(frozen=True, slots=True)
class SceneClip:
    """``frames`` frames at 15 a second, each drawn when it is asked for; drawn in order they are always the same."""

    kind: str
    name: str
    frames: int
    draw: Callable[[int], SceneFrame]

    def __iter__(self) -> Iterator[SceneFrame]:
        return map(self.draw, range(self.frames))


def in_view(number: int, box: Box, *, counts: bool = True) -> TruthFace | None:
    """Return the face in the view, or ``None`` outside; with less than three quarters in view it is ignored."""
    width = min(box.x + box.width, VIEW_WIDTH) - max(box.x, 0.0)
    height = min(box.y + box.height, VIEW_HEIGHT) - max(box.y, 0.0)
    if width <= 0 or height <= 0:
        return None
    x, y = box.centre
    whole = 0 <= x < VIEW_WIDTH and 0 <= y < VIEW_HEIGHT and width * height >= _LEAST_IN_VIEW * box.area
    presence = Visibility.VISIBLE if whole and counts else Visibility.IGNORED
    return TruthFace(number, box, size_share(box, VIEW_WIDTH, VIEW_HEIGHT), presence)
