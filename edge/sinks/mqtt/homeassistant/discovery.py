"""The one retained message by which Home Assistant learns of the device and all its entities.

The form is MQTT device discovery (home-assistant.io/integrations/mqtt): what the device is, who says so, and an entry a
component. Outer keys have Home Assistant's short names, inner ones the full names, so that a person can read it.
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
"""The first version of Home Assistant that takes a device and its entities in one message."""
BORN = "online"
"""What Home Assistant says on its birth topic when it has started: announcements are to be sent again."""


def announcement(
    prefix: str,
    info: Info,
    *,
    discovery_prefix: str = PREFIX,
    heartbeat_s: float | None = None,
    page_url: str | None = None,
) -> Publication:
    """The discovery message of ``info.node``, whose topics begin with ``prefix``.

    ``page_url`` is where the device's page is reached, which Home Assistant links to.

    ``heartbeat_s`` is how often state and health come at the least: their entities become unavailable when three beats
    were missed, which also shows a process that hangs while its connection lives. ``None``: they never do.
    """
    payload = {
        "dev": _device(info, page_url),
        "o": {"name": "face-edge", "sw": info.software_version},
        "availability_topic": f"{prefix}/{info.node}/availability",
        "cmps": components(prefix, info.node, heartbeat_s=heartbeat_s, labels=info.labels or EMOTIONS),
    }
    return Publication(_topic(info.node, discovery_prefix), json.dumps(payload, ensure_ascii=False))


def removal(node: str, *, discovery_prefix: str = PREFIX) -> Publication:
    """Takes the device and all its entities out of Home Assistant, and the retained message off the broker."""
    return Publication(_topic(node, discovery_prefix), "", PLAIN)


def discovery_topic(node: str, discovery_prefix: str = PREFIX) -> str:
    """Where :func:`announcement` and :func:`removal` go."""
    return f"{discovery_prefix}/device/{node}/config"


def birth_topic(discovery_prefix: str = PREFIX) -> str:
    """Where Home Assistant says :data:`BORN` after its start."""
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
