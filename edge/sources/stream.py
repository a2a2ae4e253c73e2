"""Network cameras: RTSP, and MJPEG or video over HTTP."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import cv2

from edge.errors import ConfigError, SourceError
from edge.sources import opencv
from edge.sources.passive import PassiveSource
from edge.sources.uri import masked
from edge.types import Frame

if TYPE_CHECKING:
    from edge.config import SourceConfig

_GRACE_S = 0.5
"""FFmpeg keeps to its own timeouts but for the look-up of the host's name; only then ours cuts it off."""


class NetworkStream(PassiveSource):
    """``rtsp://`` or ``http://`` through FFmpeg, with bounded waits; credentials never reach a message."""

    lossless = False
    epoch_ns = None

    def __init__(self, config: SourceConfig) -> None:
        _check_address(config.uri)
        self._config = config
        self._capture = opencv.BoundedCapture(self.uri)
        self._index = 0

    @property
    def uri(self) -> str:
        """The address without credentials."""
        return masked(self._config.uri)

    def open(self) -> None:
        """Connect, waiting at most the open timeout.

        Raises:
            SourceError: nobody answers, or the answer is no video.
        """
        self.close()
        opencv.quiet()
        if not self._capture.open(lambda: _ffmpeg(self._config), self._config.open_timeout_s + _GRACE_S):
            msg = f"{self.uri}: gives no video; check address, credentials and that the camera is on"
            raise SourceError(msg)

    def read(self) -> Frame:
        """The stream's next frame, at the latest after the read timeout.

        Raises:
            SourceError: none came, the camera or the network is gone.
        """
        image = self._capture.read(self._config.read_timeout_s + _GRACE_S)
        if image is None:
            msg = f"{self.uri}: the stream broke off or paused for over {self._config.read_timeout_s:g} s"
            raise SourceError(msg)
        frame = Frame(image, time.monotonic_ns(), self._index)
        self._index += 1
        return frame

    def close(self) -> None:
        """Disconnect."""
        self._capture.close()


def _ffmpeg(config: SourceConfig) -> cv2.VideoCapture:
    # over TCP a picture is whole or late; over UDP, FFmpeg's default, a lossy network gives grey smears
    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp")
    limits = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        round(config.open_timeout_s * 1000),
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        round(config.read_timeout_s * 1000),
    ]
    return cv2.VideoCapture(config.uri, cv2.CAP_FFMPEG, limits)


def _check_address(uri: str) -> None:
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        msg = f"source.uri: {masked(uri)!r} has a malformed host or port (expected such as rtsp://camera.local:554/x)"
        raise ConfigError(msg) from None
    if not host:
        msg = f"source.uri: {masked(uri)!r} names no host (expected such as rtsp://camera.local/stream)"
        raise ConfigError(msg)
