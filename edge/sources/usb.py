"""USB cameras through Video4Linux."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from edge.errors import SourceError
from edge.sources import opencv
from edge.sources.uri import number
from edge.types import Frame

if TYPE_CHECKING:
    from edge.config import SourceConfig


class UsbCamera:
    """``/dev/videoN``; a camera that stops delivering is a :class:`SourceError` after the read timeout."""

    lossless = False
    epoch_ns = None

    def __init__(self, config: SourceConfig) -> None:
        self._config = config
        self._number = number(config.uri)
        self._capture: cv2.VideoCapture | None = None
        self._index = 0

    @property
    def uri(self) -> str:
        """``usb:N``."""
        return f"usb:{self._number}"

    def open(self) -> None:
        """Open the device and ask for size and rate.

        Raises:
            SourceError: it is not there, not permitted, or in use.
        """
        self.close()
        opencv.quiet()
        # OpenCV reads this once, in whole seconds, when it first waits for a camera
        os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(math.ceil(self._config.read_timeout_s)))
        device = Path(f"/dev/video{self._number}")
        if not device.exists():
            msg = f"{self.uri}: {device} does not exist; plug the camera in, or see `face-edge doctor` for those found"
            raise SourceError(msg)
        if not os.access(device, os.R_OK | os.W_OK):
            msg = f"{self.uri}: no permission for {device}; sudo usermod -aG video $USER, then log in again"
            raise SourceError(msg)
        capture = cv2.VideoCapture(self._number, cv2.CAP_V4L2)
        if not capture.isOpened():
            capture.release()
            msg = f"{self.uri}: {device} cannot be opened; another program may be using it (`fuser {device}` names it)"
            raise SourceError(msg)
        opencv.set_up(capture, width=self._config.width, height=self._config.height, fps=self._config.fps)
        self._capture = capture

    def read(self) -> Frame:
        """The camera's next frame.

        Raises:
            SourceError: none came within the read timeout.
        """
        image = opencv.read(self._capture, self.uri)
        if image is None:
            msg = f"{self.uri}: delivers no frames; check its cable and power"
            raise SourceError(msg)
        frame = Frame(image, time.monotonic_ns(), self._index)
        self._index += 1
        return frame

    def close(self) -> None:
        """Release the device."""
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()
