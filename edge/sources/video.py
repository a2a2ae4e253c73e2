"""Video files: every frame, upright, at the file's own times."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from edge.core.errors import SourceEnded, SourceError
from edge.core.types import Frame
from edge.sources import opencv, regular
from edge.sources.av_capture import AvCapture, instead_of_opencv
from edge.sources.containers import clock_may_leap, counts_frames, is_cut_off
from edge.sources.media_clock import FrameClock
from edge.sources.passive import PassiveSource

if TYPE_CHECKING:
    from edge.config import SourceConfig

_NS = 1_000_000_000
_USUAL_FPS = 25.0
_WHOLE_SHARE = 0.9
"""Share of announced frames that intact files have at least; edit lists make them slightly shorter."""
_HIGHEST_FPS = 1000.0
"""Frame rates above this come from containers that report clock ticks as frames."""


class VideoFile(PassiveSource):
    """A file read as fast as possible; ``monotonic_ns`` is the position in the clip, so runs are repeatable."""

    lossless = True
    epoch_ns: int | None = 0

    def __init__(self, config: SourceConfig) -> None:
        self._path = Path(config.uri.removeprefix("file://"))
        self._capture: cv2.VideoCapture | AvCapture | None = None
        self._index = 0
        self._announced = 0

    @property
    def uri(self) -> str:
        """Path of the file as configured."""
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
        capture = instead_of_opencv(self._path) or cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            capture.release()
            msg = f"{self._path}: is not a decodable video; it may be damaged or of another kind"
            raise SourceError(msg)
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        fps = capture.get(cv2.CAP_PROP_FPS)
        frame_s = 1 / (fps if 0 < fps <= _HIGHEST_FPS else _USUAL_FPS)
        self._clock = FrameClock(frame_s, leaps=clock_may_leap(self._path))
        self._announced = round(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if counts_frames(self._path) else 0
        self._capture, self._index = capture, 0

    def read(self) -> Frame:
        """Return the next frame.

        Raises:
            SourceEnded: that was the last.
            SourceError: not even one frame can be decoded, or the file is not open.
        """
        if self._capture is None:
            msg = f"{self.uri}: is not open"
            raise SourceError(msg)
        image = opencv.picture(self._capture, self.uri)
        if image is None:
            raise self._end()
        time_s = self._clock(self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
        frame = Frame(image, round(time_s * _NS), self._index, name=self._path.name)
        self._index += 1
        return frame

    def _end(self) -> SourceError:
        if self._index == 0:
            return SourceError(
                f"{self._path}: not one frame of it can be decoded; it is damaged, or of a kind that is not read: "
                "convert it to MP4"
            )
        # a file with only a cover picture yields one frame
        short = is_cut_off(self._path) or 1 < self._index < self._announced * _WHOLE_SHARE
        of = f" of {self._announced}" if self._index < self._announced else ""
        cut = f"{of}; it may be damaged or cut off" if short else ""
        return SourceEnded(f"{self._path}: ended after {self._index} frames{cut}")

    def close(self) -> None:
        """Close the file."""
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()
