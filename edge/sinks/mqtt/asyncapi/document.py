"""The AsyncAPI 3 document of the device, as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge.config import EventsConfig, MqttConfig
from edge.core.events import SCHEMA_VERSION
from edge.sinks.mqtt import homeassistant
from edge.sinks.mqtt.asyncapi.channels import CHANNELS
from edge.sinks.mqtt.asyncapi.schemas import definitions, reference
from edge.sinks.mqtt.payloads import PAYLOAD_MAX
from edge.sinks.mqtt.topics import PLAIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.sinks.mqtt.asyncapi.channels import Channel

Json = dict[str, Any]

_BINDING = {"bindingVersion": "0.2.0"}
_NODE = "{prefix}/{node}"
_MISSED_BEATS = 3
_ABOUT = f"""\
The messages that a FACE Edge device publishes over MQTT and the requests that it accepts. It speaks MQTT 5, and 3.1.1
if the broker does not support 5; content type, message expiry, response topic and correlation data need MQTT 5.

A receiver ignores unknown fields: `schema` is incremented when a field changes its meaning or is removed. Events and
aggregates are delivered at least once and in order; a repeat has the same `id`, and a gap in `seq` is a loss. Requests
and settings that are retained, malformed or longer than {PAYLOAD_MAX} bytes are refused.

