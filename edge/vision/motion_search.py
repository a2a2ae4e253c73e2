"""Base class of searches for faces: a scan of the whole picture, and places where something moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.vision.search_candidates import SearchCandidates

if TYPE_CHECKING:
    from edge.core.types import Box
    from edge.vision.scan import Scan
    from edge.vision.view import FrameView


class MotionSearch:
    """Holds the scan and the moving places; subclasses decide where to search.

    ``pause_s`` is the first pause before a place is searched again.
    """

    def __init__(self, scan: Scan, *, pause_s: float) -> None:
        self._scan = scan
        self._candidates = SearchCandidates(pause_s=pause_s)
        self.reset()

    def reset(self) -> None:
        """Start again with a search of the whole picture."""
        self._candidates.reset()
        self._scan.reset()

    @property
    def still(self) -> bool:
        """Return whether nothing moved in the last frame."""
        return self._candidates.still

    def grey_width(self, width: int, height: int) -> int:
        """Return the width in pixels of the small grey picture, that of the widest search."""
        return self._scan.width(width, height)

    def update(self, view: FrameView) -> None:
        """Compare the next frame with the reference."""
        self._candidates.update(view.grey, view.now_ns)

    def changed(self, box: Box) -> bool:
        """Return whether anything moves in ``box``, in pixels of the small picture."""
        return self._candidates.changed(box)
