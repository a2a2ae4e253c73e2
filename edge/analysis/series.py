"""Scores over the time of a video, in a bounded number of steps (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge.core.types import SEVEN

if TYPE_CHECKING:
    from edge.core.labels import LabelSet
    from edge.core.types import Observation

STEPS = 600


@dataclass(slots=True)
class _Step:
    """Sums over the faces that were seen in one stretch of time."""

    scores: list[float]
    faces: int = 0
    most: int = 0

    def merge(self, other: _Step) -> None:
        self.scores = [one + two for one, two in zip(self.scores, other.scores, strict=True)]
        self.faces += other.faces
        self.most = max(self.most, other.most)


def _step(seen: Observation, labels: LabelSet) -> _Step:
    sums = [float(sum(face.scores[name] for face in seen.faces)) for name in labels]
    return _Step(sums, len(seen.faces), len(seen.faces))


class Series:
    """Mean scores of the faces in view by time step; at :data:`STEPS` steps, pairs of steps are merged.

    Args:
        step_s: seconds between two sampled frames, which is the shortest step.
        most: maximum number of steps.
        labels: the model's classes.
    """

    def __init__(self, step_s: float, *, most: int = STEPS, labels: LabelSet = SEVEN) -> None:
        self.step_s = step_s
        self._labels = labels
        self._most = most
        self._steps: list[_Step] = []
        self._last: Observation | None = None

    def add(self, time_s: float, seen: Observation) -> None:
        """Add the observation made ``time_s`` seconds after the start."""
        index = self._index(time_s)
        self._steps.extend(self._empty() for _ in range(index + 1 - len(self._steps)))
        self._steps[index].merge(_step(seen, self._labels))
        self._last = seen

    def hold(self, time_s: float) -> None:
        """Extend the last observation until ``time_s``: slides and slow cameras show a picture for a long time."""
        last, index = self._last, self._index(time_s)
        if last is not None:
            self._steps.extend(_step(last, self._labels) for _ in range(index - len(self._steps)))

    def as_dict(self) -> dict[str, Any]:
        """Return values for a chart: scores in percent, ``None`` without faces, and the maximum number of faces."""
        return {
            "step_s": self.step_s,
            "faces": [step.most for step in self._steps],
            "scores": {
                str(name): [
                    round(100 * step.scores[index] / step.faces) if step.faces else None for step in self._steps
                ]
                for index, name in enumerate(self._labels)
            },
        }

    def _empty(self) -> _Step:
        return _Step([0.0] * len(self._labels))

    def _index(self, time_s: float) -> int:
        while time_s >= self.step_s * self._most - 1e-6:
            self._halve()
        return int(time_s / self.step_s + 1e-6)

    def _halve(self) -> None:
        self.step_s *= 2
        for first, second in zip(self._steps[::2], self._steps[1::2], strict=False):
            first.merge(second)
        self._steps = self._steps[::2]