Values describe apparent expression, not what anyone feels.
"""


def document(labels: Sequence[str] | None = None) -> Json:
    """Return the AsyncAPI 3.0.0 document for a model with the classes ``labels``, or for any model.

    The examples use the usual seven classes, so a document with ``labels`` has none.
    """
    messages = {channel.name: _message(channel) for channel in CHANNELS.values()} | _home_assistant_messages()
    for message in () if labels is None else messages.values():
        message.pop("examples", None)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "FACE Edge",
            "version": f"{SCHEMA_VERSION}.0.0",
            "description": _ABOUT,
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": {channel.name: _channel(channel) for channel in CHANNELS.values()} | _home_assistant_channels(),
        "operations": _operations(),
        "components": {
            "messages": messages,
            "schemas": definitions(labels=labels),
            "parameters": _parameters(),
            "correlationIds": {
                "transaction": {
                    "description": "returned in the answer, as is MQTT 5's correlation data",
                    "location": "$message.payload#/transaction",
                }
            },
            "securitySchemes": {
                "password": {"type": "userPassword", "description": "mqtt.username and mqtt.password_file"},
                "certificate": {"type": "X509", "description": "mqtt.tls.certificate and mqtt.tls.key"},
            },
        },
    }


def _servers() -> Json:
    will = {"topic": f"{_NODE}/availability", "qos": 1, "message": "offline", "retain": True}
    keepalive_s = MqttConfig().keepalive_s
    shared = {
        "protocolVersion": "5",
        "bindings": {"mqtt": {"lastWill": will, "keepAlive": keepalive_s, "cleanSession": True, **_BINDING}},
    }
    schemes = [{"$ref": f"#/components/securitySchemes/{name}"} for name in ("password", "certificate")]
    return {
        "plain": {"host": "broker.example:1883", "protocol": "mqtt", **shared, "security": schemes[:1]},
        "tls": {"host": "broker.example:8883", "protocol": "secure-mqtt", **shared, "security": schemes},
    }


def _parameters() -> Json:
    return {
        "prefix": {"description": "mqtt.prefix; may have several levels", "default": MqttConfig().prefix},
        "node": {"description": "node.id, of letters, digits, _ and -", "examples": ["hall-1a2b3c"]},
    }


def _channel(channel: Channel) -> Json:
    return {
        "address": f"{_NODE}/{channel.kind}",
        "description": channel.summary,
        "messages": {channel.name: {"$ref": f"#/components/messages/{channel.name}"}},
        "parameters": {name: {"$ref": f"#/components/parameters/{name}"} for name in ("prefix", "node")},
    }


def _message(channel: Channel) -> Json:
    binding: Json = {"payloadFormatIndicator": 1}
    made: Json = {
        "name": channel.name,
        "summary": channel.summary,
        "contentType": channel.content_type,
        "payload": reference(channel.kind),
        "examples": [{"payload": example} for example in channel.examples],
    }
    if channel.reply is not None:
        made["correlationId"] = {"$ref": "#/components/correlationIds/transaction"}
        binding = {
            "correlationData": {"type": "string", "description": "returned unchanged"},
            "responseTopic": {"type": "string", "description": "topic of the answer instead of the response topic"},
        }
    elif channel.kind.startswith("response/"):
        made["correlationId"] = {"$ref": "#/components/correlationIds/transaction"}
        binding["correlationData"] = {"type": "string", "description": "as in the request"}
    made["bindings"] = {"mqtt": {**binding, **_BINDING}}
    return made


def _operations() -> Json:
    made = {}
    for channel in CHANNELS.values():
        if not channel.kind.startswith("response/"):
            name = f"{'send' if channel.sent else 'receive'}{channel.name[0].upper()}{channel.name[1:]}"
            made[name] = _operation(channel)
    return made | _home_assistant_operations()


def _operation(channel: Channel) -> Json:
    binding: Json = {"qos": channel.qos, "retain": channel.retain}
    if channel.expires:
        binding["messageExpiryInterval"] = round(EventsConfig().heartbeat_s * _MISSED_BEATS)
    made: Json = {
        "action": "send" if channel.sent else "receive",
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "summary": f"{channel.summary} {channel.rate[0].upper()}{channel.rate[1:]}.",
        "messages": [{"$ref": f"#/channels/{channel.name}/messages/{channel.name}"}],
        "bindings": {"mqtt": {**binding, **_BINDING}},
    }
    if channel.reply is not None:
        answer = CHANNELS[channel.reply].name
        made["reply"] = {
            "channel": {"$ref": f"#/channels/{answer}"},
            "messages": [{"$ref": f"#/channels/{answer}/messages/{answer}"}],
        }
    return made


def _home_assistant_channels() -> Json:
    node = {"node": {"$ref": "#/components/parameters/node"}}
    return {
        "homeAssistantDiscovery": {
            "address": homeassistant.discovery_topic("{node}"),
            "description": "All entities of the device, for Home Assistant; empty to remove them.",
            "messages": {"discovery": {"$ref": "#/components/messages/homeAssistantDiscovery"}},
            "parameters": node,
        },
        "homeAssistantStatus": {
            "address": homeassistant.birth_topic(),
            "description": "Home Assistant has started or is about to stop.",
            "messages": {"status": {"$ref": "#/components/messages/homeAssistantStatus"}},
        },
    }


def _home_assistant_messages() -> Json:
    discovery = {"type": "object", "required": ["dev", "o", "cmps"], "description": "MQTT device discovery"}
    return {
        "homeAssistantDiscovery": {"name": "homeAssistantDiscovery", "payload": discovery},
        "homeAssistantStatus": {
            "name": "homeAssistantStatus",
            "contentType": PLAIN,
            "payload": {"type": "string", "enum": [homeassistant.BORN, "offline"]},
        },
    }


def _home_assistant_operations() -> Json:
    sent = {"qos": 1, "retain": True, **_BINDING}
    return {
        "sendHomeAssistantDiscovery": {
            "action": "send",
            "channel": {"$ref": "#/channels/homeAssistantDiscovery"},
            "summary": "Once per connection, and when Home Assistant has started.",
            "bindings": {"mqtt": sent},
        },
        "receiveHomeAssistantStatus": {
            "action": "receive",
            "channel": {"$ref": "#/channels/homeAssistantStatus"},
            "summary": "Announce the device again after online.",
            "bindings": {"mqtt": {"qos": 1, **_BINDING}},
        },
    }
