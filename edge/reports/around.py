"""What changed around a marker, and how unusual that is in its session (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge.reports.timeline import Timeline, weighted_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge.recording.values import Happening
    from edge.reports.timeline import Series

AROUND_S = 15
AROUND_MIN_S = 5
"""Seconds before and after a marker that are compared, and how many of them must have figures."""
SMALL_CHANGE = 0.05
COMPARISONS_MIN = 60


@dataclass(frozen=True, slots=True)
class Side:
    """Means over those seconds before or after a marker that have figures."""

    seconds: int
    people: float
    valence: float
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Around:
    """What happened around a marker.

    The share of ``emotion`` changed most, from ``was`` to ``became``. ``as_large`` is the part of this session's
    moments at which some share changed as much or more; ``None`` where there are too few moments to compare with. Both
    sides are ``None`` where one of them has too few seconds with figures.
    """

    at_s: float
    label: str
    before: Side | None = None
    after: Side | None = None
    emotion: str | None = None
    was: float = 0.0
    became: float = 0.0
    as_large: float | None = None

    @property
    def change(self) -> float:
        """How far the share rose."""
        return self.became - self.was


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
    was, became, change = before.shares[most], after.shares[most], float(changes[most])
    as_large = float((usual >= abs(change) - 1e-9).mean()) if len(usual) >= COMPARISONS_MIN else None
    return Around(marker.at_s, label, before, after, timeline.labels.names[most], was, became, as_large)


def _side(timeline: Timeline, where: slice) -> Side | None:
    weight = timeline.weight[where]
    seconds = int((weight > 0).sum())
    if seconds < AROUND_MIN_S:
        return None
    columns = timeline.shares[where].T
    shares = tuple(weighted_mean(column, weight) or 0.0 for column in columns)
    valence = weighted_mean(timeline.valence[where], weight) or 0.0
    return Side(seconds, timeline.faces(where), valence, shares)


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
