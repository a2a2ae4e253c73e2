"""What the sources on OpenCV's VideoCapture share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

import cv2

from edge.errors import SourceError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def quiet() -> None:
    """Keep OpenCV's and FFmpeg's own lines off standard error: ours say what is wrong and what to do."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def set_up(capture: cv2.VideoCapture, *, width: int, height: int, fps: float) -> None:
    """Ask a live camera for a size and rate, compressed where it can, and for as little buffering as it has."""
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
    capture.set(cv2.CAP_PROP_FPS, fps)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)


def read(capture: cv2.VideoCapture | None, uri: str) -> NDArray[np.uint8] | None:
    """The next picture, BGR or grey, or ``None`` where none came.

    Raises:
        SourceError: the source is not open, or OpenCV failed in it.
    """
    if capture is None:
        msg = f"{uri}: is not open"
        raise SourceError(msg)
    try:
        well, image = capture.read()
    except cv2.error as error:
        msg = f"{uri}: cannot be decoded: {error.err}"
        raise SourceError(msg) from None
    return cast("NDArray[np.uint8]", image) if well and image is not None and image.size else None
