"""A recording over and over, without a break in its times."""

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
"""A picture that is alone in its recording has no duration of its own; it stays for so long."""


class Looped(PassiveSource):
    """``clip`` again and again; times and numbers of its frames go on at each beginning."""

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
        """That of the recording."""
        return self._clip.uri

    def open(self) -> None:
        """Open the recording from its beginning.

        Raises:
            SourceError: it is missing, not readable, empty, or no recording.
        """
        self._index, self._offset_ns, self._last_ns, self._step_ns = 0, 0, None, STILL_NS
        self._clip.open()

    def read(self) -> Frame:
        """The next frame, after the last one the first again.

        Raises:
            SourceError: the recording is damaged, gone, or not open.
        """
        try:
            frame = self._clip.read()
        except SourceEnded:
            _LOG.debug("%s: begins again", self.uri)
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
            # as long after the last frame as that was after the one before it
            self._offset_ns += self._last_ns + self._step_ns - frame.monotonic_ns
        return frame

    def close(self) -> None:
        """Close the recording."""
        self._clip.close()
