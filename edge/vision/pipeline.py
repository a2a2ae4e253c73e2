"""One frame in, one observation out: no thread, no I/O, no clock but the frame's own.

The same frames with the same ``seed`` give the same observations. The stopwatch only fills the two durations.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import cv2

from edge.preprocess import crop_face, to_grey
from edge.types import Box, Face, Observation
from edge.vision.smooth import Labeler, ScoreAverage
from edge.vision.track import Tracker

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from edge.config import PrimaryConfig, SmoothingConfig, TrackerConfig
    from edge.protocols import EmotionClassifier, FaceDetector
    from edge.types import Frame, Scores
    from edge.vision.track import Track

_NS = 1_000_000_000
_NS_PER_MS = 1_000_000


@dataclass(slots=True)
class _Memory:
    """What is remembered of one tracked face."""

    average: ScoreAverage
    labeler: Labeler


class Pipeline:
    """Detect, track, classify and smooth.

    ``detect_width`` is the width in pixels to which a picture is reduced for detection, ``detect_interval_s`` the
    least time between two detections. Without ``memory`` each frame stands for itself, as a folder's pictures do.
    """

    def __init__(
        self,
        detector: FaceDetector,
        classifier: EmotionClassifier,
        *,
        detect_width: int,
        detect_interval_s: float,
        tracker: TrackerConfig,
        smoothing: SmoothingConfig,
        primary: PrimaryConfig,
        memory: bool = True,
        seed: int | None = None,
        stopwatch_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._detector = detector
        self._classifier = classifier
        self._detect_width = detect_width
        self._detect_interval_ns = int(detect_interval_s * _NS)
        self._smoothing = smoothing
        self._primary = primary
        self._memory = memory
        self._stopwatch_ns = stopwatch_ns
        self._tracker = Tracker(
            iou_threshold=tracker.iou_threshold,
            max_age_s=tracker.max_age_s,
            min_hits=tracker.min_hits if memory else 1,
            max_faces=tracker.max_faces,
            seed=seed,
        )
        self._faces: dict[str, _Memory] = {}
        self._detected_ns: int | None = None

    def reset(self) -> None:
        """Forget every face, as after a pause or a new clip."""
        self._tracker.reset()
        self._faces.clear()
        self._detected_ns = None

    def close(self) -> None:
        """Free the classifier's interpreter."""
        self._classifier.close()

    def step(self, frame: Frame) -> Observation:
        """What is to be seen in ``frame``; frames must come in order of time."""
        if not self._memory:
            self.reset()
        now_ns = frame.monotonic_ns
        detect_ms = None
        if self._detected_ns is None or not 0 <= now_ns - self._detected_ns < self._detect_interval_ns:
            started = self._stopwatch_ns()
            self._tracker.update(self._detect(frame), now_ns)
            self._detected_ns = now_ns
            detect_ms = (self._stopwatch_ns() - started) / _NS_PER_MS
        tracked = [(track, box) for track, box in self._tracker.faces(now_ns) if _in_view(box, frame)]
        started = self._stopwatch_ns()
        scores = self._classify(frame, [box for _, box in tracked])
        classify_ms = (self._stopwatch_ns() - started) / _NS_PER_MS if tracked else None
        faces = [self._face(track, box, raw, now_ns) for (track, box), raw in zip(tracked, scores, strict=True)]
        live = {track.id for track, _ in self._tracker.faces(now_ns)}
        self._faces = {track_id: memory for track_id, memory in self._faces.items() if track_id in live}
        return Observation(
            monotonic_ns=now_ns,
            frame_index=frame.index,
            frame_width=frame.width,
            frame_height=frame.height,
            faces=mark_primary(faces, frame.width, frame.height, self._primary.mode),
            detect_ms=detect_ms,
            classify_ms=classify_ms,
            name=frame.name,
        )

    def _detect(self, frame: Frame) -> list[Box]:
        """Boxes in pixels of the full frame."""
        grey = reduce_grey(frame, self._detect_width)
        factor_x, factor_y = frame.width / grey.shape[1], frame.height / grey.shape[0]
        return [box.scaled(factor_x, factor_y) for box in self._detector.detect(grey)]

    def _classify(self, frame: Frame, boxes: list[Box]) -> list[Scores]:
        if not boxes:
            return []
        margin, size = self._classifier.crop_margin, self._classifier.input_size
        return self._classifier.classify([crop_face(frame.image, box, margin=margin, size=size) for box in boxes])

    def _face(self, track: Track, box: Box, raw: Scores, now_ns: int) -> Face:
        memory = self._faces.get(track.id)
        if memory is None:
            settings = self._smoothing
            memory = self._faces[track.id] = _Memory(
                ScoreAverage(settings.time_constant_s if self._memory else 0.0),
                Labeler(lead=settings.lead, hold_s=settings.hold_s, min_confidence=settings.min_confidence),
            )
        smoothed = memory.average.update(raw, now_ns)
        emotion = memory.labeler.update(smoothed, now_ns)
        return Face(
            track_id=track.id,
            box=box,
            scores=smoothed,
            emotion=emotion,
            confidence=smoothed.confidence if emotion is None else smoothed[emotion],
            raw_scores=raw,
            detected=track.detected_ns == now_ns,
        )


def reduce_grey(frame: Frame, width: int) -> NDArray[np.uint8]:
    """A grey picture of at most ``width`` pixels across; the source's own small one where it is large enough."""
    picture = frame.image
    if frame.small_grey is not None and frame.small_grey.shape[1] >= min(width, frame.width):
        picture = frame.small_grey
    height, full_width = picture.shape[:2]
    if full_width > width:
        size = (width, max(1, round(height * width / full_width)))
        picture = cast("NDArray[np.uint8]", cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
    return to_grey(picture)


def mark_primary(faces: list[Face], width: int, height: int, mode: str) -> tuple[Face, ...]:
    """The faces with the one that matters marked: the largest, or the most central weighed by its size."""
    if mode == "off" or not faces:
        return tuple(faces)

    def weight(face: Face) -> float:
        if mode == "largest":
            return face.box.area
        x, y = face.box.centre
        off_centre = ((x / width - 0.5) ** 2 + (y / height - 0.5) ** 2) ** 0.5 / 0.5**0.5
        return float((face.box.area / (width * height)) ** 0.5 * (1 - min(off_centre, 1.0)))

    chosen = max(faces, key=weight)
    return tuple(replace(face, primary=True) if face is chosen else face for face in faces)


def _in_view(box: Box, frame: Frame) -> bool:
    """At least half of the box lies inside the picture."""
    width = min(box.x + box.width, frame.width) - max(box.x, 0)
    height = min(box.y + box.height, frame.height) - max(box.y, 0)
    return width > 0 and height > 0 and width * height >= box.area / 2
