"""Follows faces from one detection to the next by overlap (pure; after Bochinski et al., IOU tracker, AVSS 2017).

Between detections a box moves on at its last speed. Ids are random, short-lived and say nothing of who it is.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.types import Box

_NS = 1_000_000_000
_ID_BITS = 32
_COAST_S = 0.3
"""A face moves on at its last speed for so long; after that nobody knows."""


@dataclass(frozen=True, slots=True)
class Track:
    """One followed face; speeds in pixels a second, of the centre."""

    id: str
    box: Box
    hits: int
    detected_ns: int
    speed_x: float = 0.0
    speed_y: float = 0.0

    def at(self, now_ns: int) -> Box:
        """Where the face should be at ``now_ns``."""
        seconds = min((now_ns - self.detected_ns) / _NS, _COAST_S)
        return replace(self.box, x=self.box.x + self.speed_x * seconds, y=self.box.y + self.speed_y * seconds)

    def found(self, box: Box, now_ns: int, *, inertia: float = 0.5) -> Track:
        """The track continued by a detection; the speed is a running mean."""
        seconds = max((now_ns - self.detected_ns) / _NS, 1e-3)
        (old_x, old_y), (new_x, new_y) = self.box.centre, box.centre
        return Track(
            id=self.id,
            box=box,
            hits=self.hits + 1,
            detected_ns=now_ns,
            speed_x=inertia * self.speed_x + (1 - inertia) * (new_x - old_x) / seconds,
            speed_y=inertia * self.speed_y + (1 - inertia) * (new_y - old_y) / seconds,
        )


class Tracker:
    """Keeps the tracks of one camera; every call names its time."""

    def __init__(
        self, *, iou_threshold: float, max_age_s: float, min_hits: int, max_faces: int, seed: int | None = None
    ) -> None:
        self._iou_threshold = iou_threshold
        self._max_age_ns = int(max_age_s * _NS)
        self._min_hits = min_hits
        self._max_faces = max_faces
        self._random = random.Random(seed)
        self._tracks: list[Track] = []

    def reset(self) -> None:
        """Forget every face."""
        self._tracks = []

    def update(self, detections: list[Box], now_ns: int) -> None:
        """Take a detection's boxes: continue tracks by greatest overlap first, begin new ones, drop the aged."""
        pairs = sorted(
            (
                (track.at(now_ns).iou(box), t, d)
                for t, track in enumerate(self._tracks)
                for d, box in enumerate(detections)
            ),
            key=lambda pair: (-pair[0], pair[1], pair[2]),
        )
        continued: dict[int, int] = {}
        taken: set[int] = set()
        for overlap, t, d in pairs:
            if overlap < max(self._iou_threshold, 1e-9):
                break
            if t not in continued and d not in taken:
                continued[t] = d
                taken.add(d)
        kept = [
            track.found(detections[continued[t]], now_ns) if t in continued else track
            for t, track in enumerate(self._tracks)
        ]
        started = [
            Track(f"{self._random.getrandbits(_ID_BITS):08x}", box, 1, now_ns)
            for d, box in enumerate(detections)
            if d not in taken
        ]
        self._tracks = self._alive([*kept, *started], now_ns)

    def tracks(self, now_ns: int) -> list[Track]:
        """All that live at ``now_ns``, confirmed or not, largest first."""
        self._tracks = self._alive(self._tracks, now_ns)
        return self._tracks

    def faces(self, now_ns: int) -> list[tuple[Track, Box]]:
        """Confirmed tracks and where each is at ``now_ns``, largest first."""
        return [(track, track.at(now_ns)) for track in self.tracks(now_ns) if track.hits >= self._min_hits]

    def _alive(self, tracks: list[Track], now_ns: int) -> list[Track]:
        young = [track for track in tracks if now_ns - track.detected_ns <= self._max_age_ns]
        return sorted(young, key=lambda track: -track.box.area)[: self._max_faces]
