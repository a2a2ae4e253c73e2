"""Mood over time in a bounded number of steps (pure): a whole session, or the last minutes where none runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edge.core.types import SEVEN

if TYPE_CHECKING:
    from edge.core.labels import LabelSet

STEPS = 240
MARKERS = 200
LABEL = 80
"""Characters of a marker's label on a timeline."""
_NOTHING = "."
_CODES = "0123456789abcdefghij"
"""One character a class, by its place in the set."""


@dataclass(slots=True)
class _Step:
    """Figures of one stretch of time."""

    emotions: Counter[str] = field(default_factory=Counter)
    valence_sum: float = 0.0
    valences: int = 0
    people: int = 0

    def merge(self, other: _Step) -> None:
        self.emotions.update(other.emotions)
        self.valence_sum += other.valence_sum
        self.valences += other.valences
        self.people = max(self.people, other.people)

    def code(self, labels: LabelSet) -> str:
        return _CODES[labels.index(self.emotions.most_common(1)[0][0])] if self.emotions else _NOTHING

    @property
    def valence(self) -> int | None:
        """Hundredths."""
        return round(100 * self.valence_sum / self.valences) if self.valences else None


class Timeline:
    """At most :data:`STEPS` steps; ``now_s`` is any steady clock in seconds.

    In a session all of it is kept: when the steps are full, each two become one of twice the length. Otherwise the
    oldest go.
    """

    def __init__(self, step_s: float = 1.0, *, labels: LabelSet = SEVEN) -> None:
        self._labels = labels
        self._shortest_s = step_s
        self.begin(0.0, session=False)

    def begin(self, now_s: float, *, session: bool, elapsed_s: float = 0.0) -> None:
        """Start anew; a session may have begun ``elapsed_s`` ago."""
        self.session = session
        self.step_s = self._shortest_s
        self._origin_s = now_s - max(elapsed_s, 0.0)
        self._steps: list[_Step] = []
        self._markers: list[tuple[float, str]] = []

    def add(self, now_s: float, emotion: str | None, valence: float | None, people: int) -> None:
        """Take in one moment."""
        step = self._step_at(now_s)
        if emotion is not None:
            step.emotions[emotion] += 1
        if valence is not None:
            step.valence_sum += valence
            step.valences += 1
        step.people = max(step.people, people)

    def mark(self, now_s: float, label: str) -> None:
        """Note a marker; beyond :data:`MARKERS` the oldest go."""
        self._step_at(now_s)
        self._markers = [*self._markers, (now_s - self._origin_s, label[:LABEL])][-MARKERS:]

    def as_dict(self, now_s: float) -> dict[str, Any]:
        """For the page: one character a step (number of the emotion, or a dot), valence in hundredths, people."""
        return {
            "session": self.session,
            "elapsed": round(max(now_s - self._origin_s, 0.0), 1),
            "step": self.step_s,
            "emotions": "".join(step.code(self._labels) for step in self._steps),
            "valence": [step.valence for step in self._steps],
            "people": [step.people for step in self._steps],
            "markers": [[round(at_s, 1), label] for at_s, label in self._markers],
        }

    def _step_at(self, now_s: float) -> _Step:
        elapsed_s = max(now_s - self._origin_s, 0.0)
        if self.session:
            while elapsed_s >= STEPS * self.step_s:
                self._halve()
        elif elapsed_s >= STEPS * self.step_s:
            elapsed_s = self._shift(elapsed_s)
        index = int(elapsed_s / self.step_s)
        self._steps.extend(_Step() for _ in range(index + 1 - len(self._steps)))
        return self._steps[index]

    def _halve(self) -> None:
        self.step_s *= 2
        for first, second in zip(self._steps[::2], self._steps[1::2], strict=False):
            first.merge(second)
        self._steps = self._steps[::2]

    def _shift(self, elapsed_s: float) -> float:
        """Let the oldest go; the time since the new beginning."""
        gone = int(elapsed_s / self.step_s) - STEPS + 1
        shift_s = gone * self.step_s
        self._steps = self._steps[gone:]
        self._origin_s += shift_s
        self._markers = [(at_s - shift_s, label) for at_s, label in self._markers if at_s >= shift_s]
        return elapsed_s - shift_s
