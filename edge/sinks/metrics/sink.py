"""Sink of the metrics: stores the newest messages and answers scrapes while it is open."""

from __future__ import annotations

import ipaddress
import logging
from typing import TYPE_CHECKING

from edge.core.errors import HardwareUnavailable
from edge.core.events import CameraStatus, Event, Health, Info, Privacy, RunningSession, State
from edge.core.sink_base import BaseSink
from edge.system.installation import adding

if TYPE_CHECKING:
    from edge.config import MetricsConfig
    from edge.core.events import Message
    from edge.sinks.metrics.readings import Readings
    from edge.sinks.metrics.server import MetricsServer

_LOG = logging.getLogger(__name__)


class MetricsSink(BaseSink):
    """Metrics sink; counts survive closing and reopening.

    Neither a missing package nor a port in use stops the device: the problem is logged, and opening is retried.
    """

    name = "metrics"
    accepts: tuple[type, ...] = (Info, Health, State, Event, CameraStatus, Privacy, RunningSession)

    def __init__(self, config: MetricsConfig) -> None:
        self._config = config
        self._readings: Readings | None = None
        self._server: MetricsServer | None = None

    @property
    def url(self) -> str | None:
        """URL of the metrics; ``None`` while the sink is closed."""
        return None if self._server is None else self._server.url

    def open(self) -> None:
        """Start serving.

        Raises:
            SinkError: the address cannot be served.
            HardwareUnavailable: the extra `metrics` is not installed.
        """
        self.close()
        require_package()
        from prometheus_client import CollectorRegistry, ProcessCollector

        from edge.sinks.metrics.readings import Readings
        from edge.sinks.metrics.server import MetricsServer

        self._readings = self._readings or Readings()
        registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=registry)
        registry.register(self._readings)
        self._server = MetricsServer(self._config.host, self._config.port, registry)
        everyone = "" if ipaddress.ip_address(self._config.host).is_loopback else ", to everyone on the network"
        _LOG.info("metrics are served at %s%s", self._server.url, everyone)

    def handle(self, message: Message) -> None:
        """Store ``message`` as the newest of its kind."""
        readings = self._readings
        if readings is None:
            return
        match message:
            case Info():
                readings.info = message
            case Health():
                readings.health = message
            case State():
                readings.people = message.people
            case Event():
                readings.count(message)
            case CameraStatus():
                readings.camera = message
            case Privacy():
                readings.paused = message.on
            case RunningSession():
                readings.session = message.session is not None

    def close(self) -> None:
        """Stop serving; idempotent."""
        server, self._server = self._server, None
        if server is not None:
            server.close()


def require_package() -> None:
    """Check that the required package is installed.

    Raises:
        HardwareUnavailable: it is not.
    """
    try:
        import prometheus_client  # noqa: F401
    except ImportError:
        msg = f"metrics need prometheus_client: {adding('metrics')}, or set metrics.enabled = false"
        raise HardwareUnavailable(msg) from None
