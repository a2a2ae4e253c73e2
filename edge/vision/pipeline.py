"""One frame in, one observation out: no thread, no I/O, no clock but the frame's own.

The same frames with the same ``seed`` give the same observations. The laps only fill the two durations.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edge.laps import Laps
from edge.preprocess import crop_face
from edge.types import EMOTIONS, Box, Face, Observation, Scores
from edge.vision.reduce import Reducer, least_width
from edge.vision.search import Search
from edge.vision.smooth import Labeler, ScoreAverage
from edge.vision.track import Tracker

if TYPE_CHECKING:
    from edge.config import PrimaryConfig, SmoothingConfig, TrackerConfig
    from edge.protocols import EmotionClassifier, FaceDetector
    from edge.types import Frame
    from edge.vision.track import Track

_NS = 1_000_000_000
_NOTHING_READ = Scores.of([0.0] * len(EMOTIONS))


@dataclass(slots=True)
class _Memory:
    """What is remembered of one tracked face."""

    average: ScoreAverage
    labeler: Labeler
    scores: Scores = _NOTHING_READ
    read_ns: int = 0


class Pipeline:
    """Detect, track, classify and smooth.

    ``detect_width`` is the width in pixels to which a picture is reduced for detection (0: as far as ``min_face``
    allows), ``detect_interval_s`` the least time between two looks for the same face, ``scan_s`` that between two
    searches of the whole picture, ``classify_interval_s`` that between two readings of one face. ``min_face`` is the
    smallest face as a share of the picture's shorter side. Without ``memory`` each frame stands for itself, as a
    folder's pictures do.
    """

    def __init__(
        self,
        detector: FaceDetector,
        classifier: EmotionClassifier,
        *,
        detect_width: int,
        detect_interval_s: float,
        scan_s: float = 0.0,
        min_face: float = 0.1,
        classify_interval_s: float = 0.0,
        tracker: TrackerConfig,
        smoothing: SmoothingConfig,
        primary: PrimaryConfig,
        memory: bool = True,
        seed: int | None = None,
        laps: Laps | None = None,
    ) -> None:
        self._classifier = classifier
        self._detect_width = detect_width
        self._min_face = min_face
        self._classify_interval_ns = int(classify_interval_s * _NS)
        self._smoothing = smoothing
        self._primary = primary
        self._memory = memory
        self._laps = laps or Laps()
        self._tracker = Tracker(
            iou_threshold=tracker.iou_threshold,
            max_age_s=tracker.max_age_s,
            min_hits=tracker.min_hits if memory else 1,
            max_faces=tracker.max_faces,
            seed=seed,
        )
        self._search = Search(
            detector,
            interval_s=detect_interval_s,
            scan_s=max(scan_s, detect_interval_s),
            min_face=min_face,
            min_hits=tracker.min_hits,
        )
        self._reducer = Reducer()
        self._faces: dict[str, _Memory] = {}

    def reset(self) -> None:
        """Forget every face, as after a pause or a new clip."""
        self._tracker.reset()
        self._faces.clear()
        self._search.reset()

    @property
    def still(self) -> bool:
        """True where nobody is known to be there and nothing moved in the last frame."""
        return self._search.still and not self._faces

    def close(self) -> None:
        """Free the classifier's interpreter."""
        self._classifier.close()

    def step(self, frame: Frame) -> Observation:
        """What is to be seen in ``frame``; frames must come in order of time."""
        if not self._memory:
            self.reset()
        laps, now_ns = self._laps, frame.monotonic_ns
        laps.begin()
        self._find(frame)
        known = self._tracker.faces(now_ns)
        tracked = [(track, box) for track, box in known if _in_view(box, frame)]
        due = [(track, box) for track, box in tracked if self._is_due(track, now_ns)]
        raw = dict(zip((track.id for track, _ in due), self._classify(frame, [box for _, box in due]), strict=True))
        with laps("smooth"):
            faces = [self._face(track, box, raw.get(track.id), now_ns) for track, box in tracked]
            live = {track.id for track, _ in known}
            self._faces = {track_id: memory for track_id, memory in self._faces.items() if track_id in live}
            marked = mark_primary(faces, frame.width, frame.height, self._primary.mode)
        return Observation(
            monotonic_ns=now_ns,
            frame_index=frame.index,
            frame_width=frame.width,
            frame_height=frame.height,
            faces=marked,
            detect_ms=laps.ms("convert", "detect") if "track" in laps.spent_ns else None,
            classify_ms=laps.ms("crop", "classify"),
            name=frame.name,
        )

    def _find(self, frame: Frame) -> None:
        """Look for faces where and when that is due."""
        with self._laps("convert"):
            width = self._detect_width or least_width(frame, self._min_face)
            grey = self._reducer.reduce(frame, width, careful=not self._memory)
        with self._laps("detect"):
            found = self._search.look(frame, grey, self._tracker.tracks(frame.monotonic_ns))
        if found is not None:
            with self._laps("track"):
                self._tracker.update(found, frame.monotonic_ns)

    def _is_due(self, track: Track, now_ns: int) -> bool:
        """Its expression is read now and then; what it did in between is the average's business."""
        memory = self._faces.get(track.id)
        return memory is None or not 0 <= now_ns - memory.read_ns < self._classify_interval_ns

    def _classify(self, frame: Frame, boxes: list[Box]) -> list[Scores]:
        if not boxes:
            return []
        margin, size = self._classifier.crop_margin, self._classifier.input_size
        with self._laps("crop"):
            crops = [crop_face(frame.image, box, margin=margin, size=size) for box in boxes]
        with self._laps("classify"):
            return self._classifier.classify(crops)

    def _face(self, track: Track, box: Box, raw: Scores | None, now_ns: int) -> Face:
        memory = self._faces.get(track.id)
        if memory is None:
            memory = self._faces[track.id] = self._new_memory()
        if raw is not None:
            memory.scores, memory.read_ns = memory.average.update(raw, now_ns), now_ns
        smoothed = memory.scores
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

    def _new_memory(self) -> _Memory:
        settings = self._smoothing
        return _Memory(
            ScoreAverage(settings.time_constant_s if self._memory else 0.0),
            Labeler(lead=settings.lead, hold_s=settings.hold_s, min_confidence=settings.min_confidence),
        )


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
