"""Connector that opens connections to the broker and reduces its demands to the broker's capabilities."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from edge.sinks.mqtt.capabilities import Capabilities
from edge.sinks.mqtt.connection import ANSWER_TIMEOUT_S, Connection
from edge.sinks.mqtt.connection_errors import ConnectionFailure
from edge.sinks.mqtt.topics import availability

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from edge.sinks.mqtt.options import Options
    from edge.sinks.mqtt.topics import Topics
    from edge.sinks.mqtt.waker import Waker

_LOG = logging.getLogger(__name__)


class Connector:
    """Opens connections; ``options`` is called before every attempt, and ``opened`` counts the connections made.

    ``older_protocol`` is set once the broker is known to support only MQTT 3.1.1. ``repeat_s``, for the log, is the
    interval at which values that the broker does not retain are published again.
    """

    def __init__(
        self,
        options: Callable[[], Options],
        topics: Topics,
        *,
        repeat_s: float,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        self._options = options
        self._topics = topics
        self._repeat_s = repeat_s
        self._answer_timeout_s = answer_timeout_s
        self._limits_said: list[str] = []
        self.older_protocol = False
        self.opened = 0

    def open(self, waker: Waker, stopping: threading.Event, *, quiet: bool = False) -> Connection | None:
        """Open a connection, by MQTT 3.1.1 if the broker does not support 5; return ``None`` if ``stopping`` is set.

        Raises:
            ConnectionFailure: There is no connection, with the cause.
            ConfigError: Settings contradict each other, or a file cannot be used.
        """
        options = self._options()
        try:
            connection = self._open_by_version(options, waker, stopping)
        except ConnectionFailure:
            # the protocol version was not the cause
            self.older_protocol = False
            raise
        if connection is not None:
            self.opened += 1
            self._report(connection, options, quiet=quiet)
        return connection

    def _open_by_version(self, options: Options, waker: Waker, stopping: threading.Event) -> Connection | None:
        try:
            return self._open_as_able(options, waker, stopping)
        except ConnectionFailure as failure:
            if not failure.older_protocol or stopping.is_set():
                raise
        self.older_protocol = True
        return self._open_as_able(options, waker, stopping)

    def _open_as_able(self, options: Options, waker: Waker, stopping: threading.Event) -> Connection | None:
        """Reduce the demands if the broker refuses the last will as unsupported."""
        offered = Capabilities.configured(options)
        will = availability(self._topics, online=False)
        while True:
            connection = Connection(options, will=will, older_protocol=self.older_protocol, offered=offered)
            try:
                return connection if connection.open(waker, stopping, timeout_s=self._answer_timeout_s) else None
            except ConnectionFailure as failure:
                less = offered.after_refusal(failure.code)
                if less is None or stopping.is_set():
                    raise
                offered = less

    def _report(self, connection: Connection, options: Options, *, quiet: bool) -> None:
        if not quiet:
            _LOG.info("connected to %s as %s over %s", options.address, options.client_id, connection.protocol)
        limits = connection.capabilities.limits(self._repeat_s)
        if limits != self._limits_said:
            self._limits_said = limits
            for limit in limits:
                _LOG.warning("%s: %s", options.address, limit)
