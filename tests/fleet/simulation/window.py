"""Sums over one window for an aggregate (pure)."""

from __future__ import annotations

from typing import Any

from edge.audience.group_state import valence_of
from edge.core.types import EMOTIONS, Emotion, Scores

_NS = 1_000_000_000


class AggregationWindow:
    """Sums since its start, in nanoseconds or multiples of them."""

    def __init__(self, begun_ns: int | None = None) -> None:
        self.observed_ns = 0
        self._reached_ns = begun_ns
        self._people_max = 0
        self._person_ns = 0
        self._shown_ns: dict[Emotion, int] = dict.fromkeys(EMOTIONS, 0)
        self._score_ns: dict[Emotion, float] = dict.fromkeys(EMOTIONS, 0.0)

    def count(self, now_ns: int, people: int, emotion: Emotion, scores: Scores) -> None:
        """Add the time since the last call with these values."""
        passed_ns = 0 if self._reached_ns is None else max(0, now_ns - self._reached_ns)
        self._reached_ns = now_ns
        self.observed_ns += passed_ns
        self._people_max = max(self._people_max, people)
        if people:
            self._person_ns += passed_ns * people
            self._shown_ns[emotion] += passed_ns * people
            for other, score in zip(EMOTIONS, scores, strict=True):
                self._score_ns[other] += score * passed_ns * people

    def figures(self) -> dict[str, Any]:
        """Return the fields of an :class:`Aggregate`."""
        total_ns, any_ns = self._person_ns, self._person_ns > 0
        scores = Scores.of(self._score_ns.values()) if any_ns else None
        return {
            "observed_s": self.observed_ns / _NS,
            "people_mean": self._person_ns / max(self.observed_ns, 1),
            "people_max": self._people_max,
            "person_seconds": self._person_ns / _NS,
            "scores": None if scores is None else {emotion: scores[emotion] for emotion in EMOTIONS},
            "shares": {emotion: ns / total_ns for emotion, ns in self._shown_ns.items()} if any_ns else None,
            "uncertain": 0.0 if any_ns else None,
            "valence": None if scores is None else valence_of(scores),
            "suppressed": False,
        }
