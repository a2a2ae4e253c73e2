"""Video files, upright, every frame, at the times that the file itself says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from edge.errors import SourceEnded, SourceError
from edge.sources import opencv, regular
from edge.sources.passive import PassiveSource
from edge.types import Frame

if TYPE_CHECKING:
    from edge.config import SourceConfig

_NS_PER_MS = 1_000_000
_USUAL_FPS = 25.0
_WHOLE_SHARE = 0.9
"""Edit lists and frames without a reference make sound files a little shorter than their index."""
_HIGHEST_FPS = 1000.0
"""What is above comes of containers that give a clock's ticks for frames."""


class VideoFile(PassiveSource):
    """A file as fast as it can be processed; ``monotonic_ns`` is the position in the clip, so runs repeat."""

    lossless = True
    epoch_ns: int | None = 0

    def __init__(self, config: SourceConfig) -> None:
        self._path = Path(config.uri.removeprefix("file://"))
        self._capture: cv2.VideoCapture | None = None
        self._index = 0
        self._last_ns = -1
        self._frame_ns = 0
        self._announced = 0

    @property
    def uri(self) -> str:
        """The file's path as it was given."""
        return str(self._path)

    def open(self) -> None:
        """Open the file from its beginning.

        Raises:
            SourceError: it is missing, not readable, empty, or no video.
        """
        self.close()
        opencv.quiet()
        if fault := regular.fault(self._path):
            raise SourceError(fault)
        capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            capture.release()
            msg = f"{self._path}: is no video that can be decoded; it may be damaged or of another kind"
            raise SourceError(msg)
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        fps = capture.get(cv2.CAP_PROP_FPS)
        self._frame_ns = round(1e9 / (fps if 0 < fps <= _HIGHEST_FPS else _USUAL_FPS))
        self._announced = round(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if _counts(self._path) else 0
        self._capture, self._index, self._last_ns = capture, 0, -1

    def read(self) -> Frame:
        """The next frame.

        Raises:
            SourceEnded: that was the last.
            SourceError: not even one frame can be decoded, or the file is not open.
        """
        if self._capture is None:
            msg = f"{self.uri}: is not open"
            raise SourceError(msg)
        image = opencv.picture(self._capture, self.uri)
        if image is None:
            if self._index == 0:
                msg = f"{self._path}: not one frame of it can be decoded; the file is damaged"
                raise SourceError(msg)
            short = self._index < self._announced * _WHOLE_SHARE
            cut = f" of {self._announced}; it may be damaged or cut off" if short else ""
            msg = f"{self._path}: ended after {self._index} frames{cut}"
            raise SourceEnded(msg)
        frame = Frame(image, self._position_ns(self._capture), self._index, name=self._path.name)
        self._index += 1
        return frame

    def _position_ns(self, capture: cv2.VideoCapture) -> int:
        """The file's own time of this frame; one frame after the last where that does not go forward."""
        position_ns = round(capture.get(cv2.CAP_PROP_POS_MSEC) * _NS_PER_MS)
        if position_ns <= self._last_ns:
            position_ns = self._last_ns + self._frame_ns
        self._last_ns = position_ns
        return position_ns

    def close(self) -> None:
        """Close the file."""
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()


def _counts(path: Path) -> bool:
    """True for containers that have an index of their frames; OpenCV estimates the number for others."""
    return path.suffix.lower() in {".mp4", ".m4v", ".mov"}
