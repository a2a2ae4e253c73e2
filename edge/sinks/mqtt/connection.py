"""A single connection to the broker over paho, driven by the thread that made it; no state outlives a failure.

paho's loop thread is not used: its reconnect has no jitter, sleeps in whole seconds and keeps a second queue, whose
messages could be sent twice or out of order.
"""

from __future__ import annotations

import select
import ssl
import time
from typing import TYPE_CHECKING, Any

from paho.mqtt.enums import LogLevel, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.sinks.mqtt import client_factory, connection_errors, probe
from edge.sinks.mqtt.arrival import Arrival
from edge.sinks.mqtt.capabilities import Capabilities
from edge.sinks.mqtt.connection_errors import Cause, ConnectionFailure
from edge.sinks.mqtt.fence import Fence
from edge.sinks.mqtt.receipt import Receipt

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable

    from paho.mqtt.client import Client, SocketLike

    from edge.sinks.mqtt.options import Options
    from edge.sinks.mqtt.topics import Publication
    from edge.sinks.mqtt.waker import Waker

ANSWER_TIMEOUT_S = 5.0
TURN_S = 1.0
_SPARE = 3
"""Part of the broker's receive maximum reserved for retained messages besides events."""
_PACKET_MAX = 64 * 1024
"""Maximum size in bytes of a message from the broker, announced to MQTT 5 brokers."""
_SEND_NO_RETAINED = 2
_OVERHEAD_BYTES = 40
"""Upper bound of the size of a PUBLISH packet besides its texts."""


