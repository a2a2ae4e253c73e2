"""Focus and exposure of the Raspberry Pi camera, aimed at detected faces (pure).

On the Raspberry Pi libcamera supports windows for focus but not for exposure: its metering modes weight fixed zones. So
focus gets the faces as windows, and exposure a bias by their brightness.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge.sources.face_exposure import FaceExposure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.core.types import Box

    Rectangle = tuple[int, int, int, int]

METERING_AUTO, METERING_WINDOWS = 0, 1
MOST_WINDOWS = 10
"""Maximum number of autofocus windows on Raspberry Pi."""
_SAME = 0.7
"""Overlap (0 to 1) from which a window counts as unmoved."""
_HOLD_S = 10.0
"""Seconds for which focus stays at the last faces after they are gone."""


class FaceAim:
    """Controls for the faces seen; ``focus`` and ``exposure`` enable the two functions."""

    def __init__(self, *, focus: bool, exposure: bool) -> None:
        self._focus = focus
        self._exposure = FaceExposure() if exposure else None
        self._windows: tuple[Box, ...] = ()
        self._seen_s = 0.0

    def values(
        self,
        faces: Sequence[Box],
        brightness: float | None,
        *,
        size: tuple[int, int],
        crop: Rectangle | None,
        now_s: float,
    ) -> dict[str, Any]:
        """Return the controls that change; empty if none does.

        Args:
            faces: in pixels of the picture, largest first.
            brightness: of the faces, grey level 0 to 255, ``None`` without any.
            size: of the picture, ``(width, height)``.
            crop: part of the sensor that the picture shows, ``(x, y, width, height)`` in sensor pixels, if known.
            now_s: Time on any monotonic clock, in seconds.
        """
        values: dict[str, Any] = {}
        if self._focus and crop is not None:
            values |= self._focus_values(faces[:MOST_WINDOWS], size, crop, now_s)
        if self._exposure is not None:
            bias_ev = self._exposure.update(brightness, now_s)
            if bias_ev is not None:
                values["ExposureValue"] = bias_ev
        return values

    def _focus_values(
        self, faces: Sequence[Box], size: tuple[int, int], crop: Rectangle, now_s: float
    ) -> dict[str, Any]:
        if faces:
            self._seen_s = now_s
            if _unmoved(self._windows, faces):
                return {}
            self._windows = tuple(faces)
            windows = [window for window in (on_sensor(face, size, crop) for face in faces) if window is not None]
            return {"AfMetering": METERING_WINDOWS, "AfWindows": windows} if windows else {}
        if self._windows and now_s - self._seen_s >= _HOLD_S:
            self._windows = ()
            return {"AfMetering": METERING_AUTO}
        return {}


def on_sensor(face: Box, size: tuple[int, int], crop: Rectangle) -> Rectangle | None:
    """Return ``face`` in sensor pixels, clipped to the picture; ``None`` if it lies outside."""
    left, right = max(0.0, face.x), min(float(size[0]), face.x + face.width)
    top, bottom = max(0.0, face.y), min(float(size[1]), face.y + face.height)
    scale_x, scale_y = crop[2] / size[0], crop[3] / size[1]
    width, height = round((right - left) * scale_x), round((bottom - top) * scale_y)
    if width < 1 or height < 1:
        return None
    return crop[0] + round(left * scale_x), crop[1] + round(top * scale_y), width, height


def _unmoved(before: Sequence[Box], now: Sequence[Box]) -> bool:
    return len(before) == len(now) and all(any(face.iou(window) >= _SAME for window in before) for face in now)
