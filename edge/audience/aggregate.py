"""Aggregates of observations over time windows: person-seconds, mean scores, shares of emotions (pure).

An observation is valid until the next one, for at most :data:`HOLD_S`; the time beyond counts as not observed. Windows
end at whole multiples of their length on the wall clock, so that those of several devices coincide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge.audience.group_state import valence_of
from edge.core.events import Aggregate
from edge.core.types import SEVEN, Scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edge.audience.togetherness import Togetherness, TogethernessMeter
    from edge.core.events import Stamp
    from edge.core.labels import LabelSet
    from edge.core.types import Observation

HOLD_S = 1.0
_NS = 1_000_000_000


class Aggregator:
    """Takes all observations in order of time and returns an aggregate at the end of each window with observations.

    Moments with fewer than ``k`` people contribute only to counts and person-seconds; their figures are withheld.
    Within a session its own ``k`` applies if it is larger.
    """

    def __init__(
        self, stamp: Stamp, *, window_s: float, k: int = 1, togetherness: TogethernessMeter | None = None
    ) -> None:
        self._togetherness = togetherness
        self.session: str | None = None
        self._stamp = stamp
        self._window_ns = int(window_s * _NS)
        self._least = self._k = k
        self._shown: Observation | None = None
        self._reached_ns = 0
        self._window: _Window | None = None

    def follow(self, session: str | None, k: int = 1) -> None:
        """Assign what follows to ``session``, whose figures need ``k`` people; call :meth:`flush` first."""
        self.session = session
        self._k = max(self._least, k)
        if self._togetherness is not None:
            self._togetherness.require(self._k)

    def observe(self, observation: Observation) -> list[Aggregate]:
        """Add an observation; return the windows that ended before it."""
        ended = self.tick(observation.monotonic_ns)
        self._shown, self._reached_ns = observation, observation.monotonic_ns
        if self._window is None:
            self._window = _Window(self._reached_ns)
        self._window.people_max = max(self._window.people_max, len(observation.faces))
        if self._togetherness is not None and (measured := self._togetherness.observe(observation)):
            self._window.togetherness.append(measured)
        return ended

    def tick(self, now_ns: int) -> list[Aggregate]:
        """Return the window that ended by ``now_ns`` while no frame arrived, if any."""
        if self._window is None:
            return []
        ended = []
        boundary_ns = self._stamp.boundary(self._window.start_ns, self._window_ns)
        if now_ns >= boundary_ns:
            ended = self.flush(boundary_ns)
            if self._holds_until_ns > boundary_ns:
                self._window = _Window(boundary_ns)
                self._window.people_max = 0 if self._shown is None else len(self._shown.faces)
        self._count_until(now_ns)
        return ended

    def flush(self, now_ns: int) -> list[Aggregate]:
        """End the window now because the session changes, analysis pauses or the run ends; return its aggregate."""
        self._count_until(now_ns)
        window, self._window = self._window, None
        if window is None or not window.observed_ns:
            return []
        return [self._aggregate(window, now_ns)]

    def forget(self) -> None:
        """Discard the last observation because the camera is paused or gone."""
        self._shown = None
        if self._togetherness is not None:
            self._togetherness.forget()

    @property
    def _holds_until_ns(self) -> int:
        return 0 if self._shown is None else self._shown.monotonic_ns + int(HOLD_S * _NS)

    def _count_until(self, now_ns: int) -> None:
        until_ns = min(now_ns, self._holds_until_ns)
        if self._window is None or self._shown is None or until_ns <= self._reached_ns:
            return
        self._window.add(self._shown, until_ns - self._reached_ns, k=self._k)
        self._reached_ns = until_ns

    def _aggregate(self, window: _Window, now_ns: int) -> Aggregate:
        identity, seq, ts = self._stamp.next(now_ns, "aggregate")
        scores = Scores.of(window.scores, window.labels) if window.counted_ns else None
        return Aggregate(
            id=identity,
            seq=seq,
            ts=ts,
            start=self._stamp.time(window.start_ns),
            observed_s=window.observed_ns / _NS,
            people_mean=window.person_ns / window.observed_ns,
            people_max=window.people_max,
            person_seconds=window.person_ns / _NS,
            scores=None if scores is None else scores.by_name(),
            shares=None if scores is None else _shares(window),
            uncertain=None if scores is None else window.uncertain_ns / window.counted_ns,
            valence=None if scores is None else valence_of(scores),
            suppressed=window.person_ns > window.counted_ns,
            session=self.session,
            counted_person_seconds=window.counted_ns / _NS,
            togetherness=_mean([each.value for each in window.togetherness]),
            togetherness_null=_mean([each.null for each in window.togetherness]),
        )


class _Window:
    """Sums over one window, weighted by nanoseconds."""

    def __init__(self, start_ns: int) -> None:
        self.start_ns = start_ns
        self.observed_ns = 0
        self.person_ns = 0
        self.people_max = 0
        self.counted_ns = 0
        self.uncertain_ns = 0
        self.labels = SEVEN
        self.scores: NDArray[np.float64] = np.zeros(len(self.labels))
        self.shown_ns: dict[str, int] = dict.fromkeys(self.labels, 0)
        self.togetherness: list[Togetherness] = []

    def add(self, observation: Observation, duration_ns: int, *, k: int) -> None:
        faces = observation.faces
        self.observed_ns += duration_ns
        self.person_ns += duration_ns * len(faces)
        if len(faces) < k:
            return
        if not self.counted_ns and faces:
            self._count_in(faces[0].scores.labels)
        self.counted_ns += duration_ns * len(faces)
        for face in faces:
            self.scores += np.asarray(face.scores.values) * duration_ns
            if face.emotion is None:
                self.uncertain_ns += duration_ns
            else:
                self.shown_ns[face.emotion] += duration_ns

    def _count_in(self, labels: LabelSet) -> None:
        self.labels = labels
        self.scores, self.shown_ns = np.zeros(len(labels)), dict.fromkeys(labels, 0)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _shares(window: _Window) -> dict[str, float]:
    return {emotion: shown_ns / window.counted_ns for emotion, shown_ns in window.shown_ns.items()}
