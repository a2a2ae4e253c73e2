"""Vision pipeline from a frame to an observation, without threads, I/O or a clock other than the frame's.

The same frames with the same ``seed`` give the same observations. The timer only fills the two durations.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from edge.core.stage_timer import StageTimer
from edge.core.types import Face, Observation, Scores
from edge.inference.preprocess import crop_face
from edge.vision import light
from edge.vision.reduce import Reducer
from edge.vision.refusal import FaceEvidence
from edge.vision.smooth import EmotionSelector, ScoreAverage
from edge.vision.template import TemplateFollower
from edge.vision.track import Tracker
from edge.vision.view import FrameView

if TYPE_CHECKING:
    from edge.config import PrimaryConfig, SmoothingConfig
    from edge.core.protocols import EmotionClassifier
    from edge.core.types import Box, Frame, Light, Reading
    from edge.vision.findings import FaceSearch
    from edge.vision.track import Track, TrackRules

_NS = 1_000_000_000
_MOST_READINGS = 40
"""Classifications per second of all faces together; in a crowd each face is classified less often."""


@dataclass(slots=True)
class _Memory:
    """State of one tracked face."""

    average: ScoreAverage
    selector: EmotionSelector
    scores: Scores
    read_ns: int | None = None
    emotion: str | None = None
    evidence: FaceEvidence = field(default_factory=FaceEvidence)


class Pipeline:
    """Detects, tracks, classifies and smooths.

    Args:
        search: decides where and when to search for faces.
        classifier: classifies their expression.
        rules: rules for showing and forgetting faces.
        smoothing: settings that prevent flicker of scores and labels.
        primary: settings of the marking of the primary face.
        classify_interval_s: shortest interval between two classifications of one face, in seconds.
        refuse: discard detections that the classifier does not recognise as a face.
        memory: false if frames are unrelated, such as a folder's pictures.
        seed: of the tracks' ids.
        timer: receives the durations of the stages.
    """

    def __init__(
        self,
        search: FaceSearch,
        classifier: EmotionClassifier,
        *,
        rules: TrackRules,
        smoothing: SmoothingConfig,
        primary: PrimaryConfig,
        classify_interval_s: float = 0.0,
        refuse: bool = False,
        memory: bool = True,
        seed: int | None = None,
        timer: StageTimer | None = None,
    ) -> None:
        self._search = search
        self._classifier = classifier
        self._nothing_read = Scores.of([0.0] * len(classifier.labels), classifier.labels)
        self._classify_interval_ns = int(classify_interval_s * _NS)
        self._classify_share_ns = _NS // _MOST_READINGS if classify_interval_s else 0
        self._smoothing = smoothing
        self._primary = primary
        self._refuse = refuse
        self._memory = memory
        self._timer = timer or StageTimer()
        self._tracker = Tracker(rules if memory else replace(rules, min_hits=1), seed=seed)
        self._follower = TemplateFollower()
        self._reducer = Reducer()
        self._faces: dict[str, _Memory] = {}

    def reset(self) -> None:
        """Forget every face, as after a pause or a new clip."""
        self._tracker.reset()
        self._follower.reset()
        self._faces.clear()
        self._search.reset()

    @property
    def still(self) -> bool:
        """Return whether no face is known and nothing moved in the last frame."""
        return self._search.still and not any(memory.evidence.is_face for memory in self._faces.values())

    def close(self) -> None:
        """Free the classifier's interpreter."""
        self._classifier.close()

    def step(self, frame: Frame) -> Observation:
        """Return the observation of ``frame``; frames must be in order of time."""
        if not self._memory:
            self.reset()
        timer, now_ns = self._timer, frame.monotonic_ns
        timer.begin()
        seen = self._find(frame)
        known = self._tracker.faces(now_ns)
        shown = [(track, box) for track, box in known if _in_view(box, frame)]
        interval_ns = max(self._classify_interval_ns, self._classify_share_ns * len(shown))
        due = [(track, box) for track, box in shown if self._is_due(track, now_ns, interval_ns)]
        raw = dict(zip((track.id for track, _ in due), self._classify(frame, due), strict=True))
        with timer("smooth"):
            memories = [(track, box, self._remember(track, raw.get(track.id), now_ns)) for track, box in shown]
            faces = [
                self._face(track, box, memory, raw.get(track.id), now_ns)
                for track, box, memory in memories
                if memory.evidence.is_face
            ]
            live = {track.id for track in self._tracker.tracks()}
            self._faces = {track_id: memory for track_id, memory in self._faces.items() if track_id in live}
            marked = mark_primary(faces, frame.width, frame.height, self._primary.mode)
        return Observation(
            monotonic_ns=now_ns,
            frame_index=frame.index,
            frame_width=frame.width,
            frame_height=frame.height,
            faces=marked,
            detect_ms=timer.ms("convert", "detect") if "track" in timer.spent_ns else None,
            classify_ms=timer.ms("crop", "classify"),
            name=frame.name,
            light=seen,
        )

    def _find(self, frame: Frame) -> Light:
        """Follow the known faces and search for faces where and when that is due; return the light."""
        now_ns = frame.monotonic_ns
        with self._timer("convert"):
            view = self._view(frame)
            self._search.update(view)
        with self._timer("follow"):
            self._tracker.tick(now_ns)
            followed = self._follow(view)
            self._tracker.follow(followed, now_ns)
        tracks = self._tracker.tracks()
        with self._timer("detect"):
            result = self._search.look(view, tracks, followed)
        if result is not None:
            with self._timer("track"):
                matched = self._tracker.update(
                    result.detections, now_ns, looked_for=result.looked_for, followed=followed
                )
                for track_id, detection in matched.items() if self._memory else ():
                    self._follower.learn(track_id, view.grey, detection.box.scaled(1 / view.scale))
                self._follower.keep(track.id for track in self._tracker.tracks())
        return view.exposure.light

    def _view(self, frame: Frame) -> FrameView:
        width = self._search.grey_width(frame.width, frame.height)
        grey = self._reducer.reduce(frame, width, careful=not self._memory)
        exposure = light.measure(grey)
        return FrameView(frame, self._reducer.lighten(grey, exposure), exposure)

    def _follow(self, view: FrameView) -> dict[str, Box]:
        """Return the boxes of known faces, in pixels of the frame, by track, without those whose appearance changed."""
        boxes = {}
        for track in self._tracker.tracks():
            if track.missed:
                continue
            small = track.box.scaled(1 / view.scale)
            if _is_inside(track.box, view.frame) and not self._search.changed(small):
                boxes[track.id] = track.box
                continue
            expected = track.at(view.now_ns).scaled(1 / view.scale)
            box = self._follower.follow(track.id, view.grey, expected)
            if box is not None:
                boxes[track.id] = box.scaled(view.scale)
        return boxes

    def _is_due(self, track: Track, now_ns: int, interval_ns: int) -> bool:
        """Return whether a face is to be classified: at intervals, and only while it is seen."""
        memory = self._faces.get(track.id)
        if memory is None or memory.read_ns is None:
            return True
        return track.seen_ns == now_ns and not 0 <= now_ns - memory.read_ns < interval_ns

    def _classify(self, frame: Frame, due: list[tuple[Track, Box]]) -> list[Reading]:
        if not due:
            return []
        network = self._classifier
        with self._timer("crop"):
            crops = [
                crop_face(
                    frame.image,
                    box,
                    margin=network.crop_margin,
                    size=network.input_size,
                    roll=track.roll,
                    contrast=network.contrast,
                )
                for track, box in due
            ]
        with self._timer("classify"):
            return network.read(crops)

    def _remember(self, track: Track, reading: Reading | None, now_ns: int) -> _Memory:
        """Add a reading, if any, to the state of a track, and return the state."""
        memory = self._faces.get(track.id)
        if memory is None:
            memory = self._faces[track.id] = self._new_memory()
        if reading is not None:
            memory.scores, memory.read_ns = memory.average.update(reading.scores, now_ns), now_ns
            # only readings change the label, so a leading label must lead in the next reading as well
            memory.emotion = memory.selector.update(memory.scores, now_ns)
            if self._refuse and reading.evidence is not None:
                memory.evidence.update(reading.evidence)
        return memory

    @staticmethod
    def _face(track: Track, box: Box, memory: _Memory, reading: Reading | None, now_ns: int) -> Face:
        smoothed, emotion = memory.scores, memory.emotion
        return Face(
            track_id=track.id,
            box=box,
            scores=smoothed,
            emotion=emotion,
            confidence=smoothed.confidence if emotion is None else smoothed[emotion],
            raw_scores=None if reading is None else reading.scores,
            detected=track.detected_ns == now_ns,
            facing=track.facing and not track.missed,
        )

    def _new_memory(self) -> _Memory:
        settings = self._smoothing
        return _Memory(
            ScoreAverage(settings.time_constant_s if self._memory else 0.0),
            EmotionSelector(lead=settings.lead, hold_s=settings.hold_s, min_confidence=settings.min_confidence),
            self._nothing_read,
        )


def mark_primary(faces: list[Face], width: int, height: int, mode: str) -> tuple[Face, ...]:
    """Return the faces with the primary one marked: the largest, or the most central, weighted by size."""
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


def _is_inside(box: Box, frame: Frame) -> bool:
    """Return whether the centre of the box is inside the picture."""
    x, y = box.centre
    return 0 <= x < frame.width and 0 <= y < frame.height


def _in_view(box: Box, frame: Frame) -> bool:
    """Return whether at least half of the box is inside the picture."""
    width = min(box.x + box.width, frame.width) - max(box.x, 0)
    height = min(box.y + box.height, frame.height) - max(box.y, 0)
    return width > 0 and height > 0 and width * height >= box.area / 2
