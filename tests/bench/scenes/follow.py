"""Score what a live pipeline publishes over one clip against the faces that were in it (pure)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.bench.scenes.clip_score import NO_BINS, ClipScore
from tests.bench.scenes.history import FaceHistory, TrackLedger
from tests.bench.scenes.match import matches
from tests.bench.scenes.scene_clip import Visibility
from tests.bench.scenes.truth import size_bin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edge.core.types import Face
    from tests.bench.scenes.scene_clip import TruthFace

WARM_UP_S = 1.0
"""Recall, counts and false faces are those after the first second."""
_GHOST_SHARE = 0.8


class Follower:
    """Scores a clip frame by frame; ``smallest`` is the promised size as a share of the view's shorter side."""

    def __init__(self, smallest: float) -> None:
        self._smallest = smallest
        self._ledger = TrackLedger()
        self._faces: dict[int, FaceHistory] = {}
        self._labels: dict[str, str | None] = {}
        self._shown: Counter[str] = Counter()
        self._astray: Counter[str] = Counter()
        self._hits, self._totals = list(NO_BINS), list(NO_BINS)
        self._now_s = 0.0

    def add(self, truth: Sequence[TruthFace], faces: Sequence[Face], time_s: float, cpu_ns: int = 0) -> None:
        """Add the next frame: its true faces, the published ones, and the CPU time."""
        self._now_s = time_s
        self._ledger.sums.update(frames=1, cpu_ns=cpu_ns)
        pairs = self._pairs(truth, faces)
        matched = set(pairs.values())
        self._shown.update(face.track_id for face in faces)
        self._astray.update(face.track_id for index, face in enumerate(faces) if index not in matched)
        if time_s >= WARM_UP_S:
            self._count(truth, pairs, astray=len(faces) - len(pairs))
        self._follow(truth, {index: faces[found].track_id for index, found in pairs.items()}, time_s)
        self._label(faces)

    def score(self) -> ClipScore:
        """Return the sums so far."""
        sums: dict[str, Any] = dict(self._ledger.sums)
        sums["never"] = sums.get("never", 0) + sum(face.waits(self._now_s) for face in self._faces.values())
        sums["ghosts"] = sum(self._astray[track] >= _GHOST_SHARE * shown for track, shown in self._shown.items())
        sums |= {"hits": tuple(self._hits), "totals": tuple(self._totals), "waits_s": tuple(self._ledger.waits_s)}
        return ClipScore(clips=1, **sums)

    def _promised(self, face: TruthFace) -> bool:
        return face.presence is Visibility.VISIBLE and face.share >= self._smallest

    def _pairs(self, truth: Sequence[TruthFace], faces: Sequence[Face]) -> dict[int, int]:
        """Return indices of marked faces with those of their boxes; a face keeps its track while that still matches."""
        places = {face.track_id: index for index, face in enumerate(faces)}
        kept: dict[int, int] = {}
        for index, face in enumerate(truth):
            known = self._faces.get(face.number)
            if known is None or known.track is None or self._ledger.owner.get(known.track) != face.number:
                continue
            if known.track in places:
                kept[index] = places[known.track]
        return matches([face.box for face in truth], [face.box for face in faces], kept)

    def _count(self, truth: Sequence[TruthFace], pairs: Mapping[int, int], *, astray: int) -> None:
        promised = promised_hits = 0
        for index, face in enumerate(truth):
            if face.presence is not Visibility.VISIBLE:
                continue
            found, size = index in pairs, size_bin(face.share)
            if size is not None:
                self._totals[size] += 1
                self._hits[size] += found
            if self._promised(face):
                promised += 1
                promised_hits += found
        published = promised_hits + astray
        self._ledger.sums.update(
            scored_frames=1, promised_total=promised, promised_hits=promised_hits, published=published,
            count_error=abs(published - promised), false_faces=astray,
        )  # fmt: skip

    def _follow(self, truth: Sequence[TruthFace], tracks: Mapping[int, str], time_s: float) -> None:
        for index, face in enumerate(truth):
            known = self._faces.setdefault(face.number, FaceHistory(face.number, self._ledger))
            if face.presence is Visibility.COVERED:
                known.covered(time_s)
            elif self._promised(face):
                known.visible(tracks.get(index), time_s)
            else:
                known.absent(time_s)
        for number in self._faces.keys() - {face.number for face in truth}:
            self._faces[number].absent(time_s)

    def _label(self, faces: Sequence[Face]) -> None:
        for face in faces:
            changed = face.track_id in self._labels and self._labels[face.track_id] != face.emotion
            self._ledger.sums["label_changes"] += changed
            self._labels[face.track_id] = face.emotion
        self._ledger.sums["label_frames"] += len(faces)
