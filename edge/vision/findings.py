"""Protocol of face searches, and their results for the tracker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from edge.core.types import Box, Detection
    from edge.vision.track import Track
    from edge.vision.view import FrameView


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Faces detected in one frame, in its pixels, without duplicates.

    ``looked_for`` holds the ids of the tracks that the search covered.
    """

    detections: tuple[Detection, ...]
    looked_for: frozenset[str]


class FaceSearch(Protocol):
    """Decides where and when to search for faces, and searches; times are the frames' own and increase."""

    @property
    def still(self) -> bool:
        """Return whether nothing moved in the last frame."""
        ...

    def grey_width(self, width: int, height: int) -> int:
        """Return the width in pixels of the small grey picture of a frame of ``width`` by ``height`` pixels."""
        ...

    def update(self, view: FrameView) -> None:
        """Process the next frame; call it before :meth:`changed` and :meth:`look`."""
        ...

    def changed(self, box: Box) -> bool:
        """Return whether anything moves in ``box``, in pixels of the small picture."""
        ...

    def look(self, view: FrameView, tracks: Sequence[Track], followed: Collection[str]) -> SearchResult | None:
        """Return the faces in ``view``; ``None`` if no search was due.

        ``tracks`` are the known faces, ``followed`` the ids of those whose appearance is unchanged.
        """
        ...

    def reset(self) -> None:
        """Start again with a search of the whole picture."""
        ...
