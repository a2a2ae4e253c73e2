from __future__ import annotations

from collections import deque
from datetime import UTC, datetime

from edge.core.types import Light, Observation
from edge.runtime.health import Counters, HealthMeter, percentile

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def counters(captured: int = 0, skipped: int = 0, age_s: float | None = None) -> Counters:
    return Counters(captured, skipped, reconnects=2, last_frame_age_s=age_s, queue_depth=3, drops=4)


def test_rates_are_since_the_last_report() -> None:
    meter = HealthMeter()
    for index in range(10):
        meter.record(Observation(index, index, 640, 480, (), detect_ms=float(index), classify_ms=None))
    first = meter.report(NOW, counters(captured=20, skipped=10, age_s=0.1234))
    second = meter.report(NOW, counters(captured=20, skipped=10))
    assert first.process_fps > 0
    assert first.capture_fps > first.process_fps
    assert (second.process_fps, second.capture_fps, second.skip_fps) == (0, 0, 0)
    assert (first.detect_ms_p50, first.detect_ms_p95) == (5.0, 9.0)
    assert first.infer_ms_p50 is None
    assert (first.reconnects, first.queue_depth, first.drops, first.last_frame_age_s) == (2, 3, 4, 0.12)
    assert second.last_frame_age_s is None


def test_this_process_has_memory_and_time() -> None:
    report = HealthMeter().report(NOW, counters())
    assert report.memory_mb is not None
    assert 5 < report.memory_mb < 10_000
    assert report.cpu_percent is not None
    assert report.cpu_percent >= 0


def test_the_light_is_part_of_it() -> None:
    assert HealthMeter().report(NOW, counters()).light is None
    assert HealthMeter().report(NOW, counters(), light=Light.DARK).light is Light.DARK


def test_percentile_of_nothing_is_none() -> None:
    assert percentile(deque(), 50) is None
    assert percentile(deque([3.0]), 95) == 3.0
