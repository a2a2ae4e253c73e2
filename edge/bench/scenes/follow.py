"""Score what a live pipeline publishes over one clip against the faces that were in it (pure)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from edge.bench.scenes.clips import FPS, Presence
from edge.bench.scenes.match import matches
from edge.bench.scenes.truth import SIZE_BINS, size_bin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.bench.scenes.clips import TruthFace
    from edge.types import Emotion, Face

WARM_UP_S = 1.0
"""Recall, counts and false faces are those after the first second."""
LOST_S = 0.5
_GHOST_SHARE = 0.8
_NEVER_S = 2.0
"""A face that was in view for so long without being published never was."""
_NO_BINS = (0,) * len(SIZE_BINS)


@dataclass(frozen=True, slots=True)
class ClipScore:
    """Sums over clips; adding two gives those over both. "Promised" faces are those of the smallest size and more.

    ``ghosts`` are tracks that were no marked face in four fifths of their frames. ``lost`` counts faces that were
    followed and then missing for half a second, or had another id; ``switches`` those whose new id had been another
    face's. ``waits_s`` are the times from a face's coming into view to its first publication.
    """

    clips: int = 0
    frames: int = 0
    scored_frames: int = 0
    hits: tuple[int, ...] = _NO_BINS
    totals: tuple[int, ...] = _NO_BINS
    promised_hits: int = 0
    promised_total: int = 0
    published: int = 0
    count_error: int = 0
    false_faces: int = 0
    ghosts: int = 0
    face_frames: int = 0
    lost: int = 0
    switches: int = 0
    label_frames: int = 0
    label_changes: int = 0
    waits_s: tuple[float, ...] = ()
    never: int = 0
    cpu_ns: int = 0

    def __add__(self, other: ClipScore) -> ClipScore:
        """Sum each field; bins by bin, waits one after the other."""
        sums: dict[str, Any] = {}
        for field in fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            if field.name in {"hits", "totals"}:
                sums[field.name] = tuple(a + b for a, b in zip(mine, theirs, strict=True))
            else:
                sums[field.name] = mine + theirs
        return ClipScore(**sums)


@dataclass(slots=True)
class _Followed:
    """What is known of one marked face up to now."""

    since_s: float | None = None
    published: bool = False
    track: str | None = None
    matched_s: float = 0.0
    lost: bool = False


class Follower:
    """Takes a clip frame by frame; ``smallest`` is the promised size as a share of the view's shorter side."""

    def __init__(self, smallest: float) -> None:
        self._smallest = smallest
        self._faces: dict[int, _Followed] = {}
        self._owner: dict[str, int] = {}
        self._labels: dict[str, Emotion | None] = {}
        self._shown: Counter[str] = Counter()
        self._astray: Counter[str] = Counter()
        self._sums: Counter[str] = Counter()
        self._hits, self._totals = list(_NO_BINS), list(_NO_BINS)
        self._waits_s: list[float] = []

    def add(self, truth: Sequence[TruthFace], faces: Sequence[Face], time_s: float, cpu_ns: int = 0) -> None:
        """Take the next frame: what was in it, and what was published for it."""
        self._sums.update(frames=1, cpu_ns=cpu_ns)
        pairs = self._pair(truth, faces)
        astray = len(faces) - len(pairs)
        self._shown.update(face.track_id for face in faces)
        matched = set(pairs.values())
        self._astray.update(face.track_id for index, face in enumerate(faces) if index not in matched)
        if time_s >= WARM_UP_S:
            self._count(truth, pairs, astray)
        for index, face in enumerate(truth):
            track = faces[pairs[index]].track_id if index in pairs else None
            self._follow(face, track, time_s)
        for number in self._faces.keys() - {face.number for face in truth}:
            self._left(self._faces[number], time_s)
        self._label(faces)

    def score(self) -> ClipScore:
        """The sums up to now."""
        open_waits = sum(
            1
            for face in self._faces.values()
            if face.since_s is not None and not face.published and self._sums["frames"] / FPS - face.since_s >= _NEVER_S
        )
        ghosts = sum(self._astray[track] >= _GHOST_SHARE * shown for track, shown in self._shown.items())
        sums: dict[str, Any] = dict(self._sums)
        sums["never"] = self._sums["never"] + open_waits
        return ClipScore(
            clips=1, hits=tuple(self._hits), totals=tuple(self._totals), ghosts=ghosts, waits_s=tuple(self._waits_s),
            **sums,
        )  # fmt: skip

    def _promised(self, face: TruthFace) -> bool:
        return face.presence is Presence.VISIBLE and face.share >= self._smallest

    def _pair(self, truth: Sequence[TruthFace], faces: Sequence[Face]) -> dict[int, int]:
        """Marked faces with their boxes; a face keeps its track while that still lies on it."""
        place = {face.track_id: index for index, face in enumerate(faces)}
        kept: dict[int, int] = {}
        for index, face in enumerate(truth):
            known = self._faces.get(face.number)
            if known is None or known.track is None or self._owner.get(known.track) != face.number:
                continue
            if known.track in place:
                kept[index] = place[known.track]
        return matches([face.box for face in truth], [face.box for face in faces], kept)

    def _count(self, truth: Sequence[TruthFace], pairs: dict[int, int], astray: int) -> None:
        promised = promised_hits = 0
        for index, face in enumerate(truth):
            if face.presence is not Presence.VISIBLE:
                continue
            found, size = index in pairs, size_bin(face.share)
            if size is not None:
                self._totals[size] += 1
                self._hits[size] += found
            if self._promised(face):
                promised += 1
                promised_hits += found
        published = promised_hits + astray
        self._sums.update(
            scored_frames=1, promised_total=promised, promised_hits=promised_hits, published=published,
            count_error=abs(published - promised), false_faces=astray,
        )  # fmt: skip

    def _follow(self, face: TruthFace, track: str | None, time_s: float) -> None:
        known = self._faces.setdefault(face.number, _Followed())
        if face.presence is Presence.COVERED:
            known.matched_s = time_s  # nobody can see it, so it is not missing
            return
        if not self._promised(face):
            self._left(known, time_s)
            if track is not None:
                self._owner.setdefault(track, face.number)
            return
        self._sums["face_frames"] += 1
        if known.since_s is None:
            known.since_s = time_s
        if track is None:
            if known.track is not None and not known.lost and time_s - known.matched_s > LOST_S:
                known.lost = True
                self._sums["lost"] += 1
            return
        if not known.published:
            known.published = True
            self._waits_s.append(time_s - known.since_s)
        if known.track is not None and known.track != track:
            self._sums["lost"] += not known.lost
            self._sums["switches"] += self._owner.get(track, face.number) != face.number
        known.track, known.matched_s, known.lost = track, time_s, False
        self._owner[track] = face.number

    def _left(self, known: _Followed, time_s: float) -> None:
        """Out of view or too small: whatever happens now is no loss, and its coming back is a new beginning."""
        if known.since_s is not None and not known.published and time_s - known.since_s >= _NEVER_S:
            self._sums["never"] += 1
            known.published = True
        if not known.published:
            known.since_s = None
        known.track, known.lost = None, False

    def _label(self, faces: Sequence[Face]) -> None:
        for face in faces:
            if face.track_id in self._labels and self._labels[face.track_id] != face.emotion:
                self._sums["label_changes"] += 1
            self._labels[face.track_id] = face.emotion
        self._sums["label_frames"] += len(faces)
