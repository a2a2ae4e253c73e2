"""What every search for faces has: a scan of the whole picture, and an eye on what moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.vision.search_candidates import SearchCandidates

if TYPE_CHECKING:
    from edge.core.types import Box
    from edge.vision.scan import Scan
    from edge.vision.view import FrameView


class MotionSearch:
    """Keep the scan and the places where something moves; subclasses decide where to look.

    ``pause_s`` is the first pause before a place is searched again.
    """

    def __init__(self, scan: Scan, *, pause_s: float) -> None:
        self._scan = scan
        self._news = SearchCandidates(pause_s=pause_s)
        self.reset()

    def reset(self) -> None:
        """Begin anew with the whole picture."""
        self._news.reset()
        self._scan.reset()

    @property
    def still(self) -> bool:
        """Whether nothing moved in the last frame."""
        return self._news.still

    def grey_width(self, width: int, height: int) -> int:
        """Return how wide the small grey picture is: as wide as the widest search."""
        return self._scan.width(width, height)

    def update(self, view: FrameView) -> None:
        """Compare the next frame with what was there before."""
        self._news.update(view.grey, view.now_ns)

    def changed(self, box: Box) -> bool:
        """Return whether anything moves in ``box``, in pixels of the small picture."""
        return self._news.changed(box)
