"""Reads one visitor's frames, in a process of their own, with a tracker and smoothing that end with it.

Frames come from strangers: their size is read before they are decoded, and what cannot be decoded is an answer.
"""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

from edge.kiosk.worker import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from edge.config import Config
    from edge.core.types import Face, Observation
    from edge.vision.pipeline import Pipeline

ENTRY = f"{__name__}:make"
FORGET_S = 6.0
"""Silence after which nothing of a visitor is left."""
PIXELS_MAX = 1280 * 960
SECTIONS = ("node", "detector", "tracker", "model", "smoothing", "primary")
NO_JPEG, TOO_MANY_PIXELS = "no_jpeg", "too_many_pixels"
_START_OF_JPEG = b"\xff\xd8\xff"


class BadFrame(ValueError):
    """A frame that is no picture, or one that is too large; its message is a code that the page has words for."""


class FrameAnalyzer:
    """Answers a JPEG with what is seen in it, or with why it cannot be read."""

    def __init__(self, pipeline: Callable[[], Pipeline], *, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._make = pipeline
        self._clock_ns = clock_ns
        self._pipeline: Pipeline | None = None

    def __call__(self, message: Message) -> Iterator[Message]:
        """One answer to each message."""
        from edge.core.types import Frame

        try:
            image = decode(message.body)
        except BadFrame as error:
            yield Message({"refused": str(error)})
            return
        if self._pipeline is None:
            self._pipeline = self._make()
        started = time.perf_counter()
        observation = self._pipeline.step(Frame(image, self._clock_ns(), 0))
        yield Message(tell(observation) | {"ms": round((time.perf_counter() - started) * 1000, 1)})


def make(settings: dict[str, Any]) -> FrameAnalyzer:
    """Return the worker's handler; ``settings`` holds the configuration's :data:`SECTIONS`."""
    import cv2
    import imagesize  # noqa: F401 - loaded once, for all copies

    from edge.config import Config
    from edge.pipelines import detection, factory
    from edge.vision.pipeline import Pipeline

    cv2.setNumThreads(1)
    config = Config.model_validate(settings)
    # few frames come, and the box is to follow the face in each
    config = config.model_copy(update={"detector": config.detector.model_copy(update={"interval_s": 0.0})})
    network, detector = factory.classifier(config), detection.detector(config)

    def pipeline() -> Pipeline:
        return Pipeline(
            detection.search(config, detector),
            network,
            rules=detection.rules(config, detector),
            smoothing=config.smoothing,
            primary=config.primary,
        )

    return FrameAnalyzer(pipeline)


def settings_of(config: Config) -> dict[str, Any]:
    """Return the part of the configuration that :func:`make` needs, as plain values, without passwords."""
    chosen = {name: getattr(config, name).model_dump(mode="json") for name in SECTIONS}
    return chosen | {"model": chosen["model"] | {"threads": 1}}


def decode(data: bytes) -> NDArray[np.uint8]:
    """Decode a JPEG to BGR ``(height, width, 3)`` uint8.

    Raises:
        BadFrame: it is none, is damaged, or has more than :data:`PIXELS_MAX` pixels.
    """
    import cv2
    import imagesize
    import numpy as np

    if not data.startswith(_START_OF_JPEG):
        raise BadFrame(NO_JPEG)
    try:
        width, height = imagesize.get(io.BytesIO(data))
    except ValueError:
        width = height = -1
    if width <= 0 or height <= 0:
        raise BadFrame(NO_JPEG)
    if width * height > PIXELS_MAX:
        raise BadFrame(TOO_MANY_PIXELS)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None or image.shape[0] * image.shape[1] > PIXELS_MAX:
        raise BadFrame(NO_JPEG)
    return image  # type: ignore[return-value]


def tell(observation: Observation) -> dict[str, Any]:
    """Return what the page draws: boxes in shares of the picture, class scores in label order.

    A face that was looked for in vain this time is told only where no other was found: frames come seldom, and one
    that has moved far in between would be shown twice. One that is followed although the detector missed it is told.
    """
    width, height = observation.frame_width, observation.frame_height
    faces = [face for face in observation.faces if face.detected or face.facing] or observation.faces
    first = max(faces, key=lambda face: face.box.area, default=None)
    return {
        "width": width,
        "height": height,
        "faces": [_face(face, width, height, primary=face is first) for face in faces],
    }


def _face(face: Face, width: int, height: int, *, primary: bool) -> dict[str, Any]:
    box = (face.box.x / width, face.box.y / height, face.box.width / width, face.box.height / height)
    return {
        "id": face.track_id,
        "box": [round(value, 4) for value in box],
        "emotion": None if face.emotion is None else str(face.emotion),
        "confidence": round(face.confidence, 3),
        "scores": [round(score, 3) for score in face.scores],
        "primary": primary,
    }
