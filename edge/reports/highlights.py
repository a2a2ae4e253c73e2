"""Which moments of a session stand out: by rules that the report states (pure)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from edge.core.events import EventType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from edge.recording.values import Happening
    from edge.reports.timeline import Series, Timeline

RISE = 0.15
"""How far a smoothed share must lie above the session's own mean to make a strong moment."""
FALL = 0.1
"""How far the share must fall between two peaks of one emotion for them to count as two moments."""
APART_S = 10
"""Seconds between two moments at least; their windows must not overlap either."""
MOMENTS_MAX = 8
FEWEST_WINDOWS = 6
"""A session with figures for less than so many smoothing windows has no strong moments."""
NEAR_S = 30
"""A marker this long before a moment is named beside it."""


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
        """How far it stands out."""
        return self.share - self.mean


def enough_for_moments(timeline: Timeline) -> bool:
    """True where the session has enough seconds with figures to speak of strong moments."""
    return int((timeline.weight > 0).sum()) >= FEWEST_WINDOWS * timeline.window_s


def apart_s(timeline: Timeline) -> int:
    """Seconds that two moments are apart at least, so that no second counts for both."""
    return max(APART_S, timeline.window_s)


def strongest(timeline: Timeline, markers: Iterable[Happening] = ()) -> list[Moment]:
    """Strong moments in order of time, the :data:`MOMENTS_MAX` that stand out most.

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
    """The moments that stand out most and do not overlap, the strongest first."""
    chosen: list[Moment] = []
    for moment in sorted(moments, key=lambda moment: (-moment.rise, moment.at_s)):
        if all(abs(moment.at_s - other.at_s) >= apart for other in chosen):
            chosen.append(moment)
    return chosen


def _peaks(timeline: Timeline, emotion: str, covered: NDArray[np.bool_]) -> list[Moment]:
    """Local maxima of an emotion's smoothed share that are high enough; the middle of a plateau stands for it."""
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
    """Seconds that are as high as their neighbours and at least ``least``; the first one of a plateau."""
    heights = np.pad(np.nan_to_num(smoothed, nan=-1.0), 1, constant_values=-1.0)
    here = heights[1:-1]
    found = np.flatnonzero((here >= least) & (here > heights[:-2]) & (here >= heights[2:]))
    return [int(at) for at in found]


def _separate(smoothed: Series, at: int, higher: int, window_s: int) -> bool:
    """True where the share falls between two seconds, or has no figures for a window or longer."""
    low, high = min(at, higher), max(at, higher)
    between = smoothed[low : high + 1]
    finite = np.flatnonzero(np.isfinite(between))
    if int(np.diff(finite).max(initial=0)) > window_s:
        return True
    return bool(between[finite].min() <= smoothed[at] - FALL)


def _middle(smoothed: Series, at: int) -> int:
    """The middle of the plateau that begins at ``at``."""
    last = at
    while last + 1 < len(smoothed) and smoothed[last + 1] == smoothed[at]:
        last += 1
    return (at + last) // 2


def _named(moment: Moment, markers: list[Happening]) -> Moment:
    """With the marker that was last set within :data:`NEAR_S` before it."""
    before = [marker for marker in markers if marker.label and 0 <= moment.at_s - marker.at_s <= NEAR_S]
    if not before:
        return moment
    last = before[-1]
    after_s = round(moment.at_s - last.at_s)
    return replace(moment, near=f"{after_s} s after “{last.label}”")


def markers_of(happenings: Iterable[Happening]) -> list[Happening]:
    """The markers among what happened."""
    return [happening for happening in happenings if happening.type == EventType.MARKER]
