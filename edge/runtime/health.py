"""Figures of the running loop and of its board."""

from __future__ import annotations

import os
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge.core.events import Health
from edge.system import board

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from edge.core.events import Limit
    from edge.core.types import Light, Observation

_WINDOW = 512


@dataclass(frozen=True, slots=True)
class Counters:
    """Totals since the start, from which the meter computes rates."""

    captured: int
    skipped: int
    reconnects: int
    last_frame_age_s: float | None
    queue_depth: int
    drops: int


class HealthMeter:
    """Meter of the durations of all frames; ``report`` covers the time since the last report."""

    def __init__(self) -> None:
        self._started_s = time.monotonic()
        self._detect_ms: deque[float] = deque(maxlen=_WINDOW)
        self._classify_ms: deque[float] = deque(maxlen=_WINDOW)
        self._processed = 0
        self._last = (self._started_s, time.process_time(), 0, 0, 0)

    def record(self, observation: Observation) -> None:
        """Count one processed frame."""
        self._processed += 1
        if observation.detect_ms is not None:
            self._detect_ms.append(observation.detect_ms)
        if observation.classify_ms is not None:
            self._classify_ms.append(observation.classify_ms)

    def report(
        self,
        ts: datetime,
        counters: Counters,
        *,
        limited_by: Limit | None = None,
        light: Light | None = None,
        failing: Iterable[str] = (),
        go_on: bool = False,
    ) -> Health:
        """Return the figures since the last report; with ``go_on`` the period continues."""
        now_s, cpu_s = time.monotonic(), time.process_time()
        then_s, then_cpu_s, captured, skipped, processed = self._last
        seconds = max(now_s - then_s, 1e-3)
        if not go_on:
            self._last = (now_s, cpu_s, counters.captured, counters.skipped, self._processed)
        return Health(
            ts=ts,
            uptime_s=round(now_s - self._started_s, 1),
            cpu_percent=round(100 * (cpu_s - then_cpu_s) / seconds, 1),
            memory_mb=_resident_mb(),
            temperature_c=board.temperature_c(),
            capture_fps=round((counters.captured - captured) / seconds, 2),
            process_fps=round((self._processed - processed) / seconds, 2),
            skip_fps=round((counters.skipped - skipped) / seconds, 2),
            detect_ms_p50=percentile(self._detect_ms, 50),
            detect_ms_p95=percentile(self._detect_ms, 95),
            infer_ms_p50=percentile(self._classify_ms, 50),
            infer_ms_p95=percentile(self._classify_ms, 95),
            last_frame_age_s=None if counters.last_frame_age_s is None else round(counters.last_frame_age_s, 2),
            queue_depth=counters.queue_depth,
            drops=counters.drops,
            reconnects=counters.reconnects,
            limited_by=limited_by,
            light=light,
            failing=tuple(sorted(set(failing))),
        )


def percentile(values: deque[float], percent: float) -> float | None:
    """Return the percentile by nearest rank, rounded to hundredths; ``None`` without values."""
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))], 2)


def _resident_mb() -> float | None:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)
