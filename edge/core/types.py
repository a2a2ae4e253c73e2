"""Values that flow through the loop: frozen and slotted, with units in their names.

Pictures are ``uint8`` arrays: colour ones ``(height, width, 3)`` in OpenCV's BGR order, grey ones ``(height, width)``.
Arrays are checked once, where they enter (:class:`Frame`, :class:`Scores`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, cast

from edge.core.labels import LabelSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray


class Emotion(StrEnum):
    """The seven classes of FER2013, in the order of its label numbers 0 to 6."""

    ANGRY = "angry"
    DISGUST = "disgust"
    FEAR = "fear"
    HAPPY = "happy"
    SAD = "sad"
    SURPRISE = "surprise"
    NEUTRAL = "neutral"


EMOTIONS: tuple[Emotion, ...] = tuple(Emotion)
SEVEN = LabelSet.of(EMOTIONS)
"""Default set of a model."""


@dataclass(frozen=True, slots=True)
class Box:
    """Axis-aligned rectangle in pixels of the full frame; ``x``, ``y`` is the top left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        """Return the area in square pixels."""
        return max(self.width, 0.0) * max(self.height, 0.0)

    @property
    def centre(self) -> tuple[float, float]:
        """Return the centre ``(x, y)`` in pixels."""
        return self.x + self.width / 2, self.y + self.height / 2

    def iou(self, other: Box) -> float:
        """Return the intersection over union with ``other``, 0 to 1."""
        width = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        height = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        if width <= 0 or height <= 0:
            return 0.0
        intersection = width * height
        return min(1.0, intersection / (self.area + other.area - intersection))

    def scaled(self, factor_x: float, factor_y: float | None = None) -> Box:
        """Return the same rectangle in a picture that is ``factor_x`` by ``factor_y`` times as large."""
        factor_y = factor_x if factor_y is None else factor_y
        return Box(self.x * factor_x, self.y * factor_y, self.width * factor_x, self.height * factor_y)

    def expanded(self, margin: float) -> Box:
        """Return the box grown about its centre by ``margin`` of its size on every side; a negative one shrinks it."""
        return Box(
            self.x - self.width * margin,
            self.y - self.height * margin,
            self.width * (1 + 2 * margin),
            self.height * (1 + 2 * margin),
        )

    def clipped(self, width: float, height: float) -> Box:
        """Return the part inside a picture of ``width`` by ``height`` pixels; its area is 0 if there is none."""
        left, top = max(0.0, self.x), max(0.0, self.y)
        right, bottom = min(float(width), self.x + self.width), min(float(height), self.y + self.height)
        return Box(left, top, max(0.0, right - left), max(0.0, bottom - top))

    def rounded(self) -> tuple[int, int, int, int]:
        """Return ``(x, y, width, height)`` in whole pixels, as in events and JSON."""
        return round(self.x), round(self.y), round(self.width), round(self.height)


Point = tuple[float, float]
Landmarks = tuple[Point, Point, Point, Point, Point]
"""Right eye, left eye, tip of the nose, right and left corner of the mouth, in pixels; sides are the person's own."""


@dataclass(frozen=True, slots=True)
class Detection:
    """One face that a detector found.

    ``box`` frames the face as OpenCV's frontal cascade does, whatever the detector. ``score`` is the detector's own
    confidence, 0 to 1, or 1 if it has none. ``landmarks`` is ``None`` if the detector has none.
    """

    box: Box
    score: float = 1.0
    landmarks: Landmarks | None = None

    def scaled(self, factor: float) -> Detection:
        """Return the same detection in a picture that is ``factor`` times as large."""
        return self.moved(0.0, 0.0, factor)

    def moved(self, left: float, top: float, factor: float = 1.0) -> Detection:
        """Return the detection enlarged by ``factor``, then shifted by ``left`` and ``top`` pixels."""
        box = self.box.scaled(factor)
        points = self.landmarks and tuple((x * factor + left, y * factor + top) for x, y in self.landmarks)
        return replace(
            self, box=replace(box, x=box.x + left, y=box.y + top), landmarks=cast("Landmarks | None", points)
        )


