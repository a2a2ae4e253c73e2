"""Times of a recording that go forward from zero, although its own clock starts anywhere and may jump (pure).

A camera that restarts, or recordings joined into one file (``cat a.ts b.ts``), begin their clock again. Each such
segment follows the one before it without a gap.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_JITTER_S = 0.1
"""A clock that steps back by less is inexact, not restarted; FFmpeg uses the same limit."""
_APART_S = 1.0
"""How far apart the streams of one segment may begin."""
_LONGEST_GAP_S = 60.0
"""Where clocks restart, a longer leap forward is a restart as well, not a frame that is held."""
_TICK_S = 0.001


@dataclass(slots=True)
class FrameClock:
    """Seconds since the first frame, for frames in the order in which they are shown.

    Args:
        frame_s: seconds from a frame to the next where the recording does not say.
        leaps: the container is one whose clock may leap forward, such as an MPEG transport stream.
    """

    frame_s: float
    leaps: bool = False
    _own_s: float | None = None
    _offset_s: float = 0.0
    _last_s: float | None = None

    def __call__(self, time_s: float | None) -> float:
        """Return the time of the next frame, later than the last one's; ``time_s`` is its own, if it has one."""
        before_s, last_s = self._own_s, self._last_s
        own_s = self._own_s = before_s if time_s is None else time_s
        if last_s is None:
            self._offset_s = -(own_s or 0.0)
            self._last_s = 0.0
            return 0.0
        if own_s is None or before_s is None or own_s == before_s:
            self._last_s = last_s + self.frame_s  # a clock that stands still
            return self._last_s
        if _is_restart(own_s - before_s, leaps=self.leaps):
            self._offset_s = last_s + self.frame_s - own_s
        self._last_s = max(own_s + self._offset_s, last_s + _TICK_S)
        return self._last_s


@dataclass(slots=True)
class _Track:
    """One stream of a recording: its segment, its last packet's time and where its packets end so far."""

    segment: int = 0
    last_s: float | None = None
    end_s: float = 0.0


@dataclass(slots=True)
class PacketClock:
    """What to add to the times of packets, in decoding order, so that all streams of a recording go forward.

    The streams of a segment share its shift and so stay in step with each other.
    """

    leaps: bool = False
    _shifts_s: list[float] = field(default_factory=lambda: [0.0])
    _tracks: dict[int, _Track] = field(default_factory=dict)

    def shift_s(self, stream: int, time_s: float | None, duration_s: float) -> float:
        """Return the seconds to add to the times of a packet of ``stream`` that is decoded at ``time_s``, if known."""
        track = self._tracks.setdefault(stream, _Track())
        if time_s is None:
            return self._shifts_s[track.segment]
        if track.last_s is not None and _is_restart(time_s - track.last_s, leaps=self.leaps):
            self._enter_next_segment(track, time_s)
        shift_s = self._shifts_s[track.segment]
        track.last_s = time_s
        track.end_s = max(track.end_s, time_s + shift_s + duration_s)
        return shift_s

    def _enter_next_segment(self, track: _Track, time_s: float) -> None:
        while track.segment + 1 < len(self._shifts_s):
            track.segment += 1  # another stream has met this restart before
            if abs(time_s + self._shifts_s[track.segment] - track.end_s) < _APART_S:
                return
        self._shifts_s.append(max(each.end_s for each in self._tracks.values()) - time_s)
        track.segment += 1


def _is_restart(moved_s: float, *, leaps: bool) -> bool:
    return moved_s < -_JITTER_S or (leaps and moved_s > _LONGEST_GAP_S)
