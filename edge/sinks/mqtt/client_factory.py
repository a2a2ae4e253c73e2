"""Creation, connection and text properties shared by all paho clients."""

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

# Mosquitto answers PUBLISH with "packet too large", which MQTT 5 defines for other packets: paho rejects that
ReasonCode.names = {
    **ReasonCode.names,
    0x95: {"Packet too large": [PacketTypes.CONNACK, PacketTypes.DISCONNECT, PacketTypes.PUBACK]},
}


def new_client(options: Options, *, mqtt5: bool = True, manual_ack: bool = False) -> paho.Client:
    """Return an unconnected client with credentials set and automatic reconnection off."""
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
    """Open TCP and TLS and send CONNECT; the broker's answer arrives with later reads.

    Raises:
        ConnectionFailure: The broker cannot be reached.
        ConfigError: A certificate file cannot be used.
    """
    if options.tls is not None:
        client.tls_set_context(tls_context(options.tls))
    try:
        client.connect(options.host, options.port, options.keepalive_s, clean_start=clean_start, properties=properties)
    except (OSError, UnicodeError) as error:
        raise ConnectionFailure(_cause(error, options)) from None
    sock = client.socket()
    if isinstance(sock, socket.socket):
        # small packets must not wait for the acknowledgement of the previous one (Nagle's algorithm)
        with contextlib.suppress(OSError):  # already closed: the next read reports why
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
    """Close the socket without DISCONNECT; idempotent."""
    sock = client.socket()
    if sock is not None:
        sock.close()


def text_properties(packet_type: int, content_type: str, expiry_s: int | None) -> Properties:
    """Return the properties of a message whose payload is UTF-8 text; ``expiry_s`` in seconds."""
    made = Properties(packet_type)  # type: ignore[no-untyped-call]
    made.PayloadFormatIndicator = 1  # UTF-8
    made.ContentType = content_type
    if expiry_s is not None:
        made.MessageExpiryInterval = expiry_s
    return made
