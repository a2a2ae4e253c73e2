"""The metrics: the newest message of each kind, in Prometheus's naming and base units.

Monitoring systems store values for long and under the device's name. Therefore the metrics are about the device only:
they contain nothing of what faces express, and of people only the number in view.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from edge.core.events import CameraStatus, EventType, Limit
from edge.core.types import Light

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from edge.core.events import Event, Health, Info

_PREFIX = "face_edge"


class Readings(Collector):
    """Values written by the sink's thread and read by the server's; each value is replaced as a whole."""

    def __init__(self) -> None:
        self.info: Info | None = None
        self.health: Health | None = None
        self.camera: CameraStatus | None = None
        self.paused: bool | None = None
        self.session: bool | None = None
        self.people: int | None = None
        self._events: Counter[EventType] = Counter()

    def count(self, event: Event) -> None:
        """Count one event by its type."""
        self._events[event.type] += 1

    def collect(self) -> Iterator[Metric]:
        """Yield all families; unknown values have no sample, since 0 would be wrong."""
        yield from self._build()
        yield from self._states()
        yield from self._told()
        if self.health is not None:
            yield from _figures(self.health)
            yield _limits(self.health)
            yield from _light(self.health)
            yield from _durations(self.health)
            yield from _totals(self.health)

    def _build(self) -> Iterator[Metric]:
        if self.info is None:
            return
        info = self.info
        labels = {
            "node": info.node,
            "version": info.software_version,
            "model": info.model,
            "model_sha256": info.model_sha256,
            "head": info.head,
            "detector": info.detector,
            "runtime": info.runtime,
        }
        yield InfoMetricFamily(f"{_PREFIX}_build", "What runs here; always 1.", value=labels)

    def _states(self) -> Iterator[Metric]:
        if self.camera is not None:
            family = GaugeMetricFamily(
                f"{_PREFIX}_camera_status", "1 for the status that the camera has, 0 for the others.", labels=["status"]
            )
            for status in CameraStatus:
                family.add_metric([status.value], float(status is self.camera))
            yield family
        for name, text, value in (
            ("paused", "1 while the analysis of frames is switched off.", self.paused),
            ("session_running", "1 while a session runs.", self.session),
            ("people", "Faces in view; 0 while none are looked for.", self.people),
        ):
            if value is not None:
                yield GaugeMetricFamily(f"{_PREFIX}_{name}", text, value=float(value))

    def _told(self) -> Iterator[Metric]:
        family = CounterMetricFamily(f"{_PREFIX}_events", "Events since the start, by type.", labels=["type"])
        for kind in EventType:
            family.add_metric([kind.value], float(self._events[kind]))
        yield family


def _figures(health: Health) -> Iterator[Metric]:
    taken_s = health.ts.timestamp()
    age_s = health.last_frame_age_s
    for name, text, value in (
        ("health_timestamp_seconds", "Unix time at which the figures of the loop were taken.", taken_s),
        (
            "last_frame_timestamp_seconds",
            "Unix time at which the newest frame had come when the figures were taken.",
            None if age_s is None else taken_s - age_s,
        ),
        ("temperature_celsius", "Of the processor.", health.temperature_c),
        ("queue_messages", "Messages waiting for all sinks together for two seconds or more.", health.queue_depth),
    ):
        if value is not None:
            yield GaugeMetricFamily(f"{_PREFIX}_{name}", text, value=value)
    rates = GaugeMetricFamily(
        f"{_PREFIX}_frames_per_second",
        "Frames captured, processed, and skipped for a newer one, since the figures before.",
        labels=["stage"],
    )
    for stage, value in (
        ("captured", health.capture_fps),
        ("processed", health.process_fps),
        ("skipped", health.skip_fps),
    ):
        rates.add_metric([stage], value)
    yield rates


def _limits(health: Health) -> Metric:
    family = GaugeMetricFamily(
        f"{_PREFIX}_limited", "1 for the reason for which fewer frames than usual are looked at.", labels=["cause"]
    )
    for cause in Limit:
        family.add_metric([cause.value], float(health.limited_by is cause))
    return family


def _light(health: Health) -> Iterator[Metric]:
    if health.light is None:
        return
    family = GaugeMetricFamily(
        f"{_PREFIX}_light", "1 for how well the camera sees, 0 for the others; too_dark hides faces.", labels=["level"]
    )
    for level in Light:
        family.add_metric([level.value], float(level is health.light))
    yield family


def _durations(health: Health) -> Iterator[Metric]:
    """Yield quantiles over the last frames: a histogram would need every frame, and sinks receive the newest."""
    for name, text, quantiles in (
        ("detection_seconds", "Time to find faces in a frame.", (health.detect_ms_p50, health.detect_ms_p95)),
        ("inference_seconds", "Time to classify the faces of a frame.", (health.infer_ms_p50, health.infer_ms_p95)),
    ):
        family = GaugeMetricFamily(f"{_PREFIX}_{name}", text, labels=["quantile"])
        for quantile, ms in zip(("0.5", "0.95"), quantiles, strict=True):
            if ms is not None:
                family.add_metric([quantile], ms / 1000)
        if family.samples:
            yield family


def _totals(health: Health) -> Iterator[Metric]:
    yield CounterMetricFamily(
        f"{_PREFIX}_dropped_messages", "Messages dropped at a full queue since the start.", value=health.drops
    )
    yield CounterMetricFamily(
        f"{_PREFIX}_source_reconnects",
        "Times that the source was opened again since the start.",
        value=health.reconnects,
    )
