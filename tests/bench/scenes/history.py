"""Tracking of one marked face over a clip: time of publication, losses, changes of id (pure)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

LOST_S = 0.5
_NEVER_S = 2.0
"""Seconds in view after which an unpublished face counts as never published."""


@dataclass(slots=True)
class TrackLedger:
    """Sums over the faces of a clip; ``owner`` is the face that each track id was last on."""

    sums: Counter[str] = field(default_factory=Counter)
    waits_s: list[float] = field(default_factory=list)
    owner: dict[str, int] = field(default_factory=dict)


class FaceHistory:
    """History of one marked face; call one method per frame, in order of time."""

    def __init__(self, number: int, ledger: TrackLedger) -> None:
        self._number = number
        self._ledger = ledger
        self._since_s: float | None = None
        self._published = False
        self._matched_s = 0.0
        self._lost = False
        self._covered = False
        self._before: str | None = None
        self.track: str | None = None

    def waits(self, now_s: float) -> bool:
        """Return whether it has been in view for long without being published."""
        return not self._published and self._since_s is not None and now_s - self._since_s >= _NEVER_S

    def visible(self, track: str | None, now_s: float) -> None:
        """Record a visible face; ``track`` is its published id, if any."""
        sums = self._ledger.sums
        sums["face_frames"] += 1
        if self._since_s is None:
            self._since_s = now_s
        if self._covered:
            self._covered = False
            sums["returns"] += self.track is not None
            self._before = self.track
        if track is not None:
            self._match(track, now_s)
        elif self.track is not None and not self._lost and now_s - self._matched_s > LOST_S:
            self._lost = True
            sums["lost"] += 1

    def covered(self, now_s: float) -> None:
        """Record a covered face, which is not missing; its id should be the same when it reappears."""
        self._matched_s = now_s
        self._covered = True

    def absent(self, now_s: float) -> None:
        """Record a face out of view or below the promised size: it is not lost now, and its return is a new start."""
        if self.waits(now_s):
            self._ledger.sums["never"] += 1
            self._published = True
        if not self._published:
            self._since_s = None
        self.track = self._before = None
        self._lost = self._covered = False

    def _match(self, track: str, now_s: float) -> None:
        sums = self._ledger.sums
        if not self._published and self._since_s is not None:
            self._published = True
            self._ledger.waits_s.append(now_s - self._since_s)
        if self._before is not None:
            sums["same_id"] += track == self._before
            self._before = None
        if self.track not in {None, track} and not self._lost:
            sums["lost"] += 1
        sums["switches"] += self._ledger.owner.get(track, self._number) != self._number
        self._ledger.owner[track] = self._number
        self.track, self._matched_s, self._lost = track, now_s, False
