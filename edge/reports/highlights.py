"""Selection of a session's strongest moments, by rules that the report states (pure)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from edge.core.events import EventType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from edge.recording.values import RecordedEvent
    from edge.reports.timeline import Series, SessionTimeline

RISE = 0.15
"""Least height of a strong moment's smoothed share above the session's mean."""
FALL = 0.1
"""Least fall of the share between two peaks of one emotion for them to count as two moments."""
APART_S = 10
"""Least seconds between two moments; their windows must not overlap either."""
MOMENTS_MAX = 8
FEWEST_WINDOWS = 6
"""Least number of smoothing windows with figures that a session needs to have strong moments."""
NEAR_S = 30
"""A marker at most this many seconds before a moment is named beside it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A local maximum of an emotion's smoothed share.

    ``share`` and ``people`` are means over the same seconds: those of the window around ``at_s`` that have figures.
    ``mean`` is the emotion's mean over all figures of the session, ``near`` names a marker.
    """

    at_s: int
    emotion: str
    share: float
    mean: float
    people: float
    near: str | None = None

    @property
    def rise(self) -> float:
        """Height of the share above the session's mean."""
        return self.share - self.mean


def enough_for_moments(timeline: SessionTimeline) -> bool:
    """Return whether the session has enough seconds with figures for strong moments."""
    return int((timeline.weight > 0).sum()) >= FEWEST_WINDOWS * timeline.window_s


def apart_s(timeline: SessionTimeline) -> int:
    """Return the least distance of two moments in seconds, so that no second counts for both."""
    return max(APART_S, timeline.window_s)


def strongest(timeline: SessionTimeline, markers: Iterable[RecordedEvent] = ()) -> list[Moment]:
    """Return the at most :data:`MOMENTS_MAX` strongest moments in order of time.

    A moment is a second at which the smoothed share of an emotion other than neutral is the highest around, at least
    :data:`RISE` above the session's mean of that emotion, and whose window is covered by figures for half of its time.
    Of moments whose windows overlap, whatever their emotions, the one that stands out most is listed.
    """
    if not enough_for_moments(timeline):
        return []
    known = list(markers)
    covered = timeline.covered_windows
    found = [
        moment
        for label in timeline.labels.labels
        if not label.resting
        for moment in _peaks(timeline, label.name, covered)
    ]
    chosen = _apart(found, apart_s(timeline))[:MOMENTS_MAX]
    return sorted((_named(moment, known) for moment in chosen), key=lambda moment: moment.at_s)


def _apart(moments: Iterable[Moment], apart: int) -> list[Moment]:
    """Return the moments that stand out most and do not overlap, strongest first."""
    chosen: list[Moment] = []
    for moment in sorted(moments, key=lambda moment: (-moment.rise, moment.at_s)):
        if all(abs(moment.at_s - other.at_s) >= apart for other in chosen):
            chosen.append(moment)
    return chosen


def _peaks(timeline: SessionTimeline, emotion: str, covered: NDArray[np.bool_]) -> list[Moment]:
    """Return sufficiently high local maxima of an emotion's smoothed share; a plateau counts at its middle."""
    series = timeline.share(emotion)
    mean = timeline.mean(series) or 0.0
    smoothed = np.where(covered, timeline.smooth(series), np.nan)
    chosen: list[int] = []
    for at in sorted(_maxima(smoothed, mean + RISE), key=lambda at: (-smoothed[at], at)):
        if all(_separate(smoothed, at, other, timeline.window_s) for other in chosen):
            chosen.append(at)
    middles = (_middle(smoothed, at) for at in chosen)
    return [Moment(at, emotion, float(smoothed[at]), mean, timeline.faces(timeline.window(at))) for at in middles]


def _maxima(smoothed: Series, least: float) -> list[int]:
    """Return seconds of local maxima of at least ``least`` in ``smoothed`` (seconds,); the first one of a plateau."""
    heights = np.pad(np.nan_to_num(smoothed, nan=-1.0), 1, constant_values=-1.0)
    here = heights[1:-1]
    found = np.flatnonzero((here >= least) & (here > heights[:-2]) & (here >= heights[2:]))
    return [int(at) for at in found]


def _separate(smoothed: Series, at: int, higher: int, window_s: int) -> bool:
    """Return whether the share falls between two seconds, or has no figures for more than a window."""
    low, high = min(at, higher), max(at, higher)
    between = smoothed[low : high + 1]
    finite = np.flatnonzero(np.isfinite(between))
    if int(np.diff(finite).max(initial=0)) > window_s:
        return True
    return bool(between[finite].min() <= smoothed[at] - FALL)


def _middle(smoothed: Series, at: int) -> int:
    """Return the middle of the plateau that starts at ``at``."""
    last = at
    while last + 1 < len(smoothed) and smoothed[last + 1] == smoothed[at]:
        last += 1
    return (at + last) // 2


def _named(moment: Moment, markers: list[RecordedEvent]) -> Moment:
    """Name the last marker within :data:`NEAR_S` before the moment."""
    before = [marker for marker in markers if marker.label and 0 <= moment.at_s - marker.at_s <= NEAR_S]
    if not before:
        return moment
    last = before[-1]
    after_s = round(moment.at_s - last.at_s)
    return replace(moment, near=f"{after_s} s after “{last.label}”")


def markers_of(events: Iterable[RecordedEvent]) -> list[RecordedEvent]:
    """Return the markers among ``events``."""
    return [event for event in events if event.type == EventType.MARKER]
