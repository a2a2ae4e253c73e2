"""Decoding with PyAV, if installed, of video files that OpenCV decodes incorrectly.

OpenCV selects the first track, even if that is a cover picture or not the default one. It ends at the first empty
packet, with which Theora marks a held picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_HELD_BY_EMPTY_PACKETS = {"theora"}


class AvCapture:
    """The part of ``cv2.VideoCapture`` that a video file's source uses; ``track`` is the one that is decoded."""

    def __init__(self, container: Any, track: Any) -> None:
        self._container, self._track = container, track
        self._frames = self._decoded()
        self._position_ms = 0.0
        track.thread_type = "AUTO"

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        """Return True, since the file is open from construction on."""
        return True

    def read(self) -> tuple[bool, NDArray[np.uint8] | None]:
        """Return ``(True, picture)``, an upright (h, w, 3) uint8 BGR array, or ``(False, None)`` at the end."""
        import av

        try:
            frame = next(self._frames, None)
        except (av.error.FFmpegError, OSError):
            frame = None
        if frame is None:
            return False, None
        if frame.pts is not None:
            self._position_ms = float(frame.pts * self._track.time_base) * 1000
        image = np.rot90(frame.to_ndarray(format="bgr24"), round(frame.rotation / 90) % 4)
        return True, np.ascontiguousarray(image)

    def grab(self) -> bool:
        """Decode the next picture without returning it."""
        return self.read()[0]

    def get(self, prop: int) -> float:
        """Return frame rate, number of frames or time of the last frame in milliseconds; 0 if unknown."""
        if prop == cv2.CAP_PROP_FPS:
            return float(self._track.average_rate or 0)
        if prop == cv2.CAP_PROP_FRAME_COUNT:
            return float(self._track.frames)
        return self._position_ms if prop == cv2.CAP_PROP_POS_MSEC else 0.0

    def set(self, _prop: int, _value: float) -> bool:
        """Return False, since nothing can be set."""
        return False

    def release(self) -> None:
        """Close the file."""
        self._container.close()

    def _decoded(self) -> Iterator[Any]:
        for packet in self._container.demux(self._track):
            if packet.size:
                yield from self._track.codec_context.decode(packet)
        yield from self._track.codec_context.decode(None)


def instead_of_opencv(path: Path) -> AvCapture | None:
    """Open ``path`` if OpenCV decodes it incorrectly and PyAV is installed; otherwise return ``None``."""
    try:
        import av
    except ImportError:
        return None
    try:
        container = av.open(str(path), **tolerant(av))
    except (av.error.FFmpegError, OSError):
        return None
    track = main_video(container)
    is_first = track is next(iter(container.streams.video), None)
    if track is None or (is_first and track.codec_context.name not in _HELD_BY_EMPTY_PACKETS):
        container.close()
        return None
    return AvCapture(container, track)


def main_video(container: Any) -> Any | None:
    """Return the track that players show: the default one, never a cover picture; ``None`` if there is no video."""
    from av.stream import Disposition

    tracks = [track for track in container.streams.video if track.codec_context is not None]
    films = [track for track in tracks if not track.disposition & Disposition.attached_pic]
    return next((film for film in films if film.disposition & Disposition.default), next(iter(films), None))


def tolerant(av: Any) -> dict[str, Any]:
    """Return options for ``av.open`` that tolerate malformed characters in a title; PyAV 19 needs none."""
    return {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
