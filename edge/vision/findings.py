"""What a search for faces gives to the tracker, and what every search keeps to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from edge.core.types import Box, Detection
    from edge.vision.track import Track
    from edge.vision.view import FrameView


@dataclass(frozen=True, slots=True)
class Findings:
    """Faces found in one frame, in its pixels, each once.

    ``looked_for`` are the ids of the tracks that would have been found had they been there.
    """

    detections: tuple[Detection, ...]
    looked_for: frozenset[str]


class FaceSearch(Protocol):
    """Decide where and when to look for faces, and look there; times are the frames' own and go forward."""

    @property
    def still(self) -> bool:
        """Whether nothing moved in the last frame."""
        ...

    def grey_width(self, width: int, height: int) -> int:
        """Return how wide the small grey picture of a frame of ``width`` by ``height`` pixels is."""
        ...

    def update(self, view: FrameView) -> None:
        """Take in the next frame; before :meth:`changed` and :meth:`look`."""
        ...

    def changed(self, box: Box) -> bool:
        """Return whether anything moves in ``box``, in pixels of the small picture."""
        ...

    def look(self, view: FrameView, tracks: Sequence[Track], followed: Collection[str]) -> Findings | None:
        """Return what is found in ``view``; ``None`` where nothing was to be looked for.

        ``tracks`` are the faces that are known, ``followed`` the ids of those that look like themselves.
        """
        ...

    def reset(self) -> None:
        """Begin anew with the whole picture."""
        ...
