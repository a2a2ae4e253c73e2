"""Session as arrays, one element a second, and means over time (pure)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.core.labels import LabelSet
    from edge.recording.values import Recording

    Series = NDArray[np.float64]

SHORTEST_WINDOW_S = 5
LONGEST_WINDOW_S = 31
_WINDOWS_A_SESSION = 120


@dataclass(frozen=True, slots=True, eq=False)
class SessionTimeline:
    """Arrays of shape (seconds,), ``shares`` and ``scores`` (seconds, labels); NaN where a second has no such figure.

    ``weight`` is the number of person-seconds that a second's figures cover, 0 without figures. ``observed`` is the
    part of each second that frames cover, ``covered`` the part whose faces the figures come from.
    """

    labels: LabelSet
    lasted_s: float
    observed: Series
    people: Series
    people_max: Series
    person_s: Series
    suppressed: NDArray[np.bool_]
    weight: Series
    covered: Series
    shares: Series
    scores: Series
    uncertain: Series
    valence: Series
    attention: Series

    @classmethod
    def of(cls, recording: Recording) -> SessionTimeline:
        """Return the arrays of a recording, as long as the session lasted."""
        seconds = recording.seconds
        lasted_s = max(recording.record.lasted_s, float(seconds[-1].second) if seconds else 0.0)
        length = max(math.ceil(lasted_s), seconds[-1].second + 1 if seconds else 0)

        def empty(*shape: int) -> Series:
            return np.full((length, *shape), np.nan)

        labels = recording.record.labels
        timeline = cls(
            labels, lasted_s, np.zeros(length), empty(), np.zeros(length), np.zeros(length),
            np.zeros(length, dtype=bool), np.zeros(length), np.zeros(length), empty(len(labels)), empty(len(labels)),
            empty(), empty(), empty(),
        )  # fmt: skip
        for second in seconds:
            at, figures = second.second, second.figures
            timeline.observed[at], timeline.people[at], timeline.person_s[at] = (
                second.observed_s,
                second.people,
                second.person_s,
            )
            timeline.people_max[at], timeline.suppressed[at] = second.people_max, second.suppressed
            if figures is not None and len(figures.shares) == len(labels):
                timeline.weight[at], timeline.shares[at], timeline.scores[at] = (
                    figures.person_s,
                    figures.shares,
                    figures.scores,
                )
                # moments with fewer faces count for nothing, so this is as long as they can have been in view
                timeline.covered[at] = min(second.observed_s, figures.person_s / max(recording.record.k, 1))
                timeline.uncertain[at], timeline.valence[at] = figures.uncertain, figures.valence
                timeline.attention[at] = figures.attention
        return timeline

    @property
    def length(self) -> int:
        """Length in whole seconds."""
        return len(self.observed)

    @property
    def has_figures(self) -> bool:
        """True if any second has figures about expression."""
        return bool(self.weight.any())

    @property
    def window_s(self) -> int:
        """Width of the smoothing window in seconds: 1/120 of the session, 5 to 31, odd."""
        wanted = round(self.length / _WINDOWS_A_SESSION)
        return min(max(wanted, SHORTEST_WINDOW_S), LONGEST_WINDOW_S) // 2 * 2 + 1

    def share(self, emotion: str) -> Series:
        """Return the share of one emotion over time, shape (seconds,), 0 to 1."""
        return self.shares[:, self.labels.index(emotion)]

    def mean(self, series: Series, where: slice | None = None) -> float | None:
        """Return the mean of ``series`` (seconds,) over person-seconds; ``None`` without any."""
        where = where or slice(None)
        return weighted_mean(series[where], self.weight[where])

    def mean_in_time(self, series: Series) -> float | None:
        """Return the mean of ``series`` (seconds,) over the observed time; ``None`` without any."""
        return weighted_mean(series, self.observed)

    def window(self, at: int) -> slice:
        """Return the seconds over which the value at second ``at`` is smoothed."""
        half = self.window_s // 2
        return slice(max(0, at - half), at + half + 1)

    def faces(self, where: slice) -> float:
        """Return the mean number of faces that the figures of ``where`` come from; 0 without figures."""
        covered = float(self.covered[where].sum())
        return float(self.weight[where].sum()) / covered if covered else 0.0

    @property
    def covered_windows(self) -> NDArray[np.bool_]:
        """True at seconds in whose window figures cover at least half of the observed time; shape (seconds,)."""
        covered, observed = (moving_sum(series, self.window_s) for series in (self.covered, self.observed))
        return np.asarray(covered >= observed / 2 - 1e-9)

    def smooth(self, series: Series) -> Series:
        """Return the centred moving mean over :attr:`window_s`, weighted by person-seconds; shape (seconds,).

        NaN where the second itself has no figure, or fewer than half of its window have.
        """
        return moving_mean(series, self.weight, self.window_s)


def weighted_mean(series: Series, weight: Series) -> float | None:
    """Return the weighted mean of the finite values of ``series`` (n,); ``None`` without any weight."""
    known = np.isfinite(series) & (weight > 0)
    total = weight[known].sum()
    return float((series[known] * weight[known]).sum() / total) if total > 0 else None


def moving_sum(series: Series, window: int) -> Series:
    """Return the centred sum over ``window`` elements, shape (n,); the window is truncated at the ends, not padded."""
    kernel = np.ones(min(window, 2 * max(len(series), 1) - 1))
    return np.convolve(np.pad(series, len(kernel) // 2), kernel, mode="valid")


def moving_mean(series: Series, weight: Series, window: int) -> Series:
    """Return the centred, weighted moving mean, shape (n,); the window is truncated at the ends, not padded."""
    known = np.isfinite(series) & (weight > 0)
    if not known.any():
        return np.full(len(series), np.nan)
    weights = np.where(known, weight, 0.0)
    total = moving_sum(weights, window)
    sums = moving_sum(np.where(known, series, 0.0) * weights, window)
    enough = moving_sum(known.astype(float), window) >= moving_sum(np.ones(len(series)), window) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known & enough & (total > 0), sums / total, np.nan)
