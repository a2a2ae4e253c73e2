"""The wall clock beside the monotonic one."""

from __future__ import annotations

import time


def wall_clock_epoch_ns() -> int:
    """Wall-clock time at which the monotonic clock showed 0; of three readings the one least held up in between."""
    readings = []
    for _ in range(3):
        before_ns, wall_ns, after_ns = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        readings.append((after_ns - before_ns, wall_ns - (before_ns + after_ns) // 2))
    return min(readings)[1]
