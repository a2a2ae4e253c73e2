"""Convert observations to one row a second (pure); an observation applies until the next, for at most ``HOLD_S``."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from edge.audience.aggregate import HOLD_S
from edge.audience.group_state import valence_of
from edge.core.types import SEVEN, Scores
from edge.recording.values import DIGITS, ExpressionFigures, Second

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.core.labels import LabelSet
    from edge.core.types import Observation

_NS = 1_000_000_000
AUDIENCE_S = 60
"""Length of the window in which the largest audience is taken, for :attr:`ExpressionFigures.attention`; seconds."""
ENOUGH = 0.5
"""Part of the time with faces in which at least ``k`` faces must be in view."""


class SecondMeter:
    """Converter of observations, in order of time, to whole seconds of a session.

    Observations of fewer than ``k`` faces are left out of all figures. A second has figures if ``k`` faces or more were
    in view for at least half of the time in which any face was; otherwise it is suppressed.

    Attention is the number of faces turned towards the camera (:attr:`edge.core.types.Face.facing`), as a share of the
    largest audience (mean of a second) of the last minute. Turning away and leaving both lower it for a minute: a
    frontal detector no longer finds a face that is turned away.
    """

    def __init__(self, k: int) -> None:
        self._k = k
        self._shown: Observation | None = None
        self._holds_until_ns = 0
        self._reached_ns = 0
        self._open: _OpenSecond | None = None
        self._audience: deque[tuple[int, float]] = deque()

    def observe(self, offset_ns: int, observation: Observation) -> list[Second]:
        """Add the observation made ``offset_ns`` after the start; return the seconds that ended before it."""
        ended = self.tick(offset_ns)
        if offset_ns < 0:
            return ended
        self._shown, self._holds_until_ns = observation, offset_ns + int(HOLD_S * _NS)
        self._reached_ns = max(offset_ns, self._reached_ns)
        return ended

    def tick(self, offset_ns: int) -> list[Second]:
        """Return the seconds that have ended by ``offset_ns``."""
        ended = []
        until_ns = min(offset_ns, self._holds_until_ns)
        while self._shown is not None and self._reached_ns < until_ns:
            boundary_ns = (self._reached_ns // _NS + 1) * _NS
            step_ns = min(until_ns, boundary_ns) - self._reached_ns
            self._current().add(self._shown, step_ns, k=self._k)
            self._reached_ns += step_ns
            if self._reached_ns == boundary_ns:
                ended += self._close()
        if self._open is not None and offset_ns >= (self._open.second + 1) * _NS:
            ended += self._close()
        return ended

    def forget(self, offset_ns: int) -> list[Second]:
        """Drop the last observation, because the camera is paused or gone; return the seconds that ended."""
        ended = self.tick(offset_ns)
        self._shown, self._holds_until_ns = None, 0
        return ended

    def flush(self, offset_ns: int) -> list[Second]:
        """Return all remaining seconds at the session's end, including the unfinished one."""
        return self.forget(offset_ns) + self._close()

    def _current(self) -> _OpenSecond:
        if self._open is None:
            self._open = _OpenSecond(self._reached_ns // _NS)
        return self._open

    def _close(self) -> list[Second]:
        done, self._open = self._open, None
        if done is None or not done.observed_ns:
            return []
        while self._audience and self._audience[0][0] <= done.second - AUDIENCE_S:
            self._audience.popleft()
        self._audience.append((done.second, done.person_ns / done.observed_ns))
        return [done.result(max(people for _, people in self._audience))]


class _OpenSecond:
    """Sums over the current second, in nanoseconds or multiples of them."""

    def __init__(self, second: int) -> None:
        self.second = second
        self.observed_ns = 0
        self.person_ns = 0
        self._people_max = 0
        self._facing_ns = 0
        self._peopled_ns = 0
        self._enough_ns = 0
        self._counted_ns = 0
        self._labels = SEVEN
        self._scores: NDArray[np.float64] = np.zeros(len(self._labels))
        self._shown_ns: dict[str, int] = dict.fromkeys(self._labels, 0)

    def add(self, observation: Observation, step_ns: int, *, k: int) -> None:
        faces = observation.faces
        self.observed_ns += step_ns
        self.person_ns += step_ns * len(faces)
        self._people_max = max(self._people_max, len(faces))
        self._facing_ns += step_ns * sum(face.facing for face in faces)
        if not faces:
            return
        self._peopled_ns += step_ns
        if len(faces) < k:
            return
        self._enough_ns += step_ns
        if not self._counted_ns:
            self._start_counts(faces[0].scores.labels)
        self._counted_ns += step_ns * len(faces)
        for face in faces:
            self._scores += np.asarray(face.scores.values) * step_ns
            if face.emotion is not None:
                self._shown_ns[face.emotion] += step_ns

    def _start_counts(self, labels: LabelSet) -> None:
        self._labels = labels
        self._scores, self._shown_ns = np.zeros(len(labels)), dict.fromkeys(labels, 0)

    def result(self, audience: float) -> Second:
        withheld = self._enough_ns < ENOUGH * self._peopled_ns
        return Second(
            second=self.second,
            observed_s=round(self.observed_ns / _NS, DIGITS),
            people=round(self.person_ns / self.observed_ns, DIGITS),
            people_max=self._people_max,
            person_s=round(self.person_ns / _NS, DIGITS),
            suppressed=withheld,
            figures=self._figures(audience) if self._counted_ns and not withheld else None,
        )

    def _figures(self, audience: float) -> ExpressionFigures:
        scores = Scores.of(self._scores, self._labels)
        shares = [shown_ns / self._counted_ns for shown_ns in self._shown_ns.values()]
        return ExpressionFigures(
            person_s=round(self._counted_ns / _NS, DIGITS),
            scores=tuple(round(value, DIGITS) for value in scores),
            shares=tuple(round(value, DIGITS) for value in shares),
            uncertain=round(max(0.0, 1 - sum(shares)), DIGITS),
            valence=round(valence_of(scores), DIGITS),
            attention=round(min(1.0, self._facing_ns / (self.observed_ns * audience)), DIGITS),
            labels=self._labels,
        )
