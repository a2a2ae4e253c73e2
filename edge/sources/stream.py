"""Network cameras: RTSP, and MJPEG or video over HTTP."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import cv2

from edge.core.errors import ConfigError, SourceError
from edge.core.types import Frame
from edge.sources import http_cause, opencv, rtsp_cause
from edge.sources.passive import PassiveSource
from edge.sources.uri import masked

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from edge.config import SourceConfig

_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_ONE_AT_A_TIME = threading.Lock()
_ASK_S = 3.0
_MOST_OF_IT = 0.8
_FEW = 2
"""A stream that ends within so many frames was not interrupted: it is not a video stream."""
_GRACE_S = 0.5
"""Extra seconds before our deadline: FFmpeg observes its own timeouts except during name lookup."""


class NetworkStream(PassiveSource):
    """Source ``rtsp://`` or ``http://`` through FFmpeg, with bounded waits and credentials kept out of messages.

    MJPEG of cheap cameras violates the format: no boundary at the beginning, wrong lengths. FFmpeg then extracts the
    pictures regardless of the data between them, at the cost of one frame of delay.
    """

    lossless = False
    epoch_ns = None

    def __init__(self, config: SourceConfig) -> None:
        _check_address(config.uri)
        self._config = config
        self._capture = opencv.BoundedCapture(self.uri)
        self._index = 0
        self._came = 0
        self._bare = False

    @property
    def uri(self) -> str:
        """The address without credentials."""
        return masked(self._config.uri)

    def open(self) -> None:
        """Connect within the open timeout; diagnosing a failure takes about twice as long again.

        Raises:
            SourceError: No answer, or an answer that is not a video; the message names the likeliest cause.
        """
        self.close()
        opencv.quiet()
        self._came = 0
        if self._attempt(bare=self._bare):
            return
        pictures, cause = self._examined()
        if pictures and not self._bare and self._attempt(bare=True):
            self._bare = True
            return
        self._bare = False
        msg = f"{self.uri}: gives no video: {cause}"
        raise SourceError(msg)

    def read(self) -> Frame:
        """Return the stream's next frame within the read timeout.

        Raises:
            SourceError: none came, the camera or the network is gone.
        """
        asked_s = time.monotonic()
        image = self._capture.read(self._config.read_timeout_s + _GRACE_S)
        if image is None:
            waited_s = time.monotonic() - asked_s
            if waited_s > self._config.read_timeout_s * _MOST_OF_IT:
                msg = f"{self.uri}: the stream was interrupted for over {self._config.read_timeout_s:g} s"
                raise SourceError(msg)
            image = self._after_the_end()
        frame = Frame(image, time.monotonic_ns(), self._index)
        self._index += 1
        self._came += 1
        return frame

    def close(self) -> None:
        """Disconnect."""
        self._capture.close()

    def _after_the_end(self) -> NDArray[np.uint8]:
        """Return the next picture of a stream that FFmpeg buffers, if it is a sequence of pictures.

        Raises:
            SourceError: it is over, or was none.
        """
        if self._came <= _FEW and not self._bare:
            self.close()
            pictures, cause = self._examined()
            if not pictures:
                msg = f"{self.uri}: ended after {self._came} frames: {cause}"
                raise SourceError(msg)
            self._bare = self._attempt(bare=True)
            image = self._capture.read(self._config.read_timeout_s + _GRACE_S) if self._bare else None
            if image is not None:
                return image
        msg = f"{self.uri}: the camera ended the stream, or the connection was lost"
        raise SourceError(msg)

    def _attempt(self, *, bare: bool) -> bool:
        return self._capture.open(lambda: _ffmpeg(self._config, bare=bare), self._config.open_timeout_s + _GRACE_S)

    def _examined(self) -> tuple[bool, str]:
        """Return whether the camera sends successive JPEGs, and the cause if they cannot be read."""
        timeout_s = min(self._config.open_timeout_s, _ASK_S)
        if not self._config.uri.startswith("http"):
            return False, rtsp_cause.cause(self._config.uri, timeout_s)
        examined = http_cause.examine(self._config.uri, timeout_s)
        return examined.pictures, examined.cause


def _ffmpeg(config: SourceConfig, *, bare: bool = False) -> cv2.VideoCapture:
    # over TCP a picture is complete or late; over UDP, FFmpeg's default, packet loss smears it
    os.environ.setdefault(_OPTIONS, "rtsp_transport;tcp")
    limits = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        round(config.open_timeout_s * 1000),
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        round(config.read_timeout_s * 1000),
    ]
    with _pictures_alone() if bare else nullcontext():
        return cv2.VideoCapture(config.uri, cv2.CAP_FFMPEG, limits)


@contextmanager
def _pictures_alone() -> Iterator[None]:
    """Make FFmpeg expect only JPEG pictures in streams opened inside the block."""
    with _ONE_AT_A_TIME:  # the environment is the only way to configure OpenCV
        before = os.environ[_OPTIONS]
        os.environ[_OPTIONS] = f"{before}|input_format;mjpeg|analyzeduration;1|probesize;4096"
        try:
            yield
        finally:
            os.environ[_OPTIONS] = before


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
