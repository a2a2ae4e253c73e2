"""What became of the session's time: measured, nobody there, withheld, not looked at (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge.core.events import EventType

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.recording.values import Recording
    from edge.reports.timeline import Timeline

LEAST_COVERAGE = 0.1
"""Part of the time with faces in view that figures must come from for a headline to be drawn from them."""


@dataclass(frozen=True, slots=True)
class TimeUse:
    """Seconds of the session by what is known of them; they sum to its length.

    ``measured_s`` are those that figures about expression come from.
    """

    measured_s: float
    nobody_s: float
    suppressed_s: float
    paused_s: float
    unseen_s: float

    @property
    def whole_s(self) -> float:
        """Length of the session."""
        return self.measured_s + self.nobody_s + self.suppressed_s + self.paused_s + self.unseen_s

    @property
    def looked_s(self) -> float:
        """Time in which the camera looked."""
        return self.measured_s + self.nobody_s + self.suppressed_s

    @property
    def part(self) -> float:
        """Part of the session that figures come from."""
        return self.measured_s / max(self.whole_s, 1e-9)

    @property
    def coverage(self) -> float:
        """Part of the time with faces in view that figures come from."""
        return self.measured_s / max(self.measured_s + self.suppressed_s, 1e-9)

    @property
    def sums_up(self) -> bool:
        """True where figures cover enough of what was in view to sum the session up with them."""
        return self.measured_s > 0 and self.coverage >= LEAST_COVERAGE


def time_use(recording: Recording, timeline: Timeline) -> TimeUse:
    """Where the session's time went; pauses are those that the privacy switch made."""
    observed = timeline.observed
    figures = timeline.weight > 0
    measured_s = float(observed[figures].sum())
    suppressed_s = float(observed[timeline.suppressed].sum())
    nobody_s = float(observed.sum()) - measured_s - suppressed_s
    dark_s = max(0.0, timeline.lasted_s - float(observed.sum()))
    paused_s = min(dark_s, sum(end - start for start, end in pauses(recording, timeline.lasted_s)))
    return TimeUse(measured_s, max(0.0, nobody_s), suppressed_s, paused_s, dark_s - paused_s)


def pauses(recording: Recording, lasted_s: float) -> list[tuple[float, float]]:
    """Start and end of each pause, in seconds."""
    found: list[tuple[float, float]] = []
    since: float | None = None
    for happening in recording.happenings:
        if happening.type == EventType.PRIVACY_ON and since is None:
            since = happening.at_s
        elif happening.type == EventType.PRIVACY_OFF and since is not None:
            found.append((since, happening.at_s))
            since = None
    return found if since is None else [*found, (since, max(since, lasted_s))]


def runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and end (not included) of every stretch of true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]
