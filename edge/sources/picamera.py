"""Raspberry Pi camera through picamera2: a full-size picture and, at no cost, a small grey one for detection."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import time
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, cast

import cv2

from edge.core.errors import ConfigError, HardwareUnavailable, SourceError
from edge.core.types import Frame
from edge.sources.picamera_controls import exposes_for_faces, focuses_on_faces, listed, starting_values
from edge.sources.picamera_faces import FaceAim
from edge.sources.uri import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from edge.config import SourceConfig
    from edge.core.types import Box

_LOG = logging.getLogger(__name__)
LORES_WIDTH = 640
"""Maximum width in pixels of the small stream; detection reduces it further if configured."""
INSTALL = "sudo apt install python3-picamera2, and make the environment with `python3 -m venv --system-site-packages`"
_LAST_MOMENT_S = 0.1


class PiCamera:
    """Source ``picamera[:N]``; a capture that exceeds the read timeout is a :class:`SourceError`."""

    lossless = False
    recorded = False
    epoch_ns = None

    def __init__(self, config: SourceConfig) -> None:
        self._config = config
        self._number = number(config.uri)
        self._camera: Any = None
        self._index = 0
        self._size = (0, 0)
        self._small_size = (0, 0)
        self._face_aim: FaceAim | None = None
        self._aimed_at: tuple[Sequence[Box], float | None] | None = None

    @property
    def uri(self) -> str:
        """``picamera:N``."""
        return f"picamera:{self._number}"

    def open(self) -> None:
        """Configure both streams and start.

        Raises:
            HardwareUnavailable: picamera2 is not installed.
            SourceError: there is no such camera, or another program has it.
            ConfigError: it has no control of a configured name, or the control does not take the value.
        """
        self.close()
        picamera2 = require_package(self.uri)
        try:
            found = len(picamera2.Picamera2.global_camera_info())
            if self._number < found:
                self._camera = picamera2.Picamera2(self._number)
                self._start()
                return
        except ConfigError:
            self.close()
            raise
        except Exception as error:
            # libcamera raises RuntimeError, IndexError and others, all meaning: not available now
            self.close()
            msg = f"{self.uri}: cannot be started ({_first_line(error)}); another program may be using the camera"
            raise SourceError(msg) from error
        msg = f"{self.uri}: {found} cameras found; check the ribbon cable, then `rpicam-hello --list-cameras`"
        raise SourceError(msg)

    def _start(self) -> None:
        main, small = _sizes(self._config.width, self._config.height)
        self._camera.configure(
            self._camera.create_video_configuration(
                # the format named RGB888 is B, G, R in memory; of YUV420 only the grey plane is used
                main={"size": main, "format": "YUV420" if self._config.grey else "RGB888"},
                lores={"size": small, "format": "YUV420"},
                queue=False,
            )
        )
        # the pipeline may have aligned the sizes
        configuration = self._camera.camera_configuration()
        self._size, self._small_size = (_whole(configuration[name]["size"]) for name in ("main", "lores"))
        controls = listed(self._camera.camera_controls)  # the limits are those of the selected sensor mode
        chosen = self._config.controls
        self._camera.set_controls(starting_values(controls, self._config, self.uri))
        self._face_aim = FaceAim(focus=focuses_on_faces(controls, chosen), exposure=exposes_for_faces(controls, chosen))
        self._aimed_at = None
        self._camera.start()

    def read(self) -> Frame:
        """Return the next frame with its small grey picture.

        Raises:
            SourceError: it is not open, nothing came within the read timeout, or what came is of no use.
        """
        if self._camera is None:
            msg = f"{self.uri}: is not open"
            raise SourceError(msg)
        try:
            image, planes = self._capture()
        except SourceError:
            raise
        except Exception as error:
            msg = f"{self.uri}: capture failed ({_first_line(error)})"
            raise SourceError(msg) from error
        if self._config.grey:
            image = _luma(image, self._size)
        elif image.ndim == 3 and image.shape[2] == 4:
            image = cast("NDArray[np.uint8]", cv2.cvtColor(image, cv2.COLOR_BGRA2BGR))
        frame = Frame(image, time.monotonic_ns(), self._index, small_grey=_luma(planes, self._small_size))
        self._index += 1
        return frame

    def skip(self) -> bool:
        """Release the next frame without copying it.

        Raises:
            SourceError: it is not open, or nothing came within the read timeout.
        """
        if self._camera is None:
            msg = f"{self.uri}: is not open"
            raise SourceError(msg)
        try:
            self._request().release()
        except SourceError:
            raise
        except Exception as error:
            msg = f"{self.uri}: capture failed ({_first_line(error)})"
            raise SourceError(msg) from error
        self._index += 1
        return True

    def _capture(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Copy both streams' pictures; the camera has few buffers, so each is released in any case."""
        request = self._request()
        try:
            self._follow_faces(request)
            return request.make_array("main"), request.make_array("lores")
        finally:
            request.release()

    def aim(self, faces: Sequence[Box], brightness: float | None) -> None:
        """Aim autofocus and exposure at ``faces`` with the next picture that is read."""
        self._aimed_at = faces, brightness

    def _follow_faces(self, request: Any) -> None:
        """Apply the last aim; the picture's metadata give the visible part of the sensor."""
        aimed_at, self._aimed_at = self._aimed_at, None
        if aimed_at is None or self._face_aim is None:
            return
        faces, brightness = aimed_at
        try:
            crop = request.get_metadata().get("ScalerCrop")
            now_s = time.monotonic()
            values = self._face_aim.values(faces, brightness, size=self._size, crop=crop, now_s=now_s)
            if values:
                self._camera.set_controls(values)
        except Exception:  # noqa: BLE001 - pictures without face exposure are better than none
            self._face_aim = None
            _LOG.exception("%s: focus and exposure cannot follow faces", self.uri)

    def _request(self) -> Any:
        job = self._camera.capture_request(wait=False)
        try:
            return job.get_result(timeout=self._config.read_timeout_s)
        except TimeoutError:
            # otherwise the camera would keep waiting for this request, even while it is being closed
            self._camera.cancel_all_and_flush()
        # a request completed in between is no longer cancelled and would never be released
        with contextlib.suppress(CancelledError, TimeoutError):
            return job.get_result(timeout=_LAST_MOMENT_S)
        msg = f"{self.uri}: no frame for {self._config.read_timeout_s:g} s; check the ribbon cable"
        raise SourceError(msg)

    def close(self) -> None:
        """Stop and release the camera."""
        camera, self._camera = self._camera, None
        if camera is None:
            return
        for step in (camera.stop, camera.close):
            with contextlib.suppress(Exception):  # the camera may be gone already
                step()


def require_package(uri: str) -> Any:
    """Import picamera2.

    Raises:
        HardwareUnavailable: it is missing, or does not work with this NumPy.
    """
    # libcamera otherwise logs every step on standard error
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:ERROR")
    try:
        return importlib.import_module("picamera2")
    except (ImportError, ValueError) as error:  # a numpy of another ABI raises ValueError
        msg = f"{uri}: picamera2 cannot be imported ({_first_line(error)}); {INSTALL}"
        raise HardwareUnavailable(msg) from None


def _sizes(width: int, height: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the sizes of the full and the small stream, of equal shape and even, as the sensor pipeline requires."""
    main = (width // 2 * 2, height // 2 * 2)
    small = min(LORES_WIDTH, main[0]) // 2 * 2
    return main, (small, max(2, round(main[1] * small / main[0]) // 2 * 2))


def _whole(size: tuple[Any, Any]) -> tuple[int, int]:
    return int(size[0]), int(size[1])


def _luma(planes: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the (h, w) grey plane of YUV420, whose planes are stacked vertically with padded rows."""
    width, height = size
    return planes[:height, :width]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
