"""The film's own time over a session's: where it was played, paused, wound back and at its end (pure)."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import dropwhile
from typing import TYPE_CHECKING, Literal

import numpy as np

from edge.recording.timecode import timecode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.recording.values import MediaPoint, Recording

PLAYING, PAUSED, ENDED = "playing", "paused", "ended"
DRIFT_S = 0.25
"""A report that agrees this well with what is known already is not kept."""
MediaState = Literal["playing", "paused", "ended"]


def is_news(last: MediaPoint | None, point: MediaPoint) -> bool:
    """True where ``point`` says more than ``last`` did."""
    if last is None or last.state != point.state:
        return True
    runs_s = point.at_s - last.at_s if last.state == PLAYING else 0.0
    return abs(last.media_s + runs_s - point.media_s) > DRIFT_S


@dataclass(frozen=True, slots=True)
class FilmClock:
    """Tells the film's time at any second of a session.

    ``points`` begin where the film first played, and each holds until the next; before them the film's time is
    negative. Without any, it is the session's time less ``shift_s``.
    """

    points: tuple[MediaPoint, ...] = ()
    shift_s: float = 0.0

    @classmethod
    def of(cls, recording: Recording, media_start_s: float | None = None) -> FilmClock:
        """As the device noted it, or from ``media_start_s`` seconds after the session's start where that is given."""
        if media_start_s is not None:
            return cls(shift_s=media_start_s)
        return cls(tuple(dropwhile(lambda point: point.state != PLAYING, recording.media)))

    @property
    def counts_film(self) -> bool:
        """True where times are the film's and not the session's."""
        return bool(self.points or self.shift_s)

    @property
    def stood(self) -> bool:
        """True where the film was paused."""
        return any(point.state == PAUSED for point in self.points)

    def code(self, at_s: float) -> str:
        """The time code at ``at_s``: ``12:05``, ``12:05 (paused)``, ``1:34:00 + 0:30`` after the end."""
        point = self._before(at_s)
        if point is None or point.state == PLAYING:
            return timecode(self._film_s(at_s))
        if point.state == PAUSED:
            return f"{timecode(point.media_s)} (paused)"
        return f"{timecode(point.media_s)} + {timecode(at_s - point.at_s)}"

    def shows_s(self, at_s: float) -> float | None:
        """The film's second at ``at_s``; ``None`` while it stands."""
        point = self._before(at_s)
        return None if point is not None and point.state != PLAYING else self._film_s(at_s)

    def ticks(self, length: float, step: float, *, apart_s: float) -> list[tuple[float, str]]:
        """Where in a session of ``length`` seconds the film passes multiples of ``step``, with their time codes.

        Ticks nearer than ``apart_s`` to the one before, as winding back makes them, are left out.
        """
        found: list[tuple[float, str]] = []
        for start, end in self._runs(length):
            first = self._film_s(start)
            for film_s in np.arange(np.ceil(first / step - 1e-9) * step, first + end - start + 1e-9, step):
                at_s = start + float(film_s) - first
                if not found or at_s - found[-1][0] >= apart_s:
                    found.append((at_s, timecode(float(film_s))))
        return found

    def _runs(self, length: float) -> Iterator[tuple[float, float]]:
        """Stretches of the session in which the film runs, or has not begun."""
        if not self.points:
            yield 0.0, length
            return
        yield 0.0, min(self.points[0].at_s, length)
        ends = [point.at_s for point in self.points[1:]] + [length]
        for point, end in zip(self.points, ends, strict=True):
            if point.state == PLAYING and point.at_s < length:
                yield point.at_s, min(end, length)

    def _before(self, at_s: float) -> MediaPoint | None:
        index = bisect_right(self.points, at_s, key=lambda point: point.at_s)
        return self.points[index - 1] if index else None

    def _film_s(self, at_s: float) -> float:
        if not self.points:
            return at_s - self.shift_s
        point = self._before(at_s) or self.points[0]
        return point.media_s + at_s - point.at_s
