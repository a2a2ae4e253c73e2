"""The retained message that announces the device and all its entities to Home Assistant.

The format is MQTT device discovery (home-assistant.io/integrations/mqtt): the device, its origin, and one entry per
component. Outer keys have Home Assistant's short names, inner ones the full names for readability.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from edge.core.types import EMOTIONS
from edge.sinks.mqtt.homeassistant.entities import components, unique_prefix
from edge.sinks.mqtt.topics import PLAIN, Publication, Topic

if TYPE_CHECKING:
    from edge.core.events import Info

PREFIX = "homeassistant"
"""Home Assistant's default for the first level of its discovery topics."""
LEAST_VERSION = "2024.11.0"
"""First version of Home Assistant that supports device discovery in one message."""
BORN = "online"
"""Payload of Home Assistant's birth topic after its start, upon which announcements are sent again."""


def announcement(
    prefix: str,
    info: Info,
    *,
    discovery_prefix: str = PREFIX,
    heartbeat_s: float | None = None,
    page_url: str | None = None,
) -> Publication:
    """Return the discovery message of ``info.node``, whose topics begin with ``prefix``.

    ``page_url`` is the address of the device's page, which Home Assistant links to. ``heartbeat_s`` is the longest
    interval of state and health: their entities become unavailable after three missed beats, which also reveals a
    process that hangs while its connection is alive; with ``None`` they never do.
    """
    payload = {
        "dev": _device(info, page_url),
        "o": {"name": "face-edge", "sw": info.software_version},
        "availability_topic": f"{prefix}/{info.node}/availability",
        "cmps": components(prefix, info.node, heartbeat_s=heartbeat_s, labels=info.labels or EMOTIONS),
    }
    return Publication(_topic(info.node, discovery_prefix), json.dumps(payload, ensure_ascii=False))


def removal(node: str, *, discovery_prefix: str = PREFIX) -> Publication:
    """Return the message that removes the device, its entities and the retained announcement."""
    return Publication(_topic(node, discovery_prefix), "", PLAIN)


def discovery_topic(node: str, discovery_prefix: str = PREFIX) -> str:
    """Return the topic of :func:`announcement` and :func:`removal`."""
    return f"{discovery_prefix}/device/{node}/config"


def birth_topic(discovery_prefix: str = PREFIX) -> str:
    """Return the topic on which Home Assistant publishes :data:`BORN` after its start."""
    return f"{discovery_prefix}/status"


def _topic(node: str, discovery_prefix: str) -> Topic:
    return Topic(discovery_topic(node, discovery_prefix), retain=True, qos=1)


def _device(info: Info, page_url: str | None) -> dict[str, Any]:
    return {
        **({"cu": page_url} if page_url else {}),
        "ids": [unique_prefix(info.node)],
        "name": f"FACE Edge {info.node}",
        "mf": "FACE Edge",
        "mdl": "Apparent facial expression",
        "mdl_id": info.model,
        "sw": info.software_version,
    }
