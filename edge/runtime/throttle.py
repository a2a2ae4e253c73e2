"""Slow the loop down before the firmware halves the clock because of heat, or the kernel kills it for lack of memory.

``ThrottlePolicy`` decides (pure: readings and times in, a level out), ``RateLimiter`` returns how long to wait before
the next frame, ``ThrottleController`` reads the board periodically and connects the two.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.core.events import Limit
from edge.system import board

if TYPE_CHECKING:
    from collections.abc import Callable

_LOG = logging.getLogger(__name__)
_NS = 1_000_000_000
LEVELS = 3
"""Each halves the frame rate once more."""
_READ_EVERY_S = 2.0
_WELL_FOR_S = 60.0

_HOT_C = (77.0, 80.0, 83.0)
"""From here on level 1, 2, 3. Raspberry Pi's firmware slows the processor from 80 °C on, and much so from 85 °C on."""
_COOLER_C = 4.0
_FIRMWARE_BRAKES = 2
"""The level while the firmware itself slows the processor: what was done until then was not enough."""
_TIGHT_SHARE, _TIGHT_BYTES = 0.10, 96 * 2**20
"""Memory is short below this share of all there is, or this much, whichever is less."""
_SHORTAGE = (1.0, 2 / 3, 1 / 3)
"""Below this much of it level 1, 2, 3."""
_ROOMIER = 1.25
_STALLED_PERCENT = (5.0, 15.0, 30.0)
_FREER = 0.5


@dataclass(frozen=True, slots=True)
class Verdict:
    """How slow, and why; no cause at level 0."""

    level: int = 0
    cause: Limit | None = None


def judge(readings: board.BoardReadings, *, easy: bool = False) -> Verdict:
    """Return the level for the board's readings (pure); ``easy`` uses the stricter bounds for leaving a level."""
    heat = _steps_above(readings.temperature_c, _HOT_C, minus=_COOLER_C if easy else 0.0)
    if readings.slowed_by_heat:
        heat = max(heat, _FIRMWARE_BRAKES)
    shortage = max(
        _shortage(readings.memory, easy=easy),
        _shortage(readings.service, easy=easy),
        _steps_above(readings.pressure_percent, _STALLED_PERCENT, times=_FREER if easy else 1.0),
    )
    if not heat and not shortage:
        return Verdict()
    return Verdict(heat, Limit.HEAT) if heat >= shortage else Verdict(shortage, Limit.MEMORY)


class ThrottlePolicy:
    """Policy that raises the level at once, and lowers it by one after a minute of better readings."""

    def __init__(self, *, well_for_s: float = _WELL_FOR_S) -> None:
        self._well_for_ns = int(well_for_s * _NS)
        self._well_since_ns: int | None = None
        self.verdict = Verdict()

    def update(self, readings: board.BoardReadings, now_ns: int) -> Verdict:
        """Update the decision with new readings; times must not go back."""
        asked, kept = judge(readings), judge(readings, easy=True)
        level = self.verdict.level
        if asked.level > level:
            self.verdict, self._well_since_ns = asked, None
        elif kept.level >= level:
            self._well_since_ns = None
            if level:
                self.verdict = Verdict(level, kept.cause)
        elif self._well_since_ns is None:
            self._well_since_ns = now_ns
        elif now_ns - self._well_since_ns >= self._well_for_ns:
            self._well_since_ns = now_ns
            self.verdict = Verdict(level - 1, kept.cause or self.verdict.cause) if level > 1 else Verdict()
        return self.verdict


class RateLimiter:
    """Limiter of the frame rate (pure).

    ``fps`` is the source's rate. If the board cannot keep up with it, half of that rate would not cool it, so the time
    spent per frame counts, too. ``longest_s`` limits the pause, since faces in view would be lost over a longer one.
    """

    def __init__(self, *, fps: float, longest_s: float) -> None:
        self._frame_s = 1 / fps
        self._longest_s = longest_s
        self._began_ns: int | None = None
        self._cost_s = 0.0

    def began(self, now_ns: int) -> None:
        """Note that a frame was taken."""
        self._began_ns = now_ns

    def ended(self, now_ns: int) -> None:
        """Note that the frame was processed and published."""
        if self._began_ns is not None:
            self._cost_s = (now_ns - self._began_ns) / _NS

    def wait_s(self, level: int, now_ns: int) -> float:
        """Return the seconds until the next frame may be taken; 0 at level 0."""
        if not level or self._began_ns is None:
            return 0.0
        full_s = max(self._frame_s, self._cost_s)
        # a camera or board that is slower than this by itself is not held up
        interval_s = min(full_s * (1 << level), max(self._longest_s, full_s))
        return max(0.0, interval_s - (now_ns - self._began_ns) / _NS)


class ThrottleController:
    """Controller for the loop, which calls ``check`` each turn, ``wait_s`` and ``pace`` for each frame."""

    def __init__(
        self,
        pace: RateLimiter,
        *,
        governor: ThrottlePolicy | None = None,
        read: Callable[[], board.BoardReadings] | None = None,
    ) -> None:
        self.pace = pace
        self._governor = governor or ThrottlePolicy()
        self._read = read or board.read
        self._due_ns = 0
        self._verdict = Verdict()

    @property
    def limited_by(self) -> Limit | None:
        """Cause of throttling; ``None`` if all frames are processed."""
        return self._verdict.cause

    def check(self, now_ns: int) -> None:
        """Read the board if due, and log changes."""
        if now_ns < self._due_ns:
            return
        self._due_ns = now_ns + int(_READ_EVERY_S * _NS)
        readings = self._read()
        before, self._verdict = self._verdict, self._governor.update(readings, now_ns)
        if self._verdict.level != before.level:
            _tell(before, self._verdict, readings)

    def wait_s(self) -> float:
        """Return the seconds until the next frame may be taken."""
        return self.pace.wait_s(self._verdict.level, time.monotonic_ns())


def _tell(before: Verdict, now: Verdict, readings: board.BoardReadings) -> None:
    if now.cause is None:
        _LOG.info("%s is no trouble any more: looking at every frame again", before.cause)
        return
    share = f"looking at 1/{1 << now.level} of the frames"
    if now.level < before.level:
        _LOG.info("%s is less trouble: %s again", before.cause, share)
    else:
        _LOG.warning("%s: %s, to spare the board", _why(now.cause, readings), share)


def _why(cause: Limit, readings: board.BoardReadings) -> str:
    if cause is Limit.HEAT:
        return "it is hot" if readings.temperature_c is None else f"it is hot ({readings.temperature_c:.0f} °C)"
    rooms = [room for room in (readings.memory, readings.service) if room is not None]
    least = min((room.available for room in rooms), default=None)
    return "memory is short" if least is None else f"memory is short ({least / 1e6:.0f} MB left)"


def _steps_above(value: float | None, steps: tuple[float, ...], *, minus: float = 0.0, times: float = 1.0) -> int:
    if value is None:
        return 0
    return sum(value >= step * times - minus for step in steps)


def _shortage(room: board.MemoryInfo | None, *, easy: bool) -> int:
    if room is None:
        return 0
    tight = min(_TIGHT_SHARE * room.total, _TIGHT_BYTES) * (_ROOMIER if easy else 1.0)
    return sum(room.available < tight * step for step in _SHORTAGE)
