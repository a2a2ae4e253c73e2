"""USB cameras through Video4Linux."""

from __future__ import annotations

import fcntl
import math
import os
import time
from typing import TYPE_CHECKING

import cv2

from edge.core.errors import SourceError
from edge.core.types import Frame
from edge.sources import opencv, usb_controls
from edge.sources.passive import PassiveSource
from edge.sources.usb_devices import DEVICES, SYSTEM, CameraFinder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edge.config import SourceConfig
    from edge.sources.v4l2 import Ioctl


_SETTLE_S, _LOOK_S = 5.0, 0.1
"""Seconds that udev may take to assign the group of a new device file, and the polling interval."""


class UsbCamera(PassiveSource):
    """Source ``usb:N``, ``usb:NAME`` or a path under ``/dev``; see :class:`CameraFinder`.

    A camera that stops delivering is a :class:`SourceError` after the read timeout, one that is disconnected at once.
    ``devices``, ``system``, ``capture`` and ``ioctl`` are injectable for tests without a camera.
    """

    lossless = False
    epoch_ns = None

    def __init__(
        self,
        config: SourceConfig,
        *,
        devices: Path = DEVICES,
        system: Path = SYSTEM,
        capture: Callable[[Path, SourceConfig], opencv.Capture] | None = None,
        ioctl: Ioctl = fcntl.ioctl,
    ) -> None:
        self._config = config
        self._finder = CameraFinder("usb:0" if config.uri in {"usb", "usb:"} else config.uri, devices, system)
        self._device = devices
        self._is_at: tuple[int, int] | None = None
        self._make = capture or _video4linux
        self._ioctl = ioctl
        self._capture = opencv.BoundedCapture(self.uri)
        self._index = 0

    @property
    def uri(self) -> str:
        """URI of the camera as configured."""
        return self._finder.uri

    def open(self) -> None:
        """Open the device, request size and rate, and set its controls.

        Raises:
            SourceError: it is not there, not permitted, in use, or does not answer.
            ConfigError: it has no control of a configured name, or the control does not take the value.
        """
        self.close()
        opencv.quiet()
        self._device = device = self._finder.find()
        if not _may_open(device):
            msg = f"{self.uri}: no permission for {device}; sudo usermod -aG video $USER, then log in again"
            raise SourceError(msg)
        self._is_at = _place(device)
        if not self._capture.open(self._begin, self._config.open_timeout_s):
            msg = f"{self.uri}: {device} cannot be opened; another program may be using it (`fuser {device}` names it)"
            raise SourceError(msg)
        self._finder.opened(device)

    def _is_gone(self) -> bool:
        """Return whether the opened device file is gone or now belongs to another device."""
        return _place(self._device) != self._is_at

    def _begin(self) -> opencv.Capture:
        """Open and configure the device, on the thread that may hang."""
        capture = self._make(self._device, self._config)
        try:
            if capture.isOpened():
                usb_controls.adjust(self._device, self._config, self.uri, self._ioctl)
        except Exception:
            capture.release()
            raise
        return capture

    def read(self) -> Frame:
        """Return the camera's next frame.

        Raises:
            SourceError: none came within the read timeout, or the camera is not open.
        """
        image = self._capture.read(self._config.read_timeout_s, self._is_gone)
        if image is None:
            msg = f"{self.uri}: delivers no frames; check its cable and power"
            raise SourceError(msg)
        frame = Frame(image, time.monotonic_ns(), self._index)
        self._index += 1
        return frame

    def skip(self) -> bool:
        """Skip the camera's next frame without decoding it.

        Raises:
            SourceError: none came within the read timeout, or the camera is not open.
        """
        if not self._capture.skip(self._config.read_timeout_s, self._is_gone):
            msg = f"{self.uri}: delivers no frames; check its cable and power"
            raise SourceError(msg)
        self._index += 1
        return True

    def close(self) -> None:
        """Release the device."""
        self._capture.close()


def _may_open(device: Path) -> bool:
    """Return whether this user may open the camera; a newly connected one gets its permissions with a delay."""
    while not os.access(device, os.R_OK | os.W_OK):
        try:
            age_s = time.time() - device.stat().st_ctime
        except OSError:
            return False
        if not 0 <= age_s < _SETTLE_S:
            return False
        time.sleep(_LOOK_S)
    return True


def _place(device: Path) -> tuple[int, int] | None:
    """Return an identity that distinguishes device files of the same name; ``None`` if there is none."""
    try:
        status = device.stat()
    except OSError:
        return None
    return status.st_ino, status.st_rdev


def _video4linux(device: Path, config: SourceConfig) -> cv2.VideoCapture:
    # OpenCV's own limit, 10 s by default, after which it gives up on a silent camera. Read once, in whole seconds
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(math.ceil(config.read_timeout_s)))
    capture = cv2.VideoCapture(str(device), cv2.CAP_V4L2)
    # compressed: over USB 2 uncompressed 720p reaches only 5 to 10 frames per second
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, config.width)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, config.height)
    capture.set(cv2.CAP_PROP_FPS, config.fps)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    return capture
