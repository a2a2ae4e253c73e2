"""Sink that publishes the device's messages according to the MQTT contract."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from edge.core.errors import FileUnavailable
from edge.core.events import Event, EventType, Info
from edge.core.sink_base import BaseSink
from edge.sinks.mqtt.client import REPEAT_S, Client
from edge.sinks.mqtt.options import options
from edge.sinks.mqtt.outbox import Outbox
from edge.sinks.mqtt.outgoing import Outgoing
from edge.sinks.mqtt.publications import PUBLISHED, publication
from edge.sinks.mqtt.requests import Requests
from edge.sinks.mqtt.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.config import MqttConfig
    from edge.core.commands import CommandQueue
    from edge.core.events import Message
    from edge.sinks.mqtt.arrival import Listener
    from edge.sinks.mqtt.homeassistant.discovery_publisher import DiscoveryPublisher
    from edge.sinks.mqtt.topics import Publication

_LOG = logging.getLogger(__name__)
_MISSED_BEATS = 3


_ASKED_FOR = {EventType.MARKER, EventType.SESSION_START, EventType.SESSION_END}
"""Events that answer a person or a program: they are written to disk at once, not with the next batch."""


class MqttSink(BaseSink):
    """Publisher of all messages of one node.

    No method waits for the network except ``close``, which takes about a second. ``heartbeat_s`` is the longest
    interval of state and health; an MQTT 5 broker discards their retained values after three missed beats, so that
    nobody mistakes the last values of a dead device for current ones. ``outbox``, opened and closed by its owner, keeps
    events and aggregates until the broker has them; without one they stay in memory. ``inbox`` receives commands;
    without one there are no subscriptions for them. ``before`` is called before the first connection, and again with
    each ``open`` until it succeeds: it starts a broker that could not be started yet. ``page_url`` returns the address
    of the device's page, which Home Assistant links to.
    """

    name = "mqtt"
    accepts: tuple[type, ...] = PUBLISHED

    def __init__(
        self,
        config: MqttConfig,
        node: str,
        *,
        heartbeat_s: float | None = None,
        outbox: Outbox | None = None,
        inbox: CommandQueue | None = None,
        before: Callable[[], None] | None = None,
        page_url: Callable[[], str | None] = lambda: None,
    ) -> None:
        """Check the settings; files that cannot be read now are read again at every attempt to connect.

        Raises:
            ConfigError: Settings contradict each other.
        """
        self._config = config
        self._node = node
        self._before = before
        self._expiry_s = None if heartbeat_s is None else max(1, round(heartbeat_s * _MISSED_BEATS))
        with suppress(FileUnavailable):  # reported by the first attempt to connect
            options(config, node)
        self.topics = Topics.of(config.prefix, node)
        self._outbox = outbox or Outbox(None, self.topics, config.outbox, retry_max_s=config.backoff_max_s)
        self._outgoing = Outgoing(self._outbox)
        self._repeat_s = heartbeat_s or REPEAT_S
        self._listeners: list[Listener] = []
        self._requests: Requests | None = None
        if inbox is not None:
            self._requests = Requests(config.prefix, node, inbox, self._publish, room=lambda: self._outgoing.room)
            self._listeners.append(self._requests)
        self._presenter = self._new_presenter(heartbeat_s, page_url) if config.homeassistant.discovery else None
        if self._presenter is not None:
            self._listeners.append(self._presenter)
        self._client: Client | None = None
        self._past_reconnects = 0

    def open(self) -> None:
        """Start connecting in the background.

        Raises:
            EdgeError: The broker of this device cannot be started now.
        """
        if self._before is not None:
            self._before()
            self._before = None
        if self._client is None:
            self._client = self._new_client()
            self._client.start()

    def handle(self, message: Message) -> None:
        """Publish ``message`` as soon as there is a connection."""
        made = publication(message, self.topics, expiry_s=self._expiry_s)
        if made is not None:
            self._publish(made)
        if isinstance(message, Event) and message.type in _ASKED_FOR:
            self._outgoing.hurry()  # the requester has its answer already
        if self._presenter is not None and isinstance(message, Info):
            self._presenter.present(message)
        if self._requests is not None:
            self._requests.settle()

    def _publish(self, made: Publication) -> None:
        client = self._client
        if client is None:
            self._outgoing.put(made)
        else:
            client.publish(made)

    def close(self) -> None:
        """Publish ``offline`` and disconnect; idempotent."""
        client, self._client = self._client, None
        if client is None:
            return
        client.stop()
        self._past_reconnects += client.reconnects
        if self._outgoing.depth and not self._outbox.lasting:
            _LOG.warning("stopped before the broker had taken %d events", self._outgoing.depth)

    @property
    def connected(self) -> bool:
        """True while there is a connection to the broker."""
        return self._client is not None and self._client.connected

    @property
    def reconnects(self) -> int:
        """Number of connections made after a loss."""
        return self._past_reconnects + (0 if self._client is None else self._client.reconnects)

    @property
    def drops(self) -> int:
        """Number of messages lost, at the outbox's bounds or because the broker will never accept them."""
        return self._outgoing.drops

    @property
    def queue_depth(self) -> int:
        """Number of events and aggregates that the broker has not acknowledged."""
        return self._outgoing.depth

    def _new_presenter(self, heartbeat_s: float | None, page_url: Callable[[], str | None]) -> DiscoveryPublisher:
        from edge.sinks.mqtt.homeassistant.discovery_publisher import DiscoveryPublisher

        return DiscoveryPublisher(
            self._config.prefix,
            self._publish,
            discovery_prefix=self._config.homeassistant.prefix,
            heartbeat_s=heartbeat_s,
            page_url=page_url,
        )

    def _new_client(self) -> Client:
        return Client(
            lambda: options(self._config, self._node),
            self.topics,
            self._outgoing,
            listeners=self._listeners,
            backoff_max_s=self._config.backoff_max_s,
            repeat_s=self._repeat_s,
        )
