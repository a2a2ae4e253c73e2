"""The obvious loop of most projects of this kind: the whole frame is searched every time, each face classified.

It has the same cascade, steps and network as ours, and its own least size of faces. Its time does not include the
tracking and smoothing of each frame, which are the same as ours and give its faces comparable labels.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.core.types import Detection
from edge.inference.preprocess import crop_face, to_grey
from edge.vision.smooth import EmotionSelector, ScoreAverage
from edge.vision.track import Tracker, TrackRules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from edge.config import SmoothingConfig, TrackerConfig
    from edge.core.protocols import EmotionClassifier
    from edge.core.types import Box, Frame, Scores
    from edge.vision.haar import HaarDetector


@dataclass(frozen=True, slots=True)
class Sight:
    """One face in one frame: as found, as classified there and then, and the smoothed label."""

    box: Box
    scores: Scores
    emotion: str | None


@dataclass(frozen=True, slots=True)
class Turn:
    """One frame of the loop: what was seen, and how long finding and classifying took."""

    sights: tuple[Sight, ...]
    detect_ns: int
    classify_ns: int


class ObviousLoop:
    """Loop that detects and classifies in every frame."""

    def __init__(
        self,
        detector: HaarDetector,
        classifier: EmotionClassifier,
        *,
        tracker: TrackerConfig,
        smoothing: SmoothingConfig,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._detector = detector
        self._classifier = classifier
        self._smoothing = smoothing
        self._clock_ns = clock_ns
        rules = TrackRules(
            iou_threshold=tracker.iou_threshold,
            min_hits=1,
            max_age_s=tracker.max_age_s,
            memory_s=tracker.max_age_s,
            max_faces=tracker.max_faces,
        )
        self._tracker = Tracker(rules, seed=0)
        self._memory: dict[str, tuple[ScoreAverage, EmotionSelector]] = {}

    def run(self, frames: Iterable[Frame]) -> list[Turn]:
        """Process every frame in order."""
        return [self._turn(frame) for frame in frames]

    def _turn(self, frame: Frame) -> Turn:
        began_ns = self._clock_ns()
        boxes = [found.box for found in self._detector.detect(to_grey(frame.image))]
        found_ns = self._clock_ns()
        scores = [self._read(frame, box) for box in boxes]
        ended_ns = self._clock_ns()
        return Turn(self._labelled(boxes, scores, frame.monotonic_ns), found_ns - began_ns, ended_ns - found_ns)

    def _read(self, frame: Frame, box: Box) -> Scores:
        network = self._classifier
        crop = crop_face(
            frame.image, box, margin=network.crop_margin, size=network.input_size, contrast=network.contrast
        )
        return network.classify([crop])[0]

    def _labelled(self, boxes: list[Box], scores: list[Scores], now_ns: int) -> tuple[Sight, ...]:
        self._tracker.tick(now_ns)
        self._tracker.update([Detection(box) for box in boxes], now_ns)
        tracks = {box: track.id for track, box in self._tracker.faces(now_ns) if track.detected_ns == now_ns}
        sights = []
        for box, raw in zip(boxes, scores, strict=True):
            emotion = self._label(tracks[box], raw, now_ns) if box in tracks else None
            sights.append(Sight(box, raw, emotion))
        return tuple(sights)

    def _label(self, track: str, raw: Scores, now_ns: int) -> str | None:
        settings = self._smoothing
        if track not in self._memory:
            selector = EmotionSelector(
                lead=settings.lead, hold_s=settings.hold_s, min_confidence=settings.min_confidence
            )
            self._memory[track] = ScoreAverage(settings.time_constant_s), selector
        average, selector = self._memory[track]
        return selector.update(average.update(raw, now_ns), now_ns)
