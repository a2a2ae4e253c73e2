"""The sink behind the metrics: keeps the newest of what is told and answers scrapes while it is open."""

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
    """``open`` serves, ``close`` ends that; what was counted stays over a closing and opening.

    Neither a missing package nor a taken port keeps the device from its work: it is told, and tried again.
    """

    name = "metrics"
    accepts: tuple[type, ...] = (Info, Health, State, Event, CameraStatus, Privacy, RunningSession)

    def __init__(self, config: MetricsConfig) -> None:
        self._config = config
        self._readings: Readings | None = None
        self._server: MetricsServer | None = None

    @property
    def url(self) -> str | None:
        """Where it is scraped; ``None`` while it is closed."""
        return None if self._server is None else self._server.url

    def open(self) -> None:
        """Serve.

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
        """Make it the newest of its kind."""
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
        """Serve no longer; harmless when repeated."""
        server, self._server = self._server, None
        if server is not None:
            server.close()


def require_package() -> None:
    """See that what it takes is installed.

    Raises:
        HardwareUnavailable: it is not.
    """
    try:
        import prometheus_client  # noqa: F401
    except ImportError:
        msg = f"metrics need prometheus_client: {adding('metrics')}, or set metrics.enabled = false"
        raise HardwareUnavailable(msg) from None
