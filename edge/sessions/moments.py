"""Which moments stand out, and what changed around a marker: by rules that the report states (pure)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from edge.events import EventType
from edge.sessions.timeline import Timeline, weighted_mean
from edge.types import EMOTIONS, Emotion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge.sessions.timeline import Series
    from edge.sessions.values import Happening

RISE = 0.15
"""How far a smoothed share must lie above the session's own mean to make a strong moment."""
APART_S = 10
MOMENTS_MAX = 8
FEWEST_WINDOWS = 6
"""A session with figures for less than so many smoothing windows has no strong moments."""
AROUND_S = 15
AROUND_MIN_S = 5
"""Seconds before and after a marker that are compared, and how many of them must have figures."""
SMALL_CHANGE = 0.05
COMPARISONS_MIN = 60
NEAR_S = 30
"""A marker this long before a moment is named beside it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A local maximum of an emotion's smoothed share; ``mean`` is its mean over the session, ``near`` a marker."""

    at_s: int
    emotion: Emotion
    share: float
    mean: float
    people: float
    near: str | None = None

    @property
    def rise(self) -> float:
        """How far it stands out."""
        return self.share - self.mean


@dataclass(frozen=True, slots=True)
class Side:
    """Means over the seconds before or after a marker."""

    seconds: int
    people: float
    valence: float
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Around:
    """What happened around a marker.

    ``emotion`` changed most, by ``change``. ``as_large`` is the part of this session's moments at which some share
    changed as much or more; ``None`` where there are too few moments to compare with. Both sides are ``None`` where
    one of them has too few seconds with figures.
    """

    at_s: float
    label: str
    before: Side | None = None
    after: Side | None = None
    emotion: Emotion | None = None
    change: float = 0.0
    as_large: float | None = None


def enough_for_moments(timeline: Timeline) -> bool:
    """True where the session has enough seconds with figures to speak of strong moments."""
    return int((timeline.weight > 0).sum()) >= FEWEST_WINDOWS * timeline.window_s


def strongest(timeline: Timeline, markers: Iterable[Happening] = ()) -> list[Moment]:
    """Strong moments in order of time, the :data:`MOMENTS_MAX` that stand out most.

    A moment is a second at which the smoothed share of an emotion other than neutral is the highest within
    :data:`APART_S` on either side, and at least :data:`RISE` above the session's mean of that emotion.
    """
    if not enough_for_moments(timeline):
        return []
    known = list(markers)
    found = [moment for emotion in EMOTIONS if emotion is not Emotion.NEUTRAL for moment in _peaks(timeline, emotion)]
    found.sort(key=lambda moment: (-moment.rise, moment.at_s))
    chosen = found[:MOMENTS_MAX]
    return sorted((_named(moment, known) for moment in chosen), key=lambda moment: (moment.at_s, -moment.rise))


def _peaks(timeline: Timeline, emotion: Emotion) -> list[Moment]:
    series = timeline.share(emotion)
    smoothed, mean = timeline.smooth(series), timeline.mean(series) or 0.0
    open_seconds = np.nan_to_num(smoothed, nan=-1.0)
    peaks: list[Moment] = []
    while True:
        at = int(open_seconds.argmax())
        if open_seconds[at] < mean + RISE:
            return peaks
        # the middle of a plateau
        top = open_seconds[at]
        last = at
        while last + 1 < len(open_seconds) and open_seconds[last + 1] == top:
            last += 1
        low, high = max(0, at - APART_S), last + APART_S + 1
        rising = smoothed[low : at + 1], smoothed[last:high]
        if all(np.nanmax(side) <= top for side in rising):
            at_s = (at + last) // 2
            peaks.append(Moment(at_s, emotion, float(top), mean, float(timeline.people[at_s])))
        open_seconds[low:high] = -1.0


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


def around(timeline: Timeline, markers: Iterable[Happening]) -> list[Around]:
    """What happened around each marker: means of :data:`AROUND_S` before and after."""
    usual = _usual_changes(timeline)
    return [_around(timeline, marker, usual) for marker in markers]


def _around(timeline: Timeline, marker: Happening, usual: Series) -> Around:
    at = min(int(marker.at_s), timeline.length)
    before = _side(timeline, slice(max(0, at - AROUND_S), at))
    after = _side(timeline, slice(at, at + AROUND_S))
    label = marker.label or ""
    if before is None or after is None:
        return Around(marker.at_s, label)
    changes = np.subtract(after.shares, before.shares)
    most = int(np.abs(changes).argmax())
    change = float(changes[most])
    as_large = float((usual >= abs(change) - 1e-9).mean()) if len(usual) >= COMPARISONS_MIN else None
    return Around(marker.at_s, label, before, after, EMOTIONS[most], change, as_large)


def _side(timeline: Timeline, where: slice) -> Side | None:
    weight = timeline.weight[where]
    seconds = int((weight > 0).sum())
    if seconds < AROUND_MIN_S:
        return None
    shares = tuple(weighted_mean(timeline.shares[where, column], weight) or 0.0 for column in range(len(EMOTIONS)))
    people = weighted_mean(timeline.people[where], (weight > 0) * timeline.observed[where])
    return Side(seconds, people or 0.0, weighted_mean(timeline.valence[where], weight) or 0.0, shares)


def _usual_changes(timeline: Timeline) -> Series:
    """The largest change of any share at every second of the session that has figures enough on both sides."""
    length = timeline.length
    if length <= 2 * AROUND_MIN_S:
        return np.empty(0)
    weight = timeline.weight
    known = (weight > 0).astype(float)
    sums = _running(np.nan_to_num(timeline.shares) * weight[:, None])
    weights, counts = _running(weight[:, None])[:, 0], _running(known[:, None])[:, 0]
    at = np.arange(1, length)
    low, high = np.maximum(at - AROUND_S, 0), np.minimum(at + AROUND_S, length)
    valid = (counts[at] - counts[low] >= AROUND_MIN_S) & (counts[high] - counts[at] >= AROUND_MIN_S)
    at, low, high = at[valid], low[valid], high[valid]
    before = (sums[at] - sums[low]) / (weights[at] - weights[low])[:, None]
    after = (sums[high] - sums[at]) / (weights[high] - weights[at])[:, None]
    changes: Series = np.abs(after - before).max(axis=1) if len(at) else np.empty(0)
    return changes


def _running(values: Series) -> Series:
    """Sums of the first n rows, n from 0."""
    return np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
