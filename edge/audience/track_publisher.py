"""The faces in view one by one, for who allowed that: paced, withheld below ``k`` people (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.core.events import TrackedFace, Tracks

if TYPE_CHECKING:
    from edge.core.events import Stamp
    from edge.core.types import Face, Observation

_NS = 1_000_000_000


class TrackPublisher:
    """Gives at most one message per ``interval_s``, and one more when the last face has gone."""

    def __init__(self, stamp: Stamp, *, interval_s: float, k: int = 1) -> None:
        self._stamp = stamp
        self._interval_ns = int(interval_s * _NS)
        self._k = k
        self._told_ns: int | None = None
        self._any = False

    def observe(self, observation: Observation) -> Tracks | None:
        """What is due after this frame."""
        now_ns = observation.monotonic_ns
        faces = observation.faces if len(observation.faces) >= self._k else ()
        waits = self._told_ns is not None and now_ns - self._told_ns < self._interval_ns
        if (waits and faces) or not (faces or self._any):
            return None
        self._told_ns, self._any = now_ns, bool(faces)
        told = tuple(_told(face, observation.frame_width, observation.frame_height) for face in faces)
        return Tracks(ts=self._stamp.time(now_ns), faces=told)


def _told(face: Face, width: int, height: int) -> TrackedFace:
    box = face.box
    left, top = (min(max(share, 0.0), 1.0) for share in (box.x / width, box.y / height))
    right = min(max((box.x + box.width) / width, left), 1.0)
    bottom = min(max((box.y + box.height) / height, top), 1.0)
    return TrackedFace(
        id=face.track_id,
        box=(left, top, right - left, bottom - top),
        emotion=face.emotion,
        confidence=face.confidence,
        scores=face.scores.by_name(),
        primary=face.primary,
    )
