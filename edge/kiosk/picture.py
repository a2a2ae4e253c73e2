"""The live picture, for operators, and only where the configuration switches it on.

A pipeline wrapped in :class:`TappedPipeline` leaves a reference to the newest frame with a :class:`FrameTap`;
nothing else of the device hands frames on.
The frame is made smaller and into a JPEG when an operator's page asks, on the server's side.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.core.protocols import ObservationPipeline
    from edge.core.types import Frame, Observation

WIDTH = 640
QUALITY = 70


class FrameTap:
    """Holder of the newest frame; safe from any thread."""

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._encoding = threading.Lock()
        self._made: tuple[Frame, bytes] | None = None

    def put(self, frame: Frame | None) -> None:
        """Replace the frame; ``None`` forgets it."""
        self._frame = frame
        if frame is None:
            self._made = None

    def jpeg(self) -> bytes | None:
        """Return the newest frame as JPEG, at most :data:`WIDTH` pixels wide; encoded once for all viewers."""
        with self._encoding:
            frame, made = self._frame, self._made
            if frame is None:
                return None
            if made is None or made[0] is not frame:
                made = frame, _encode(frame)
                self._made = made if self._frame is not None else None
            return made[1]


class TappedPipeline:
    """A pipeline whose frames are seen by ``tap``, and forgotten there when it is reset or closed."""

    def __init__(self, pipeline: ObservationPipeline, tap: FrameTap) -> None:
        self._pipeline = pipeline
        self._tap = tap

    def step(self, frame: Frame) -> Observation:
        """As the pipeline's."""
        observation = self._pipeline.step(frame)
        self._tap.put(frame)
        return observation

    @property
    def still(self) -> bool:
        """As the pipeline's."""
        return self._pipeline.still

    def reset(self) -> None:
        """As the pipeline's."""
        self._tap.put(None)
        self._pipeline.reset()

    def close(self) -> None:
        """As the pipeline's."""
        self._tap.put(None)
        self._pipeline.close()


def _encode(frame: Frame) -> bytes:
    import cv2

    image = frame.image
    if frame.width > WIDTH:
        size = (WIDTH, max(1, round(frame.height * WIDTH / frame.width)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes()
