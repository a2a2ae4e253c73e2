"""The seven scores over the time of a video, in a bounded number of steps (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edge.types import EMOTIONS

if TYPE_CHECKING:
    from edge.types import Observation

STEPS = 600


@dataclass(slots=True)
class _Step:
    """Sums over the faces that were seen in one stretch of time."""

    scores: list[float] = field(default_factory=lambda: [0.0] * len(EMOTIONS))
    faces: int = 0
    most: int = 0

    def merge(self, other: _Step) -> None:
        self.scores = [one + two for one, two in zip(self.scores, other.scores, strict=True)]
        self.faces += other.faces
        self.most = max(self.most, other.most)


class Series:
    """Mean scores of the faces in view, step by step; when :data:`STEPS` are full, each two become one.

    Args:
        step_s: seconds between two pictures that are looked at, and so the shortest step.
    """

    def __init__(self, step_s: float, *, most: int = STEPS) -> None:
        self.step_s = step_s
        self._most = most
        self._steps: list[_Step] = []
        self._end_s = 0.0

    def add(self, time_s: float, seen: Observation) -> None:
        """Take in what was seen ``time_s`` after the beginning."""
        self._end_s = max(self._end_s, time_s)
        while time_s >= self.step_s * self._most - 1e-6:
            self._halve()
        index = int(time_s / self.step_s + 1e-6)
        self._steps.extend(_Step() for _ in range(index + 1 - len(self._steps)))
        step = self._steps[index]
        for face in seen.faces:
            step.scores = [one + two for one, two in zip(step.scores, face.scores, strict=True)]
        step.faces += len(seen.faces)
        step.most = max(step.most, len(seen.faces))

    def as_dict(self) -> dict[str, Any]:
        """For a chart: scores as hundredths, ``None`` where nobody was in view; the most faces at once."""
        return {
            "step_s": self.step_s,
            "faces": [step.most for step in self._steps],
            "scores": {
                emotion.value: [
                    round(100 * step.scores[index] / step.faces) if step.faces else None for step in self._steps
                ]
                for index, emotion in enumerate(EMOTIONS)
            },
        }

    def _halve(self) -> None:
        self.step_s *= 2
        for first, second in zip(self._steps[::2], self._steps[1::2], strict=False):
            first.merge(second)
        self._steps = self._steps[::2]
