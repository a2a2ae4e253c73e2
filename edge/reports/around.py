"""Changes around markers, and their rarity within the session (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge.reports.timeline import SessionTimeline, weighted_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge.recording.values import RecordedEvent
    from edge.reports.timeline import Series

AROUND_S = 15
AROUND_MIN_S = 5
"""Seconds before and after a marker that are compared, and how many of them must have figures."""
SMALL_CHANGE = 0.05
COMPARISONS_MIN = 60


@dataclass(frozen=True, slots=True)
class SideMeans:
    """Means over the seconds with figures before or after a marker."""

    seconds: int
    people: float
    valence: float
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class MarkerChange:
    """Change around a marker.

    The share of ``emotion`` changed most, from ``was`` to ``became``. ``as_large`` is the part of this session's
    seconds at which some share changed as much or more; ``None`` if there are too few seconds to compare with. Both
    sides are ``None`` if one of them has too few seconds with figures.
    """

    at_s: float
    label: str
    before: SideMeans | None = None
    after: SideMeans | None = None
    emotion: str | None = None
    was: float = 0.0
    became: float = 0.0
    as_large: float | None = None

    @property
    def rise(self) -> float:
        """Rise of the share, negative if it fell."""
        return self.became - self.was


def around(timeline: SessionTimeline, markers: Iterable[RecordedEvent]) -> list[MarkerChange]:
    """Compare the means of :data:`AROUND_S` seconds before and after each marker."""
    usual = _usual_changes(timeline)
    return [_around(timeline, marker, usual) for marker in markers]


def _around(timeline: SessionTimeline, marker: RecordedEvent, usual: Series) -> MarkerChange:
    at = min(int(marker.at_s), timeline.length)
    before = _side(timeline, slice(max(0, at - AROUND_S), at))
    after = _side(timeline, slice(at, at + AROUND_S))
    label = marker.label or ""
    if before is None or after is None:
        return MarkerChange(marker.at_s, label)
    changes = np.subtract(after.shares, before.shares)
    most = int(np.abs(changes).argmax())
    was, became, change = before.shares[most], after.shares[most], float(changes[most])
    as_large = float((usual >= abs(change) - 1e-9).mean()) if len(usual) >= COMPARISONS_MIN else None
    return MarkerChange(marker.at_s, label, before, after, timeline.labels.names[most], was, became, as_large)


def _side(timeline: SessionTimeline, where: slice) -> SideMeans | None:
    weight = timeline.weight[where]
    seconds = int((weight > 0).sum())
    if seconds < AROUND_MIN_S:
        return None
    columns = timeline.shares[where].T
    shares = tuple(weighted_mean(column, weight) or 0.0 for column in columns)
    valence = weighted_mean(timeline.valence[where], weight) or 0.0
    return SideMeans(seconds, timeline.faces(where), valence, shares)


def _usual_changes(timeline: SessionTimeline) -> Series:
    """Return the largest change of any share, for each second with enough figures on both sides; shape (n,)."""
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
    """Return running sums over the rows of ``values`` (n, columns), starting with zeros; shape (n + 1, columns)."""
    return np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
