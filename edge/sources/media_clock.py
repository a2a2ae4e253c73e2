"""Monotonic frame times from zero for recordings whose clock starts anywhere and may jump (pure).

The clock restarts when a camera restarts or when recordings are joined into one file (``cat a.ts b.ts``). Each such
segment follows the previous one without a gap.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_JITTER_S = 0.1
"""Smaller backward steps are inaccuracies, not restarts; FFmpeg uses the same limit."""
_APART_S = 1.0
"""Maximum offset in seconds between the starts of the streams of a segment."""
_LONGEST_GAP_S = 60.0
"""In files whose clocks restart, a longer forward jump is also a restart, not a held frame."""
_TICK_S = 0.001


@dataclass(slots=True)
class FrameClock:
    """Seconds since the first frame, for frames in the order in which they are shown.

    Args:
        frame_s: Seconds between frames if the recording does not state them.
        leaps: The container is one whose clock may jump forward, such as an MPEG transport stream.
    """

    frame_s: float
    leaps: bool = False
    _own_s: float | None = None
    _offset_s: float = 0.0
    _last_s: float | None = None

    def __call__(self, time_s: float | None) -> float:
        """Return the time of the next frame in seconds, later than the last; ``time_s`` is its own, if known."""
        before_s, last_s = self._own_s, self._last_s
        own_s = self._own_s = before_s if time_s is None else time_s
        if last_s is None:
            self._offset_s = -(own_s or 0.0)
            self._last_s = 0.0
            return 0.0
        if own_s is None or before_s is None or own_s == before_s:
            self._last_s = last_s + self.frame_s  # the clock does not advance
            return self._last_s
        if _is_restart(own_s - before_s, leaps=self.leaps):
            self._offset_s = last_s + self.frame_s - own_s
        self._last_s = max(own_s + self._offset_s, last_s + _TICK_S)
        return self._last_s


@dataclass(slots=True)
class _Track:
    """State of one stream: its segment, the time of its last packet and the end of its packets so far."""

    segment: int = 0
    last_s: float | None = None
    end_s: float = 0.0


@dataclass(slots=True)
class PacketClock:
    """Offsets for packet times, in decoding order, that make all streams of a recording advance.

    The streams of a segment share its offset and so stay synchronized.
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
