"""Tracking of the faces of one camera (pure; after ByteTrack, Zhang et al., ECCV 2022).

A track begins with a confident detection and is continued by less confident ones. A track that is no longer detected is
not shown, but remembered for a while, so that a face that looks away and back keeps its id. Ids are random, short-lived
and do not identify a person.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edge.vision.association import associate
from edge.vision.camera_motion import CameraMotion
from edge.vision.pose import is_facing, roll_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from edge.core.types import Box, Detection

_NS = 1_000_000_000
_ID_BITS = 32
_COAST_S = 0.3
"""How long a face that is not seen is extrapolated at its last speed, in seconds."""
_INERTIA = 0.6
_LEAST_STEP_S = 1e-3


@dataclass(frozen=True, slots=True)
class Track:
    """One face; ``speed_x`` and ``speed_y`` are those of the centre, in pixels per second.

    ``detected_ns`` is the time of the last detection, ``seen_ns`` of the last detection or match, ``placed_ns`` that of
    ``box``. ``best`` is the highest score so far, ``missed`` the number of consecutive misses. ``roll`` in degrees and
    ``facing`` are those of the last detection.
    """

    id: str
    box: Box
    hits: int
    detected_ns: int
    seen_ns: int
    placed_ns: int
    best: float = 1.0
    missed: int = 0
    speed_x: float = 0.0
    speed_y: float = 0.0
    roll: float = 0.0
    facing: bool = True

    def at(self, now_ns: int) -> Box:
        """Return the expected box at ``now_ns``."""
        seconds = max(0.0, min((now_ns - self.placed_ns) / _NS, _COAST_S))
        return replace(self.box, x=self.box.x + self.speed_x * seconds, y=self.box.y + self.speed_y * seconds)

    def detected(self, detection: Detection, now_ns: int) -> Track:
        """Return the track continued by a detection."""
        moved = self.moved(detection.box, now_ns)
        return replace(
            moved,
            hits=self.hits + 1,
            detected_ns=now_ns,
            best=max(self.best, detection.score),
            missed=0,
            roll=roll_of(detection.landmarks),
            facing=is_facing(detection.landmarks),
        )

    def moved(self, box: Box, now_ns: int) -> Track:
        """Return the track continued at ``box``; the speed is a running mean."""
        seconds = (now_ns - self.placed_ns) / _NS
        if seconds < _LEAST_STEP_S:  # followed and detected in one frame: the box is more exact, the speed is not
            return replace(self, box=box, seen_ns=now_ns)
        (old_x, old_y), (new_x, new_y) = self.box.centre, box.centre
        return replace(
            self,
            box=box,
            seen_ns=now_ns,
            placed_ns=now_ns,
            speed_x=_INERTIA * self.speed_x + (1 - _INERTIA) * (new_x - old_x) / seconds,
            speed_y=_INERTIA * self.speed_y + (1 - _INERTIA) * (new_y - old_y) / seconds,
        )


@dataclass(frozen=True, slots=True)
class TrackRules:
    """Rules for beginning, showing and forgetting a track.

    ``begins`` is the score of a detection that begins a track, ``sure`` the one from which on it is shown at once;
    others are shown after ``min_hits`` detections, one of which must score ``confirms``. A face is shown until it was
    missed ``misses`` times in a row or was not seen for ``max_age_s``, and remembered for ``memory_s``. A face whose
    appearance is unchanged is shown without a detection for at most ``held_s``.
    """

    iou_threshold: float = 0.25
    begins: float = 0.0
    confirms: float = 0.0
    sure: float = 2.0
    min_hits: int = 2
    misses: int = 2
    max_age_s: float = 0.8
    held_s: float = 3.0
    memory_s: float = 2.5
    max_faces: int = 100


class Tracker:
    """Holds the tracks of one camera; every call passes its time."""

    def __init__(self, rules: TrackRules, *, seed: int | None = None) -> None:
        self._rules = rules
        self._random = random.Random(seed)
        self._tracks: list[Track] = []
        self._interval_s = self._usual_s = 0.0
        self._last_ns: int | None = None
        self._camera = CameraMotion()

    def reset(self) -> None:
        """Forget every face."""
        self._tracks = []
        self._last_ns = None
        self._camera = CameraMotion()

    def tick(self, now_ns: int) -> None:
        """Begin a frame; time limits grow with the frames' interval, so that rare frames hide no face."""
        if self._last_ns is not None:
            before_s, self._interval_s = self._interval_s, max(0.0, (now_ns - self._last_ns) / _NS)
            self._usual_s = min(before_s or self._interval_s, self._interval_s)
        self._last_ns = now_ns
        self._tracks = self._alive(self._tracks, now_ns)

    def follow(self, boxes: Mapping[str, Box], now_ns: int) -> None:
        """Move the followed tracks to ``boxes``, by id, and the others with the camera."""
        self._camera = CameraMotion.of([(track.box, boxes[track.id]) for track in self._tracks if track.id in boxes])
        self._tracks = [
            track.moved(self._camera.resized(boxes[track.id]), now_ns)
            if track.id in boxes
            else self._carried(track, now_ns)
            for track in self._tracks
        ]

    def update(
        self,
        detections: Sequence[Detection],
        now_ns: int,
        *,
        looked_for: Collection[str] | None = None,
        followed: Collection[str] = (),
    ) -> dict[str, Detection]:
        """Process detections; return those that continued or began a track, by its id.

        Args:
            detections: in pixels of the frame.
            now_ns: the frame's time.
            looked_for: ids of the tracks that the search covered; ``None`` means all of them.
            followed: ids of the tracks whose appearance is unchanged in this frame.
        """
        boxes = [detection.box for detection in detections]
        unseen_s = [(now_ns - track.seen_ns) / _NS for track in self._tracks]
        expected = [track.at(now_ns) for track in self._tracks]
        pairs = associate(expected, unseen_s, boxes, iou_threshold=self._rules.iou_threshold)
        tracks, matched = [], {}
        for index, track in enumerate(self._tracks):
            if index in pairs:
                matched[track.id] = detections[pairs[index]]
                tracks.append(track.detected(matched[track.id], now_ns))
            elif looked_for is None or track.id in looked_for:
                tracks.append(self._missed(track, now_ns, is_followed=track.id in followed))
            else:
                tracks.append(track)
        taken = set(pairs.values())
        for index, detection in enumerate(detections):
            if index not in taken and detection.score >= self._rules.begins:
                track = self._new_track(detection, now_ns)
                matched[track.id] = detection
                tracks.append(track)
        self._tracks = self._alive(tracks, now_ns)
        return matched

    def tracks(self) -> list[Track]:
        """Return all tracks, shown or not, largest first."""
        return self._tracks

    def faces(self, now_ns: int) -> list[tuple[Track, Box]]:
        """Return the shown tracks with their boxes at ``now_ns``, largest first."""
        return [(track, track.at(now_ns)) for track in self._tracks if self.is_shown(track, now_ns)]

    def is_shown(self, track: Track, now_ns: int) -> bool:
        """Return whether the face counts as being in view."""
        rules = self._rules
        age_s = (now_ns - track.seen_ns) / _NS
        return self.is_confirmed(track) and track.missed < rules.misses and age_s <= self._lasting(rules.max_age_s)

    def is_confirmed(self, track: Track) -> bool:
        """Return whether it was detected often or confidently enough; if frames are rare, once is enough."""
        is_slow = self._usual_s >= self._rules.max_age_s / 2
        is_often = is_slow or track.hits >= self._rules.min_hits
        return track.best >= self._rules.sure or (track.best >= self._rules.confirms and is_often)

    def _new_track(self, detection: Detection, now_ns: int) -> Track:
        speed_x, speed_y = self._camera_speed(detection.box)
        return Track(
            f"{self._random.getrandbits(_ID_BITS):08x}",
            detection.box,
            1,
            now_ns,
            now_ns,
            now_ns,
            best=detection.score,
            speed_x=speed_x,
            speed_y=speed_y,
            roll=roll_of(detection.landmarks),
            facing=is_facing(detection.landmarks),
        )

    def _missed(self, track: Track, now_ns: int, *, is_followed: bool) -> Track:
        """Count a miss, unless the face's appearance is unchanged, so that the miss is the detector's."""
        held_s = min(self._rules.held_s, self._rules.max_age_s * track.hits)
        is_held = is_followed and self.is_confirmed(track) and now_ns - track.detected_ns <= held_s * _NS
        return track if is_held else replace(track, missed=track.missed + 1)

    def _carried(self, track: Track, now_ns: int) -> Track:
        """Return a track that was not followed, moved along with the camera."""
        if self._camera == CameraMotion() or track.placed_ns == now_ns:
            return track
        box = self._camera.moved(track.box)
        speed_x, speed_y = self._camera_speed(box)
        return replace(track, box=box, placed_ns=now_ns, speed_x=speed_x, speed_y=speed_y)

    def _camera_speed(self, box: Box) -> tuple[float, float]:
        """Return the speed of ``box`` in pixels per second if only the camera moves."""
        if self._interval_s <= 0:
            return 0.0, 0.0
        (old_x, old_y), (new_x, new_y) = box.centre, self._camera.moved(box).centre
        return (new_x - old_x) / self._interval_s, (new_y - old_y) / self._interval_s

    def _lasting(self, seconds: float) -> float:
        """Return a time limit that is at least two frames long, in seconds."""
        return max(seconds, 2 * self._interval_s)

    def _alive(self, tracks: list[Track], now_ns: int) -> list[Track]:
        remembered = [track for track in tracks if self._is_remembered(track, now_ns)]
        return sorted(remembered, key=lambda track: -track.box.area)[: self._rules.max_faces]

    def _is_remembered(self, track: Track, now_ns: int) -> bool:
        if not self.is_confirmed(track) and track.missed >= self._rules.misses:
            return False
        limit_s = self._rules.memory_s if self.is_confirmed(track) else self._rules.max_age_s
        return now_ns - track.seen_ns <= self._lasting(limit_s) * _NS