@dataclass(frozen=True, slots=True)
class Scores:
    """One probability per class, in the order of ``labels``; they sum to 1."""

    values: tuple[float, ...]
    labels: LabelSet = SEVEN

    def __post_init__(self) -> None:
        if len(self.values) != len(self.labels):
            msg = f"expected {len(self.labels)} scores, got {len(self.values)}"
            raise ValueError(msg)
        if not all(-1e-6 <= value <= 1 + 1e-6 for value in self.values):
            msg = f"scores must lie in 0..1, got {self.values}"
            raise ValueError(msg)

    @classmethod
    def of(cls, values: Iterable[float], labels: LabelSet = SEVEN) -> Scores:
        """Normalise non-negative ``values`` to a sum of 1; all zeros give the uniform distribution."""
        numbers = tuple(max(0.0, float(value)) for value in values)
        total = sum(numbers)
        if total <= 0:
            return cls((1 / len(labels),) * len(labels), labels)
        return cls(tuple(number / total for number in numbers), labels)

    @property
    def top(self) -> str:
        """Return the most probable class, the first in label order on a tie; an :class:`Emotion` of :data:`SEVEN`."""
        return self.labels.names[self.values.index(max(self.values))]

    @property
    def confidence(self) -> float:
        """Return the probability of :attr:`top`."""
        return max(self.values)

    def __getitem__(self, name: str) -> float:
        return self.values[self.labels.names.index(name)]

    def __iter__(self) -> Iterator[float]:
        return iter(self.values)

    def by_name(self) -> dict[str, float]:
        """Return the probability of each class by name."""
        return dict(zip(self.labels.names, self.values, strict=True))

    def as_dict(self, digits: int = 4) -> dict[str, float]:
        """Return ``{"angry": 0.01, …}``, rounded to ``digits`` decimals."""
        return {str(name): round(value, digits) for name, value in self.by_name().items()}


@dataclass(frozen=True, slots=True)
class Reading:
    """Output of the network for one detection.

    ``evidence`` is a log-odds: above 0 it is in favour of a face; ``None`` if the network does not give it.
    """

    scores: Scores
    evidence: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture from a source.

    ``image`` is ``(height, width, 3)`` uint8 BGR or ``(height, width)`` uint8 grey. ``small_grey`` is a grey picture of
    the same view for detection, if the source has one at no cost (picamera2's ``lores`` stream). ``monotonic_ns`` is
    the capture time by the source's own monotonic clock, the only clock of the pipeline. ``index`` counts the frames
    that the source produced, including skipped ones.
    """

    image: NDArray[np.uint8]
    monotonic_ns: int
    index: int
    small_grey: NDArray[np.uint8] | None = None
    name: str = ""

    def __post_init__(self) -> None:
        shape, dtype = self.image.shape, self.image.dtype
        if dtype != "uint8" or len(shape) not in {2, 3} or (len(shape) == 3 and shape[2] != 3) or 0 in shape:
            msg = f"a frame must be uint8 of shape (height, width) or (height, width, 3), got {dtype} {shape}"
            raise ValueError(msg)

    @property
    def width(self) -> int:
        """Return the width in pixels."""
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        """Return the height in pixels."""
        return int(self.image.shape[0])


@dataclass(frozen=True, slots=True)
class Face:
    """One face in a frame.

    ``scores`` are smoothed over time; ``raw_scores`` are the network's for this frame, ``None`` if the face was not
    classified in it. ``emotion`` names a class, ``None`` while uncertain. ``detected`` is true if the detector found
    the face in this frame. ``facing`` is true if it was turned towards the camera at its last detection.
    """

    track_id: str
    box: Box
    scores: Scores
    emotion: str | None
    confidence: float
    raw_scores: Scores | None = None
    detected: bool = True
    primary: bool = False
    facing: bool = True


class Light(StrEnum):
    """Light of a picture: ``DARK`` is corrected, in ``TOO_DARK`` faces are missed."""

    NORMAL = "normal"
    DARK = "dark"
    TOO_DARK = "too_dark"


@dataclass(frozen=True, slots=True)
class Observation:
    """Result of the vision pipeline for one frame.

    The two durations are excluded from comparison.
    """

    monotonic_ns: int
    frame_index: int
    frame_width: int
    frame_height: int
    faces: tuple[Face, ...]
    detect_ms: float | None = field(default=None, compare=False)
    classify_ms: float | None = field(default=None, compare=False)
    name: str = ""
    light: Light = Light.NORMAL
