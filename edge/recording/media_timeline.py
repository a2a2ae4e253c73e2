"""Map a session's time to the film's, which may be paused, wound back or at its end (pure)."""

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
"""A position that differs less than this from the expected one is not stored; seconds."""
MediaState = Literal["playing", "paused", "ended"]


def is_news(last: MediaPoint | None, point: MediaPoint) -> bool:
    """Return whether ``point`` differs from the position expected after ``last``."""
    if last is None or last.state != point.state:
        return True
    runs_s = point.at_s - last.at_s if last.state == PLAYING else 0.0
    return abs(last.media_s + runs_s - point.media_s) > DRIFT_S


@dataclass(frozen=True, slots=True)
class FilmClock:
    """Clock of the film at any second of a session.

    ``points`` start at the first playback, and each applies until the next; before them the film's time is negative.
    Without any, it is the session's time minus ``shift_s``.
    """

    points: tuple[MediaPoint, ...] = ()
    shift_s: float = 0.0

    @classmethod
    def of(cls, recording: Recording, media_start_s: float | None = None) -> FilmClock:
        """Return the recorded clock, or one that starts ``media_start_s`` after the session's start if given."""
        if media_start_s is not None:
            return cls(shift_s=media_start_s)
        return cls(tuple(dropwhile(lambda point: point.state != PLAYING, recording.media)))

    @property
    def counts_film(self) -> bool:
        """True if times are the film's and not the session's."""
        return bool(self.points or self.shift_s)

    @property
    def stood(self) -> bool:
        """True if the film was paused."""
        return any(point.state == PAUSED for point in self.points)

    def code(self, at_s: float) -> str:
        """Return the time code at ``at_s``: ``12:05``, ``12:05 (paused)``, ``1:34:00 + 0:30`` after the end."""
        point = self._before(at_s)
        if point is None or point.state == PLAYING:
            return timecode(self._film_s(at_s))
        if point.state == PAUSED:
            return f"{timecode(point.media_s)} (paused)"
        return f"{timecode(point.media_s)} + {timecode(at_s - point.at_s)}"

    def shows_s(self, at_s: float) -> float | None:
        """Return the film's position at ``at_s`` in seconds; ``None`` while it does not play."""
        point = self._before(at_s)
        return None if point is not None and point.state != PLAYING else self._film_s(at_s)

    def ticks(self, length: float, step: float, *, apart_s: float) -> list[tuple[float, str]]:
        """Return the seconds at which the film passes multiples of ``step``, with time codes, up to ``length`` seconds.

        Ticks closer than ``apart_s`` to the one before, as after winding back, are left out.
        """
        ticks: list[tuple[float, str]] = []
        for start, end in self._runs(length):
            first = self._film_s(start)
            for film_s in np.arange(np.ceil(first / step - 1e-9) * step, first + end - start + 1e-9, step):
                at_s = start + float(film_s) - first
                if not ticks or at_s - ticks[-1][0] >= apart_s:
                    ticks.append((at_s, timecode(float(film_s))))
        return ticks

    def _runs(self, length: float) -> Iterator[tuple[float, float]]:
        """Yield the spans of the session in which the film plays or has not started."""
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
