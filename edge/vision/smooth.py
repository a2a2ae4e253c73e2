"""Smoothing of scores and labels over time (pure; every call passes its time)."""

from __future__ import annotations

import math

from edge.core.types import Scores

_NS = 1_000_000_000


class ScoreAverage:
    """Exponential average with a time constant, so that it is independent of the frame rate."""

    def __init__(self, time_constant_s: float) -> None:
        self._time_constant_s = time_constant_s
        self._value: Scores | None = None
        self._last_ns = 0

    def update(self, scores: Scores, now_ns: int) -> Scores:
        """Return the average after adding ``scores`` at ``now_ns``; the first scores are returned unchanged."""
        if self._value is None or self._time_constant_s <= 0:
            self._value = scores
        else:
            seconds = max(0.0, (now_ns - self._last_ns) / _NS)
            weight = 1 - math.exp(-seconds / self._time_constant_s)
            pairs = zip(self._value, scores, strict=True)
            self._value = Scores.of((old + weight * (new - old) for old, new in pairs), scores.labels)
        self._last_ns = now_ns
        return self._value


class EmotionSelector:
    """Selects the emotion with hysteresis.

    A new label must exceed the current one by ``lead`` for ``hold_s`` without interruption. Below ``min_confidence``
    the label is ``None``: uncertain. The first label is selected at once.
    """

    def __init__(self, *, lead: float, hold_s: float, min_confidence: float) -> None:
        self._lead = lead
        self._hold_ns = int(hold_s * _NS)
        self._min_confidence = min_confidence
        self._started = False
        self._label: str | None = None
        self._challenger: str | None = None
        self._since_ns: int | None = None

    def update(self, scores: Scores, now_ns: int) -> str | None:
        """Return the label after ``scores`` at ``now_ns``."""
        candidate = scores.top if scores.confidence >= self._min_confidence else None
        if not self._started:
            self._started = True
            self._label = candidate
        if candidate == self._label or not self._leads(scores, candidate):
            self._since_ns = None
        elif self._since_ns is None or candidate != self._challenger:
            self._challenger, self._since_ns = candidate, now_ns
        if self._since_ns is not None and now_ns - self._since_ns >= self._hold_ns:
            self._label, self._since_ns = self._challenger, None
        return self._label

    def _leads(self, scores: Scores, candidate: str | None) -> bool:
        if candidate is None or self._label is None:
            return True
        return scores[candidate] - scores[self._label] >= self._lead
