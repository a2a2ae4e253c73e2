"""Cameras, streams and files through OpenCV's VideoCapture, with a deadline for every call that may hang."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import cv2

from edge.core.errors import SourceError
from edge.sources.bounded import BoundedCalls

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")
_RELEASE_S = 0.5


class Capture(Protocol):
    """The part of ``cv2.VideoCapture`` that is used."""

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        """Return whether frames can be read."""
        ...

    def read(self) -> tuple[bool, Any]:
        """Return ``(True, picture)`` or ``(False, None)``."""
        ...

    def grab(self) -> bool:
        """Grab the next picture without decoding it."""
        ...

    def release(self) -> None:
        """Close the capture."""
        ...


class BoundedCapture:
    """A capture that is opened, read and released on its own thread, because each of these calls may hang."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._calls: BoundedCalls | None = None
        self._held: list[Capture] = []
        self._is_open = False

    def open(self, make: Callable[[], Capture], timeout_s: float) -> bool:
        """Open the capture with ``make`` and return whether it is open.

        Raises:
            SourceError: it took longer than ``timeout_s``, or an earlier call hangs to this moment.
        """
        self.close()
        if self._calls is not None and self._calls.alive:
            msg = (
                f"{self._uri}: the last attempt still hangs; if this continues, unplug the camera and plug it in again"
            )
            raise SourceError(msg)
        # local to this attempt: one that returns too late must not disturb the next
        self._held = held = []
        self._calls = BoundedCalls(self._uri)

        def begin() -> bool:
            held.append(make())
            return held[0].isOpened()

        try:
            self._is_open = self._calls.call(begin, timeout_s)
        except TimeoutError:
            msg = f"{self._uri}: opening took longer than {timeout_s:g} s; check that the camera is on"
            raise SourceError(msg) from None
        except cv2.error:
            self._is_open = False
        finally:
            if not self._is_open:
                self._let_go(wait_s=_RELEASE_S)
        return self._is_open

    def read(self, timeout_s: float, is_gone: Callable[[], bool] | None = None) -> NDArray[np.uint8] | None:
        """Return the next picture, (h, w, 3) BGR or (h, w) grey uint8, or ``None`` if the driver has none.

        Raises:
            SourceError: it is not open, it did not answer within ``timeout_s``, it ``is_gone``, or OpenCV failed in it.
        """
        return self._ask(lambda capture: picture(capture, self._uri), timeout_s, is_gone)

    def skip(self, timeout_s: float, is_gone: Callable[[], bool] | None = None) -> bool:
        """Skip the next picture without decoding it; return False if the driver has none.

        Raises:
            SourceError: it is not open, it did not answer within ``timeout_s``, or it ``is_gone``.
        """
        return self._ask(lambda capture: capture.grab(), timeout_s, is_gone)

    def _ask(self, what: Callable[[Capture], T], timeout_s: float, is_gone: Callable[[], bool] | None) -> T:
        if self._calls is None or not self._is_open:
            msg = f"{self._uri}: is not open"
            raise SourceError(msg)
        capture = self._held[0]
        try:
            return self._calls.call(lambda: what(capture), timeout_s, is_gone)
        except TimeoutError:
            self._is_open = False
            self._let_go(wait_s=0)
            msg = f"{self._uri}: no frame for {timeout_s:g} s; check its connection and power"
            if is_gone is not None and is_gone():
                msg = f"{self._uri}: was disconnected; check its cable and power"
            raise SourceError(msg) from None

    def close(self) -> None:
        """Release the capture now, or as soon as a hanging call returns; idempotent."""
        if self._is_open:
            self._is_open = False
            self._let_go(wait_s=_RELEASE_S)

    def _let_go(self, *, wait_s: float) -> None:
        held = self._held

        def release() -> None:
            for capture in held:
                capture.release()

        if self._calls is not None:
            self._calls.finish(release, wait_s)


def quiet() -> None:
    """Silence OpenCV's and FFmpeg's messages on standard error: ours state the problem and the remedy."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    set_level = getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel  # before and from OpenCV 4.12 on
    set_level(0)


def picture(capture: Capture, uri: str) -> NDArray[np.uint8] | None:
    """Return the next picture, (h, w, 3) BGR or (h, w) grey uint8, or ``None`` if there is none.

    Raises:
        SourceError: OpenCV failed in it.
    """
    try:
        well, image = capture.read()
    except cv2.error as error:
        msg = f"{uri}: cannot be decoded: {error.err}"
        raise SourceError(msg) from None
    return cast("NDArray[np.uint8]", image) if well and image is not None and image.size else None
