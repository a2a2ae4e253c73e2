"""What every connection over paho has in common: the client, how it is opened, and what a text message carries."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.sinks.mqtt import connection_errors, probe
from edge.sinks.mqtt.connection_errors import ConnectionFailure
from edge.sinks.mqtt.tls import tls_context

if TYPE_CHECKING:
    from edge.sinks.mqtt.connection_errors import Cause
    from edge.sinks.mqtt.options import Options

CONNECT_TIMEOUT_S = 5.0

# Mosquitto answers PUBLISH with "packet too large", which MQTT 5 has for other packets: paho takes that for nonsense
ReasonCode.names = {
    **ReasonCode.names,
    0x95: {"Packet too large": [PacketTypes.CONNACK, PacketTypes.DISCONNECT, PacketTypes.PUBACK]},
}


def new_client(options: Options, *, mqtt5: bool = True, manual_ack: bool = False) -> paho.Client:
    """A client that is not connected, knows its user and never reconnects by itself."""
    made = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=options.client_id,
        protocol=MQTTProtocolVersion.MQTTv5 if mqtt5 else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
        manual_ack=manual_ack,
    )
    made.connect_timeout = CONNECT_TIMEOUT_S
    if options.username is not None:
        made.username_pw_set(options.username, options.password)
    return made


def connect(
    client: paho.Client,
    options: Options,
    properties: Properties | None,
    *,
    clean_start: paho.CleanStartOption = paho.MQTT_CLEAN_START_FIRST_ONLY,
) -> None:
    """TCP, TLS and CONNECT; the broker's answer comes with later reads.

    Raises:
        ConnectionFailure: it cannot be reached.
        ConfigError: a certificate file cannot be used.
    """
    if options.tls is not None:
        client.tls_set_context(tls_context(options.tls))
    try:
        client.connect(options.host, options.port, options.keepalive_s, clean_start=clean_start, properties=properties)
    except (OSError, UnicodeError) as error:
        raise ConnectionFailure(_cause(error, options)) from None
    sock = client.socket()
    if isinstance(sock, socket.socket):
        # small packets shall not wait for the receipt of the one before (Nagle's algorithm)
        with contextlib.suppress(OSError):  # gone already: the next read tells why
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _cause(error: Exception, options: Options) -> Cause:
    if (
        options.tls is not None
        and connection_errors.is_unanswered(error)
        and probe.speaks_mqtt(options.host, options.port)
    ):
        return connection_errors.of_port_without_tls(options)
    return connection_errors.of_error(error, options)


def hang_up(client: paho.Client) -> None:
    """Without a word; harmless when repeated."""
    sock = client.socket()
    if sock is not None:
        sock.close()


def text_properties(packet_type: int, content_type: str, expiry_s: int | None) -> Properties:
    """Of a message whose payload is UTF-8 text."""
    made = Properties(packet_type)  # type: ignore[no-untyped-call]
    made.PayloadFormatIndicator = 1  # UTF-8
    made.ContentType = content_type
    if expiry_s is not None:
        made.MessageExpiryInterval = expiry_s
    return made
