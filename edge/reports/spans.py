"""Division of a session's time into measured, empty, withheld, paused and unobserved (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge.core.events import EventType

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.recording.values import Recording
    from edge.reports.timeline import SessionTimeline

LEAST_COVERAGE = 0.1
"""Part of the time with faces in view that figures must cover to summarise the session."""


@dataclass(frozen=True, slots=True)
class TimeUse:
    """Division of a session's time in seconds; the parts sum to its length.

    ``measured_s`` is the time with figures about expression.
    """

    measured_s: float
    nobody_s: float
    suppressed_s: float
    paused_s: float
    unseen_s: float

    @property
    def whole_s(self) -> float:
        """Length of the session in seconds."""
        return self.measured_s + self.nobody_s + self.suppressed_s + self.paused_s + self.unseen_s

    @property
    def looked_s(self) -> float:
        """Observed time in seconds."""
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
        """True if figures cover enough of the time with faces to summarise the session."""
        return self.measured_s > 0 and self.coverage >= LEAST_COVERAGE


def time_use(recording: Recording, timeline: SessionTimeline) -> TimeUse:
    """Divide the session's time; pauses are those of the privacy switch."""
    observed = timeline.observed
    figures = timeline.weight > 0
    measured_s = float(observed[figures].sum())
    suppressed_s = float(observed[timeline.suppressed].sum())
    nobody_s = float(observed.sum()) - measured_s - suppressed_s
    dark_s = max(0.0, timeline.lasted_s - float(observed.sum()))
    paused_s = min(dark_s, sum(end - start for start, end in pauses(recording, timeline.lasted_s)))
    return TimeUse(measured_s, max(0.0, nobody_s), suppressed_s, paused_s, dark_s - paused_s)


def pauses(recording: Recording, lasted_s: float) -> list[tuple[float, float]]:
    """Return start and end of each pause, in seconds."""
    spans: list[tuple[float, float]] = []
    since: float | None = None
    for event in recording.events:
        if event.type == EventType.PRIVACY_ON and since is None:
            since = event.at_s
        elif event.type == EventType.PRIVACY_OFF and since is not None:
            spans.append((since, event.at_s))
            since = None
    return spans if since is None else [*spans, (since, max(since, lasted_s))]


def runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return start and end (exclusive) of every run of true in ``mask`` (n,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]