class Connection:
    """Connection that is opened and closed once; after opening, ``capabilities`` are those of the broker.

    ``offered`` bounds them from the start, for the last will, which is sent before the broker announces its own.
    """

    def __init__(
        self,
        options: Options,
        *,
        will: Publication | None,
        older_protocol: bool = False,
        offered: Capabilities | None = None,
    ) -> None:
        self._options = options
        self.capabilities = offered or Capabilities.configured(options)
        self._fence = Fence(self._request_answer)
        self._mqtt5 = options.mqtt5 and not older_protocol
        self._connack: tuple[int, str] | None = None
        self._ended: tuple[int | None, str] | None = None
        self._noted = ""
        self._receipts: list[Receipt] = []
        self._arrivals: list[Arrival] = []
        self._refusals: list[str] = []
        self._filters: dict[int, str] = {}
        self.window = 16
        """Maximum number of unacknowledged messages."""
        self._client = self._make_client(will)

    @property
    def protocol(self) -> str:
        """Protocol version for display."""
        return "MQTT 5" if self._mqtt5 else "MQTT 3.1.1"

    @property
    def congested(self) -> bool:
        """True while the network has not accepted what was published, so that more would accumulate here."""
        return self._client.want_write()

    def open(self, waker: Waker, stopping: threading.Event, *, timeout_s: float = ANSWER_TIMEOUT_S) -> bool:
        """Connect and wait for the broker's answer; return False if ``stopping`` is set first.

        Raises:
            ConnectionFailure: There is no connection, with the cause.
            ConfigError: A certificate file cannot be used.
        """
        client_factory.connect(self._client, self._options, self._limits())
        deadline_s = time.monotonic() + timeout_s
        while self._connack is None:
            if stopping.is_set():
                self.abandon()
                return False
            if (left_s := deadline_s - time.monotonic()) <= 0:
                self.abandon()
                # some old brokers misread MQTT 5's CONNECT and wait for the rest of it
                raise ConnectionFailure(
                    connection_errors.of_silence(self._options, timeout_s), older_protocol=self._mqtt5
                )
            self.turn(waker, min(left_s, TURN_S))
        code, name = self._connack
        if code:
            self.abandon()
            unsupported = code == connection_errors.UNSUPPORTED_PROTOCOL
            cause = connection_errors.of_refusal(code, name, self._options)
            raise ConnectionFailure(cause, older_protocol=self._mqtt5 and unsupported, code=code)
        return True

    def fits(self, publication: Publication) -> bool:
        """Return whether ``publication`` is within the broker's maximum packet size."""
        if self.capabilities.packet_max is None:
            return True
        texts = (publication.payload, publication.topic.name, publication.content_type)
        return sum(len(text.encode()) for text in texts) + _OVERHEAD_BYTES <= self.capabilities.packet_max

    def publish(self, publication: Publication) -> int:
        """Send, or let paho hold it until the socket accepts it; return the packet identifier."""
        topic = publication.topic
        qos, retain = self.capabilities.form_of(topic)
        properties = _properties(PacketTypes.PUBLISH, publication) if self._mqtt5 else None
        sent = self._client.publish(topic.name, publication.payload, qos, retain, properties)
        if qos < topic.qos:
            self._fence.expect(sent.mid)
        return sent.mid

    def subscribe(self, filters: Iterable[str]) -> None:
        """Subscribe to ``filters``; old retained values are not requested."""
        qos = self.capabilities.qos
        for name in filters:
            if self._mqtt5:
                options = SubscribeOptions(qos=qos, retainAsPublished=True, retainHandling=_SEND_NO_RETAINED)
                _, number = self._client.subscribe(name, options=options)
            else:
                _, number = self._client.subscribe(name, qos=qos)
            if number is not None:
                self._filters[number] = name

    def arrivals(self) -> list[Arrival]:
        """Return the messages received since the last call, oldest first."""
        arrived, self._arrivals = self._arrivals, []
        return arrived

    def refusals(self) -> list[str]:
        """Return the topic filters refused since the last call."""
        refused, self._refusals = self._refusals, []
        return refused

    def turn(self, waker: Waker, timeout_s: float = TURN_S) -> list[Receipt]:
        """Serve the network once, for at most ``timeout_s`` or until woken, and return new acknowledgements.

        Raises:
            ConnectionFailure: The connection is lost, with the cause.
        """
        sock = self._client.socket()
        if sock is None or self._ended is not None:
            raise self._failure()
        readable, writable = self._wait(sock, waker, timeout_s)
        rc = MQTTErrorCode.MQTT_ERR_SUCCESS
        try:
            if readable:
                rc = self._client.loop_read()
            if writable and not rc:
                rc = self._client.loop_write()
            rc = rc or self._client.loop_misc()
        except Exception as error:  # noqa: BLE001 - no received bytes may end the thread
            self.abandon()
            raise ConnectionFailure(connection_errors.of_error(error, self._options)) from None
        if (rc or self._client.socket() is None) and not (self._connack and self._connack[0]):
            raise self._failure()
        receipts, self._receipts = self._receipts, []
        return self._fence.sort(receipts)

    def close(self) -> None:
        """Disconnect cleanly, so that the broker discards the last will; idempotent."""
        self._client.disconnect()
        self.abandon()

    def abandon(self) -> None:
        """Close the socket without DISCONNECT; idempotent."""
        client_factory.hang_up(self._client)

    def _wait(self, sock: SocketLike, waker: Waker, timeout_s: float) -> tuple[bool, bool]:
        """Wait for the socket or the waker; return ``(readable, writable)`` of the socket."""
        pending = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        poller = select.poll()
        poller.register(sock.fileno(), select.POLLIN | (select.POLLOUT if self.congested else 0))
        poller.register(waker, select.POLLIN)
        found = dict(poller.poll(0 if pending else timeout_s * 1000))
        if waker.fileno() in found:
            waker.clear()
        flags = found.get(sock.fileno(), 0)
        return pending or bool(flags & ~select.POLLOUT), bool(flags & select.POLLOUT)

    def _failure(self) -> ConnectionFailure:
        self.abandon()
        code, name = self._ended or (None, "")
        answered = self._connack is not None
        cause = connection_errors.of_loss(self._options, code=code, name=name, noted=self._noted, answered=answered)
        silent = not answered and connection_errors.of_tls_text(self._noted, self._options) is None
        if silent and not self._mqtt5:
            cause = self._explained(cause)
        return ConnectionFailure(cause, older_protocol=self._mqtt5 and silent)

    def _explained(self, cause: Cause) -> Cause:
        """Refine ``cause`` by testing whether the port expects TLS, which a broker does not report."""
        options = self._options
        if options.tls is None and probe.speaks_tls(options.host, options.port):
            return connection_errors.of_port_with_tls(options)
        return cause

    def _request_answer(self) -> int | None:
        return self._client.unsubscribe(self._options.client_id)[1]

    def _limits(self) -> Properties | None:
        if not self._mqtt5:
            return None
        made = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        made.MaximumPacketSize = _PACKET_MAX
        return made

    def _make_client(self, will: Publication | None) -> Client:
        made = client_factory.new_client(self._options, mqtt5=self._mqtt5)
        if will is not None:
            properties = _properties(PacketTypes.WILLMESSAGE, will) if self._mqtt5 else None
            made.will_set(will.topic.name, will.payload, *self.capabilities.form_of(will.topic), properties)
        made.on_connect = self._on_connect
        made.on_publish = self._on_publish
        made.on_subscribe = self._on_subscribe
        made.on_unsubscribe = self._on_unsubscribe
        made.on_message = self._on_message
        made.on_disconnect = self._on_disconnect
        made.on_log = self._on_log
        return made

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, properties: Any) -> None:
        self._connack = (reason.value, reason.getName())
        maximum = getattr(properties, "ReceiveMaximum", None)
        if maximum is not None:
            self.window = max(1, min(self.window, maximum - _SPARE))
        self.capabilities = self.capabilities.narrowed(properties)

    def _on_publish(self, _client: Any, _data: Any, number: int, reason: Any, _properties: Any) -> None:
        failed = reason.is_failure
        self._receipts.append(Receipt(number, reason.getName().lower(), reason.value) if failed else Receipt(number))

    def _on_subscribe(self, _client: Any, _data: Any, number: int, reasons: Any, _properties: Any) -> None:
        name = self._filters.pop(number, "")
        if any(reason.is_failure for reason in reasons):
            self._refusals.append(name)

    def _on_unsubscribe(self, _client: Any, _data: Any, number: int, _reasons: Any, _properties: Any) -> None:
        self._fence.answered(number)

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        properties = getattr(message, "properties", None)
        arrival = Arrival(
            message.topic,
            bytes(message.payload),
            retained=bool(message.retain),
            response_topic=getattr(properties, "ResponseTopic", None),
            correlation=getattr(properties, "CorrelationData", None),
        )
        self._arrivals.append(arrival)

    def _on_disconnect(self, _client: Any, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        from_broker = flags.is_disconnect_packet_from_server
        self._ended = (reason.value if from_broker else None, reason.getName())

    def _on_log(self, _client: Any, _data: Any, level: int, text: str) -> None:
        if level == LogLevel.MQTT_LOG_ERR:
            self._noted = text


def _properties(packet_type: int, publication: Publication) -> Properties:
    made = client_factory.text_properties(packet_type, publication.content_type, publication.expiry_s)
    if publication.correlation is not None:
        made.CorrelationData = publication.correlation
    return made
