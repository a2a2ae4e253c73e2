"""Relation of the wall clock to the monotonic clock."""

from __future__ import annotations

import time


def wall_clock_epoch_ns() -> int:
    """Return the wall-clock time in nanoseconds when the monotonic clock was 0; the fastest of three readings."""
    readings = []
    for _ in range(3):
        before_ns, wall_ns, after_ns = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        readings.append((after_ns - before_ns, wall_ns - (before_ns + after_ns) // 2))
    return min(readings)[1]
