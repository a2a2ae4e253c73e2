"""Messages of the faces in view one by one, if the privacy settings allow it: paced, withheld below ``k`` (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.core.events import TrackedFace, Tracks

if TYPE_CHECKING:
    from edge.core.events import Stamp
    from edge.core.types import Face, Observation

_NS = 1_000_000_000


class TrackPublisher:
    """Creates at most one message per ``interval_s``, and an additional one when the last face has left."""

    def __init__(self, stamp: Stamp, *, interval_s: float, k: int = 1) -> None:
        self._stamp = stamp
        self._interval_ns = int(interval_s * _NS)
        self._k = k
        self._published_ns: int | None = None
        self._any = False

    def observe(self, observation: Observation) -> Tracks | None:
        """Return the message that is due after this frame, if any."""
        now_ns = observation.monotonic_ns
        faces = observation.faces if len(observation.faces) >= self._k else ()
        waits = self._published_ns is not None and now_ns - self._published_ns < self._interval_ns
        if (waits and faces) or not (faces or self._any):
            return None
        self._published_ns, self._any = now_ns, bool(faces)
        tracked = tuple(_tracked_face(face, observation.frame_width, observation.frame_height) for face in faces)
        return Tracks(ts=self._stamp.time(now_ns), faces=tracked)


def _tracked_face(face: Face, width: int, height: int) -> TrackedFace:
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
