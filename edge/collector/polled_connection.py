"""MQTT 5 connection over paho for callers that drive many or delay acknowledgements; polled, without threads.

The device's :class:`edge.sinks.mqtt.connection.Connection` differs: it waits for one connection at a time, also speaks
3.1.1 and acknowledges what it reads. Here the caller polls, decides when to acknowledge, and keeps a session. The two
share :mod:`edge.sinks.mqtt.client_factory` and :mod:`edge.sinks.mqtt.connection_errors`.

Nothing is written while paho processes received data: writing to a connection that the peer has closed would make paho
drop messages that have arrived and were not read yet.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from paho.mqtt.enums import LogLevel
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.sinks.mqtt import client_factory, connection_errors
from edge.sinks.mqtt.connection_errors import ConnectionFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from paho.mqtt.client import Client

    from edge.collector.connect_options import ConnectOptions, Will
    from edge.collector.topics import Filter
    from edge.sinks.mqtt.options import Options

_PACKETS_A_TURN = 500
_DRAIN_BYTES = 1 << 16
_ONLY_IF_NEW = 1
"""Retain handling: retained messages are sent for new subscriptions only, not for renewed ones of the session."""

_NEEDED = (
    ("SharedSubscriptionAvailable", "shared subscriptions"),
    ("WildcardSubscriptionAvailable", "wildcard subscriptions"),
    ("MaximumQoS", "quality of service 1"),
)
"""Properties of CONNACK for features that are available unless they are 0, with display names."""


class PolledConnection:
    """Connection for one thread, opened and closed once; every method except ``open`` and ``part`` returns at once."""

    def __init__(
        self,
        options: Options,
        terms: ConnectOptions,
        *,
        will: Will | None = None,
        on_message: Callable[[Any], None] | None = None,
        on_receipt: Callable[[int, int], None] | None = None,
    ) -> None:
        self._options = options
        self._terms = terms
        self._on_message = on_message
        self._on_receipt = on_receipt
        self._seen = 0
        self._noted = ""
        self._ended: tuple[int | None, str] | None = None
        self._connack: tuple[int, str] | None = None
        self._subscribing: int | None = None
        self._goodbye = False
        self.session_present = False
        self.lacking: tuple[str, ...] = ()
        """Features that subscribers with a session need and the broker lacks."""
        self.subscribed = False
        self._client = self._make_client(will)

    def open(self) -> None:
        """Connect (TCP and TLS, up to some seconds); the broker's answer arrives with later reads.

        Raises:
            ConnectionFailure: it cannot be reached.
            ConfigError: a certificate file cannot be used.
        """
        client_factory.connect(
            self._client, self._options, self._terms.properties(), clean_start=self._terms.clean_start
        )

    @property
    def answered(self) -> bool:
        """True once the broker has accepted the connection."""
        return self._connack is not None and not self._connack[0]

    @property
    def wants_write(self) -> bool:
        """True while data wait for the socket to accept them."""
        return self._client.want_write()

    def fileno(self) -> int:
        """Return the descriptor to poll; -1 if there is none any more."""
        sock = self._client.socket()
        return -1 if sock is None else sock.fileno()

    def read(self) -> None:
        """Read received data, up to some hundred packets.

        Raises:
            ConnectionFailure: the connection is gone; what came before was handed on.
        """
        for _ in range(_PACKETS_A_TURN):
            seen = self._seen
            rc = self._client.loop_read()
            self._check(rc)
            sock = self._client.socket()
            if self._seen == seen and not (isinstance(sock, ssl.SSLSocket) and sock.pending()):
                break
        if self._connack is not None and self._connack[0]:
            self.abandon()
            raise ConnectionFailure(connection_errors.of_refusal(*self._connack, self._options))

    def write(self) -> None:
        """Write waiting data as far as the socket accepts them; a closed peer is left for ``read`` to detect.

        Raises:
            ConnectionFailure: the connection is gone.
        """
        if self._client.want_write() and not self._hung_up():
            self._check(self._client.loop_write())

    def tend(self) -> None:
        """Send a ping if it is due.

        Raises:
            ConnectionFailure: The broker was silent for too long.
        """
        self._check(self._client.loop_misc())

    def subscribe(self, filters: Iterable[Filter]) -> None:
        """Subscribe; ``subscribed`` is set once that is granted."""
        wanted = [
            (
                one.name,
                SubscribeOptions(qos=one.qos, retainHandling=0 if one.name.startswith("$share/") else _ONLY_IF_NEW),
            )
            for one in filters
        ]
        _, self._subscribing = self._client.subscribe(wanted)

    def unsubscribe(self, filters: Iterable[Filter]) -> None:
        """Unsubscribe."""
        self._client.unsubscribe([one.name for one in filters])

    def publish(self, topic: str, payload: str, *, qos: int, retain: bool = False, expiry_s: int | None = None) -> int:
        """Queue a message and return its packet identifier."""
        content_type = "application/json" if payload[:1] == "{" else "text/plain"
        properties = client_factory.text_properties(PacketTypes.PUBLISH, content_type, expiry_s)
        return self._client.publish(topic, payload, qos, retain, properties).mid

    def acknowledge(self, number: int) -> None:
        """Queue the acknowledgement of QoS 1 message ``number``."""
        self._client.ack(number, 1)

    def say_goodbye(self, *, forget_session: bool = False) -> None:
        """Queue DISCONNECT without a last will; ``forget_session`` ends the persistent session too."""
        self._goodbye = True
        properties = None
        if forget_session:
            properties = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = 0
        self._client.disconnect(ReasonCode(PacketTypes.DISCONNECT, "Normal disconnection"), properties)

    def part(self, within_s: float, *, forget_session: bool = False) -> None:
        """Disconnect and close once the broker has closed, or after ``within_s`` seconds.

        If this side closes first while the broker is still sending, the connection is reset. Mosquitto notices that
        while writing and no longer reads what has reached it, such as acknowledgements. Therefore the broker closes
        first.
        """
        sock = self._client.socket()
        if sock is None:
            return
        deadline_s = time.monotonic() + within_s
        with socket.socket(fileno=os.dup(sock.fileno())) as line:  # outlives paho's, which closes after DISCONNECT
            self.say_goodbye(forget_session=forget_session)
            poller = select.poll()
            poller.register(line, select.POLLOUT)
            while self.wants_write and (left_s := deadline_s - time.monotonic()) > 0:
                poller.poll(left_s * 1000)
                self.write()
            with suppress(OSError):
                line.shutdown(socket.SHUT_WR)
                while (left_s := deadline_s - time.monotonic()) > 0:
                    line.settimeout(left_s)
                    if not line.recv(_DRAIN_BYTES):
                        break

    def abandon(self) -> None:
        """Close the socket without DISCONNECT; idempotent."""
        client_factory.hang_up(self._client)

    def _hung_up(self) -> bool:
        sock = self._client.socket()
        if sock is None:
            return True
        poller = select.poll()
        poller.register(sock.fileno(), 0)
        return bool(poller.poll(0))

    def _check(self, rc: int) -> None:
        if self._goodbye and self._client.socket() is None:
            return
        if rc or self._client.socket() is None or self._ended is not None:
            if self._connack is not None and self._connack[0]:
                self.abandon()
                raise ConnectionFailure(connection_errors.of_refusal(*self._connack, self._options))
            raise self._failure()

    def _failure(self) -> ConnectionFailure:
        self.abandon()
        code, name = self._ended or (None, "")
        answered = self._connack is not None
        return ConnectionFailure(
            connection_errors.of_loss(self._options, code=code, name=name, noted=self._noted, answered=answered)
        )

    def _make_client(self, will: Will | None) -> Client:
        made = client_factory.new_client(self._options, manual_ack=self._terms.manual_ack)
        made.max_inflight_messages_set(65535)  # the publisher counts them itself
        if will is not None:
            made.will_set(will.topic, will.payload, 1, retain=True)
        made.on_connect = self._connected
        made.on_message = self._came
        made.on_publish = self._received
        made.on_subscribe = self._granted
        made.on_disconnect = self._disconnected
        made.on_log = self._logged
        made.on_socket_register_write = _nothing  # paho then leaves writing to us
        return made

    def _connected(self, _client: Any, _data: Any, flags: Any, reason: Any, properties: Any) -> None:
        self._connack = (reason.value, reason.getName())
        self.lacking = tuple(what for name, what in _NEEDED if getattr(properties, name, 1) == 0)
        self.session_present = flags.session_present
        # the log explains a failed connection; afterwards it would format a line for every message
        self._client.on_log = None

    def _came(self, _client: Any, _data: Any, message: Any) -> None:
        self._seen += 1
        if self._on_message is not None:
            self._on_message(message)

    def _received(self, _client: Any, _data: Any, number: int, reason: Any, _properties: Any) -> None:
        self._seen += 1
        if self._on_receipt is not None:
            self._on_receipt(number, reason.value)

    def _granted(self, _client: Any, _data: Any, number: int, reasons: Any, _properties: Any) -> None:
        refused = [reason.getName() for reason in reasons if reason.is_failure]
        if number == self._subscribing and refused:
            self._ended = (reasons[0].value, f"it refuses the subscription ({refused[0].lower()})")
        self.subscribed = number == self._subscribing and not refused

    def _disconnected(self, _client: Any, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        from_broker = flags.is_disconnect_packet_from_server
        self._ended = (reason.value if from_broker else None, reason.getName())

    def _logged(self, _client: Any, _data: Any, level: int, text: str) -> None:
        if level == LogLevel.MQTT_LOG_ERR:
            self._noted = text


def _nothing(*_arguments: Any) -> None:
    pass
