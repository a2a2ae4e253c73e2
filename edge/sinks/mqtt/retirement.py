"""Permanent removal of a node from the broker: its retained messages and its device in Home Assistant."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from edge.core.errors import SinkError
from edge.sinks.mqtt.connection import Connection
from edge.sinks.mqtt.connection_errors import ConnectionFailure
from edge.sinks.mqtt.homeassistant.discovery import removal
from edge.sinks.mqtt.options import options
from edge.sinks.mqtt.topics import PLAIN, Publication, Topic, Topics
from edge.sinks.mqtt.waker import Waker

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge.config import MqttConfig

_TIMEOUT_S = 10.0
_SETTLE_S = 1.0
"""Time for Home Assistant to remove the entities before their topics are emptied."""


def retire(config: MqttConfig, node: str, *, timeout_s: float = _TIMEOUT_S) -> list[str]:
    """Clear every retained topic of ``node`` and return their names once the broker has confirmed all of them.

    The device is removed from Home Assistant first, which would otherwise log errors about empty topics. The device
    must not be running, since it would publish the topics again.

    Raises:
        SinkError: The broker cannot be reached, refuses, or does not answer in time.
        ConfigError: The broker's settings contradict each other.
    """
    waker = Waker()
    try:
        connection = _connect(config, node, waker)
        try:
            return _clear(connection, waker, config, node, time.monotonic() + timeout_s)
        finally:
            connection.close()
    finally:
        waker.close()


def _connect(config: MqttConfig, node: str, waker: Waker) -> Connection:
    made = options(config, node)
    connection = Connection(made, will=None)
    try:
        connection.open(waker, threading.Event())
    except ConnectionFailure as failure:
        if not failure.older_protocol:
            raise
        connection = Connection(made, will=None, older_protocol=True)
        connection.open(waker, threading.Event())
    return connection


def _clear(connection: Connection, waker: Waker, config: MqttConfig, node: str, until_s: float) -> list[str]:
    first = removal(node, discovery_prefix=config.homeassistant.prefix)
    _confirmed(connection, waker, [first], until_s)
    settled_s = time.monotonic() + _SETTLE_S
    while time.monotonic() < settled_s:
        connection.turn(waker, _SETTLE_S / 4)
    rest = _empty(config, node)
    _confirmed(connection, waker, rest, until_s)
    return sorted(publication.topic.name for publication in (first, *rest))


def _confirmed(connection: Connection, waker: Waker, publications: Iterable[Publication], until_s: float) -> None:
    """Publish and wait until the broker has confirmed each publication."""
    pending = {connection.publish(publication): publication.topic.name for publication in publications}
    while pending:
        if time.monotonic() >= until_s:
            msg = f"the broker did not confirm {', '.join(sorted(pending.values()))}: try again"
            raise SinkError(msg)
        for receipt in connection.turn(waker, 0.2):
            topic = pending.pop(receipt.number, "")
            if receipt.problem:
                msg = f"the broker does not take {topic}: {receipt.problem}; check its access rules"
                raise SinkError(msg)


def _empty(config: MqttConfig, node: str) -> list[Publication]:
    """Return an empty retained message per retained topic, with QoS 1 so that it is confirmed."""
    topics = Topics.of(config.prefix, node)
    names = [topic.name for topic in topics.all() if topic.retain]
    return [Publication(Topic(name, retain=True, qos=1), "", PLAIN) for name in names]
