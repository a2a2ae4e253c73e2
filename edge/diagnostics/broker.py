"""Check of the broker: reachable, and accepts the configured credentials."""

from __future__ import annotations

import importlib.util
import secrets
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from edge.core.errors import ConfigError, EdgeError, SinkError
from edge.diagnostics.finding import fail, ok, skip, warn
from edge.runtime.local import ask, control_paths
from edge.runtime.preflight import parts
from edge.system.installation import adding
from edge.util.sockets import listen

if TYPE_CHECKING:
    from edge.config import Config
    from edge.diagnostics.finding import Finding
    from edge.sinks.mqtt.connection import Connection
    from edge.sinks.mqtt.options import Options

_TIMEOUT_S = 3.0
LARGEST_MESSAGE = 32 * 1024
"""Bytes that the announcement for Home Assistant, the longest message of a device, stays below."""


def broker(config: Config) -> Finding:
    """Connect as an unknown client, so that a running device keeps its own connection.

    A broker may use the user name as the client id, and end the connection of a device that runs as this user. If such
    a connection exists, it is taken as proof, and no second one is settings.
    """
    from edge.config import embedded_port

    if config.mqtt.broker == "off":
        return skip("broker", "mqtt.broker is off")
    if errors := list(parts.mqtt(config)):
        return fail("broker", "; ".join(map(str, errors)), "mend the settings in [mqtt]")
    port = embedded_port(config.mqtt.broker)
    return _remote(config) if port is None else _embedded(config.mqtt.embedded_host, port)


def _embedded(host: str, port: int) -> Finding:
    if importlib.util.find_spec("amqtt") is None:
        return fail("broker", "the embedded broker needs amqtt", adding("broker"))
    from edge.sinks.mqtt.embedded import SERVICE

    try:
        listen(host, port, SERVICE).close()
    except SinkError as error:
        return warn("broker", str(error), "no harm while face-edge itself runs")
    return ok("broker", f"the embedded broker can have port {port}")


def _remote(config: Config) -> Finding:
    from edge.sinks.mqtt.connection import Connection
    from edge.sinks.mqtt.connection_errors import ConnectionFailure
    from edge.sinks.mqtt.options import options
    from edge.sinks.mqtt.waker import Waker

    waker = Waker()
    try:
        made = replace(options(config.mqtt, "doctor"), client_id=f"doctor-{secrets.token_hex(4)}")
        named = made.username or (made.tls is not None and made.tls.certificate is not None)
        if named and _device_is_connected(config):
            return ok("broker", f"the running device is connected; not tried beside it: {made.address}")
        for older_protocol in (False, True):
            connection = Connection(made, will=None, older_protocol=older_protocol)
            try:
                connection.open(waker, threading.Event(), timeout_s=_TIMEOUT_S)
            except ConnectionFailure as failure:
                if failure.older_protocol and not older_protocol:
                    continue
                return fail("broker", str(failure), _REMEDY)
            connection.close()
            return _described(connection, made)
    except ConfigError as error:
        return fail("broker", str(error), "mend the setting in [mqtt]")
    finally:
        waker.close()
    return fail("broker", f"{made.address} speaks neither MQTT 5 nor 3.1.1", _REMEDY)


def _device_is_connected(config: Config) -> bool:
    try:
        return bool(ask(control_paths(config), "status").get("work", {}).get("broker"))
    except EdgeError:
        return False


def _described(connection: Connection, made: Options) -> Finding:
    text = f"{made.address} takes us as {made.username or 'anonymous'}, {connection.protocol}"
    if connection.protocol != "MQTT 5":
        text += "; `face-edge collect` and `simulate` need MQTT 5"
    limits = connection.capabilities.limits()
    most = connection.capabilities.packet_max
    if most is not None and most < LARGEST_MESSAGE:
        limits.append(f"messages beyond {most:,} bytes are not taken")
    if not limits:
        return ok("broker", text)
    return warn("broker", f"{text}; {'; '.join(limits)}", "the feed works as far as that goes; see docs/mqtt.md")


_REMEDY = "check the broker and [mqtt] in the configuration"
