"""Opens connections to the broker, asking for less where it cannot do what was asked for first."""

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
    """``options`` is asked before every attempt; ``opened`` counts the connections made.

    ``older_protocol`` is True once the broker proved to know MQTT 3.1.1 only. ``repeat_s``, for the log, is how often
    what the broker does not retain is published again.
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
        """A connection, by MQTT 3.1.1 where the broker knows no 5; ``None`` where we are to stop.

        Raises:
            ConnectionFailure: there is none; it says why.
            ConfigError: the settings contradict each other, or a file cannot be used.
        """
        options = self._options()
        try:
            connection = self._open_by_version(options, waker, stopping)
        except ConnectionFailure:
            # the version was not the trouble
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
        """Ask for less where the broker refuses the last will for what it cannot do."""
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
