"""The Raspberry Pi's camera through picamera2: a full-size picture, and a small grey one for detection for nothing."""

from __future__ import annotations

import contextlib
import importlib
import time
from typing import TYPE_CHECKING, Any, cast

import cv2

from edge.errors import HardwareUnavailable, SourceError
from edge.sources.uri import number
from edge.types import Frame

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge.config import SourceConfig

LORES_WIDTH = 640
"""Width in pixels of the small stream at most; detection reduces it further where it is asked to."""
INSTALL = "sudo apt install python3-picamera2, and make the environment with `python3 -m venv --system-site-packages`"


class PiCamera:
    """``picamera[:N]``; a capture that takes longer than the read timeout is a :class:`SourceError`."""

    lossless = False
    epoch_ns = None

    def __init__(self, config: SourceConfig) -> None:
        self._config = config
        self._number = number(config.uri)
        self._camera: Any = None
        self._index = 0
        # the sensor's pipeline wants even sizes
        self._size = (config.width // 2 * 2, config.height // 2 * 2)
        small = min(LORES_WIDTH, self._size[0])
        self._small = (small // 2 * 2, round(self._size[1] * small / self._size[0]) // 2 * 2)

    @property
    def uri(self) -> str:
        """``picamera:N``."""
        return f"picamera:{self._number}"

    def open(self) -> None:
        """Configure both streams and start.

        Raises:
            HardwareUnavailable: picamera2 is not installed.
            SourceError: there is no such camera, or another program has it.
        """
        self.close()
        try:
            picamera2 = importlib.import_module("picamera2")
        except (ImportError, ValueError) as error:  # a numpy of another ABI raises ValueError
            msg = f"{self.uri}: picamera2 cannot be imported ({error}); {INSTALL}"
            raise HardwareUnavailable(msg) from None
        found = len(picamera2.Picamera2.global_camera_info())
        if self._number >= found:
            msg = f"{self.uri}: {found} cameras found; check the ribbon cable, then `rpicam-hello --list-cameras`"
            raise SourceError(msg)
        try:
            self._camera = picamera2.Picamera2(self._number)
            self._camera.configure(
                self._camera.create_video_configuration(
                    main={"size": self._size, "format": "RGB888"},  # in memory that is B, G, R
                    lores={"size": self._small, "format": "YUV420"},
                    controls={"FrameRate": self._config.fps},
                    queue=False,
                )
            )
            self._camera.start()
        except Exception as error:
            # libcamera raises RuntimeError, IndexError and more, all meaning: not now
            self.close()
            msg = f"{self.uri}: cannot be started ({_first_line(error)}); another program may be using the camera"
            raise SourceError(msg) from error

    def read(self) -> Frame:
        """The next frame with its small grey picture.

        Raises:
            SourceError: it is not open, or nothing came within the read timeout.
        """
        if self._camera is None:
            msg = f"{self.uri}: is not open"
            raise SourceError(msg)
        try:
            request = self._camera.capture_request(wait=self._config.read_timeout_s)
        except TimeoutError:
            # otherwise the camera would wait for this request for ever, also when it is closed
            self._camera.cancel_all_and_flush()
            msg = f"{self.uri}: no frame for {self._config.read_timeout_s:g} s; check the ribbon cable"
            raise SourceError(msg) from None
        except Exception as error:
            msg = f"{self.uri}: capture failed ({_first_line(error)})"
            raise SourceError(msg) from error
        try:
            image = cast("NDArray[np.uint8]", request.make_array("main"))
            luma = cast("NDArray[np.uint8]", request.make_array("lores"))
        finally:
            request.release()
        width, height = self._small
        if image.ndim == 3 and image.shape[2] == 4:
            image = cast("NDArray[np.uint8]", cv2.cvtColor(image, cv2.COLOR_BGRA2BGR))
        # planes of YUV420 lie one below the other, the rows padded: luma is the first height rows
        frame = Frame(image, time.monotonic_ns(), self._index, small_grey=luma[:height, :width])
        self._index += 1
        return frame

    def close(self) -> None:
        """Stop and release the camera."""
        camera, self._camera = self._camera, None
        if camera is None:
            return
        for step in (camera.stop, camera.close):
            with contextlib.suppress(Exception):  # it may be gone already
                step()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
