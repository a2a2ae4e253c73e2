"""Togetherness of a group: synchrony of the people's expressions over a short window (pure).

The measure is the mean Pearson correlation over all pairs of tracks and over valence and each class's score, limited
to 0..1. Its null distribution comes from shifting each track circularly by a random time, which preserves each person's
changes and removes their relation to the others'; chance alone reaches the 95th percentile of the shifted values in one
window of twenty. Tracks are stored for one window, in memory only.

Source of the null: circular shift surrogates, as used for inter-subject correlation (Kauppi et al., 2010,
https://doi.org/10.3389/fninf.2010.00005).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge.audience.group_state import valence_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.core.types import Face, Observation

SAMPLES_PER_S = 2
SHIFTS = 200
NULL_QUANTILE = 0.95
LEAST_PEOPLE = 2
_NS = 1_000_000_000
_STEP_NS = _NS // SAMPLES_PER_S
_STILL = 1e-3
"""Standard deviation of a signal below which it counts as constant, without correlation."""


@dataclass(frozen=True, slots=True)
class Togetherness:
    """Measurement over one window: ``value`` 0 to 1, the ``null`` that chance reaches in one of twenty, and people."""

    value: float
    null: float
    people: int


class TogethernessMeter:
    """Stores the scores of each track over the last ``window_s`` and measures at every half window.

    Args:
        window_s: length of a window in seconds.
        k: minimum number of tracks; fewer than two are never measured.
        seed: of the random shifts, so that a recorded clip gives the same figures.
    """

    def __init__(self, *, window_s: float = 20.0, k: int = 1, seed: int = 0) -> None:
        self._length = max(4, round(window_s * SAMPLES_PER_S))
        self._least = max(LEAST_PEOPLE, k)
        self._random = np.random.default_rng(seed)
        self._tracks: dict[str, NDArray[np.float32]] = {}
        self._step: int | None = None
        self._filled = 0
        self._due = self._length

    def require(self, k: int) -> None:
        """Measure groups of at least ``k`` tracks from now on, and discard the stored tracks."""
        self._least = max(LEAST_PEOPLE, k)
        self.forget()

    def forget(self) -> None:
        """Discard all tracks because another session begins or analysis is paused."""
        self._tracks.clear()
        self._step, self._filled, self._due = None, 0, self._length

    def observe(self, observation: Observation) -> Togetherness | None:
        """Add an observation; return a measurement every half window if enough people stayed."""
        step = observation.monotonic_ns // _STEP_NS
        before = self._step
        if before is not None and step <= before:
            return None
        self._step = step
        passed = 1 if before is None else step - before
        if passed >= self._length:
            self.forget()
            self._step, passed = step, 1
        self._advance(passed)
        for face in observation.faces:
            self._put(face)
        self._filled += passed
        if self._filled < self._due:
            return None
        self._due = self._filled + self._length // 2
        return self._measure()

    def _advance(self, steps: int) -> None:
        for track, signals in list(self._tracks.items()):
            signals[:, :-steps] = signals[:, steps:]
            signals[:, -steps:] = np.nan
            if np.isnan(signals[0]).all():
                del self._tracks[track]

    def _put(self, face: Face) -> None:
        signals = self._tracks.get(face.track_id)
        if signals is None or len(signals) != 1 + len(face.scores.values):
            signals = np.full((1 + len(face.scores.values), self._length), np.nan, np.float32)
            self._tracks[face.track_id] = signals
        signals[0, -1] = valence_of(face.scores)
        signals[1:, -1] = face.scores.values
        if np.isnan(signals[0, -2]):
            signals[:, -2] = signals[:, -3]  # a slow loop skips a sample: repeat the last value

    def _measure(self) -> Togetherness | None:
        lasting = [each for each in self._tracks.values() if 2 * np.isfinite(each[0]).sum() >= self._length]
        if len(lasting) < self._least or len({len(each) for each in lasting}) > 1:
            return None
        value, null = synchrony(np.stack(lasting), self._random)
        return Togetherness(value, null, len(lasting))


def synchrony(signals: NDArray[np.float32], random: np.random.Generator, shifts: int = SHIFTS) -> tuple[float, float]:
    """Return the togetherness of ``signals`` and the 95th percentile of its null, both 0 to 1.

    Args:
        signals: ``(people, signals, samples)`` float32; NaN, if a person was not seen, counts as that person's mean.
        random: source of the shifts.
        shifts: number of shifted groups for the null distribution.
    """
    unit = _normalized(signals)
    moving = np.square(unit).sum(axis=(0, 2))
    # a circular shift rotates the phases of the spectrum, so all shifted groups are products of matrices
    people, _, samples = unit.shape
    spectrum = np.fft.rfft(unit, axis=2)
    turns = np.exp(-2j * np.pi * np.arange(samples) / samples)
    offsets = np.concatenate([np.zeros((1, people), int), random.integers(0, samples, (shifts, people))])
    power = np.zeros((shifts + 1, unit.shape[1]))
    for frequency in range(spectrum.shape[2]):
        both_halves = 1 if frequency in {0, samples / 2} else 2
        together = turns[offsets * frequency % samples] @ spectrum[:, :, frequency]
        power += both_halves / samples * np.square(np.abs(together))
    observed, *surrogates = _mean_correlation(power, moving)
    return float(np.clip(observed, 0, 1)), float(np.clip(np.quantile(surrogates, NULL_QUANTILE), 0, 1))


def _normalized(signals: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``signals`` with mean 0 and length 1 over time, or zeros if they are constant."""
    centred = np.nan_to_num(signals - np.nanmean(signals, axis=2, keepdims=True))
    length = np.sqrt(np.square(centred).sum(axis=2, keepdims=True))
    moves = length > _STILL * np.sqrt(signals.shape[2])
    return np.where(moves, centred / np.where(moves, length, 1), 0).astype(np.float32)


def _mean_correlation(power: NDArray[np.float64], moving: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean correlation over pairs of people and over signals, one for each row of ``power``.

    The sum over all pairs is the squared length of the sum of all people, ``power`` ``(groups, signals)``, minus each
    person's own square; ``moving`` ``(signals,)`` counts the people whose signal changes.
    """
    pairs = moving * (moving - 1)
    usable = pairs > 1
    if not usable.any():
        return np.zeros(len(power))
    return np.asarray(((power - moving)[:, usable] / pairs[usable]).mean(axis=1))
