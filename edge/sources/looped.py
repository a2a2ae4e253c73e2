"""A recording in an endless loop with continuous frame times."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from edge.core.errors import SourceEnded
from edge.sources.passive import PassiveSource

if TYPE_CHECKING:
    from edge.core.protocols import FrameSource
    from edge.core.types import Frame

_LOG = logging.getLogger(__name__)
STILL_NS = 3_000_000_000
"""Seconds that the frame of a single-frame recording lasts, since it has no duration of its own."""


class Looped(PassiveSource):
    """``clip`` in a loop; times and numbers of its frames continue at each restart."""

    lossless = True
    epoch_ns: int | None = 0

    def __init__(self, clip: FrameSource) -> None:
        self._clip = clip
        self._index = 0
        self._offset_ns = 0
        self._last_ns: int | None = None
        self._step_ns = STILL_NS

    @property
    def uri(self) -> str:
        """URI of the recording."""
        return self._clip.uri

    def open(self) -> None:
        """Open the recording from its beginning.

        Raises:
            SourceError: it is missing, not readable, empty, or no recording.
        """
        self._index, self._offset_ns, self._last_ns, self._step_ns = 0, 0, None, STILL_NS
        self._clip.open()

    def read(self) -> Frame:
        """Return the next frame; after the last one, the first again.

        Raises:
            SourceError: the recording is damaged, gone, or not open.
        """
        try:
            frame = self._clip.read()
        except SourceEnded:
            _LOG.debug("%s: starts again", self.uri)
            frame = self._first_again()
        else:
            if self._last_ns is not None:
                self._step_ns = frame.monotonic_ns - self._last_ns
        self._last_ns = frame.monotonic_ns
        index, self._index = self._index, self._index + 1
        return replace(frame, monotonic_ns=frame.monotonic_ns + self._offset_ns, index=index)

    def _first_again(self) -> Frame:
        self._clip.open()
        frame = self._clip.read()
        if self._last_ns is not None:
            # keep the interval between the last two frames
            self._offset_ns += self._last_ns + self._step_ns - frame.monotonic_ns
        return frame

    def close(self) -> None:
        """Close the recording."""
        self._clip.close()
