"""Budget of processor time for searches: width and interval of the searches of the whole picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

NARROWEST = 320
"""Width in pixels to which a search may be reduced to save time."""
_STEP = 64
_LONGEST_S = 0.5
"""Interval from which on the width is reduced instead: otherwise short appearances of faces would be missed."""
_WIDE_SHARE = 1 / 3
"""Share of the budget for occasional wide searches, if it is not enough for wide searches only."""
_NEWEST = 0.2
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """Next search of the whole picture: its ``width`` in pixels, and the interval since the last one in seconds."""

    width: int
    interval_s: float


class ScanBudget:
    """Plans the searches of one camera within their share of a processor core.

    Args:
        share: of a core, 0 to 1.
        interval_s: shortest interval between two searches, in seconds.
        clock_ns: returns this process's processor time in nanoseconds; without it the budget is unlimited, so that a
            recording always gives the same result.
    """

    def __init__(self, *, share: float, interval_s: float, clock_ns: Callable[[], int] | None = None) -> None:
        self._share = share
        self._interval_s = interval_s
        self._clock_ns = clock_ns
        self._per_pixel_s: float | None = None
        self._began_ns = 0
        self._parts_s = 0.0
        self._searches = 0
        self._wide_ns: int | None = None

    def plan(self, full_width: int, aspect: float, now_ns: int) -> ScanPlan:
        """Return the next search at ``now_ns`` for a picture ``aspect`` times as high as it is wide.

        ``full_width`` is the width at which the smallest face is found.
        """
        if self._clock_ns is None:
            return ScanPlan(full_width, self._interval_s)
        if self._per_pixel_s is None:
            return ScanPlan(min(full_width, NARROWEST), self._interval_s)
        interval_s = self._interval(full_width, aspect, self._share)
        if interval_s <= _LONGEST_S or full_width <= NARROWEST:
            return ScanPlan(full_width, interval_s)
        wide_s = self._interval(full_width, aspect, self._share * _WIDE_SHARE)
        share = self._share * (1 - _WIDE_SHARE)
        narrow = self._narrow(full_width, aspect, share)
        is_wide = self._wide_ns is None or now_ns - self._wide_ns >= wide_s * _NS
        return ScanPlan(full_width if is_wide else narrow, self._interval(narrow, aspect, share))

    def begin(self) -> None:
        """Start the clock of a search."""
        if self._clock_ns is not None:
            self._began_ns = self._clock_ns()

    def spend(self) -> None:
        """Add the cost of a search of parts of the picture, which delays the next search of the whole one."""
        if self._clock_ns is not None:
            self._parts_s += (self._clock_ns() - self._began_ns) / _NS

    def end(self, width: int, height: int, *, full_width: int, now_ns: int) -> None:
        """Add the cost of a search of ``width`` by ``height`` pixels at ``now_ns``."""
        if width >= full_width:
            self._wide_ns = now_ns
        if self._clock_ns is None:
            return
        cost_s = (self._clock_ns() - self._began_ns) / _NS / (width * height)
        self._parts_s = 0.0
        self._searches += 1
        if self._per_pixel_s is None or self._searches == 2:  # the first one also allocates memory
            self._per_pixel_s = cost_s
        else:
            self._per_pixel_s += _NEWEST * (cost_s - self._per_pixel_s)

    def _narrow(self, full_width: int, aspect: float, share: float) -> int:
        width = full_width
        while width > NARROWEST and self._interval(width, aspect, share) > _LONGEST_S:
            width = max(NARROWEST, (width - 1) // _STEP * _STEP)
        return width

    def _interval(self, width: int, aspect: float, share: float) -> float:
        cost_s = (self._per_pixel_s or 0.0) * width * width * aspect
        return max(self._interval_s, (cost_s + self._parts_s) / share)
