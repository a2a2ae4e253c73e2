"""Entities of the device in Home Assistant, in the form of their MQTT platforms.

Entity ids come from ``default_entity_id``, supported since Home Assistant 2025.10. Earlier versions read ``object_id``,
which is ignored since 2026.4. No version complains if both are given.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from edge.core.events import EventType
from edge.core.types import EMOTIONS
from edge.sinks.mqtt.homeassistant.controls import session, switches
from edge.sinks.mqtt.homeassistant.templates import CAMERA, EVENT, SUPPRESSED, TOO_DARK, field, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

Component = dict[str, Any]

_MISSED_BEATS = 3
_MEASURED = {"state_class": "measurement"}
_PERCENT = {**_MEASURED, "unit_of_measurement": "%", "suggested_display_precision": 0}
_DIAGNOSTIC = {"entity_category": "diagnostic"}


def unique_prefix(node: str) -> str:
    """Return the prefix of the ids of the device and its entities; it is stable when topics or names change."""
    return f"face_edge_{node}"


def components(
    prefix: str, node: str, *, heartbeat_s: float | None = None, labels: Sequence[str] = EMOTIONS
) -> dict[str, Component]:
    """Return every entity of ``node`` by key; ``heartbeat_s`` (seconds) as in :func:`.discovery.announcement`."""
    base = f"{prefix}/{node}"
    expiry = {} if heartbeat_s is None else {"expire_after": max(1, round(heartbeat_s * _MISSED_BEATS))}
    made = {
        **_mood(f"{base}/state", expiry, labels),
        **_scores(f"{base}/state", expiry, labels),
        "event": _event(base),
        **switches(base),
        **session(base),
        **_problems(base, expiry),
        **_diagnostics(f"{base}/health", expiry),
    }
    slug = _slug(node)
    for key, component in made.items():
        component["unique_id"] = f"{unique_prefix(node)}_{key}"
        component["object_id"] = f"face_edge_{slug}_{key}"
        component["default_entity_id"] = f"{component['platform']}.{component['object_id']}"
    return made


def _mood(topic: str, expiry: Component, labels: Sequence[str]) -> dict[str, Component]:
    shared = {"platform": "sensor", "state_topic": topic, **expiry}
    return {
        "emotion": {
            **shared,
            "name": "Apparent emotion",
            "icon": "mdi:emoticon-outline",
            "device_class": "enum",
            "options": [str(name) for name in labels],
            "value_template": field("emotion"),
        },
        "confidence": {
            **shared,
            **_PERCENT,
            "name": "Confidence",
            "icon": "mdi:gauge",
            "value_template": percent("confidence"),
        },
        "people": {
            **shared,
            **_MEASURED,
            "name": "People",
            "icon": "mdi:account-multiple",
            "unit_of_measurement": "people",
            "value_template": field("people"),
        },
        "valence": {
            **shared,
            **_MEASURED,
            "name": "Valence",
            "icon": "mdi:scale-balance",
            "suggested_display_precision": 2,
            "value_template": field("valence"),
        },
    }


def _scores(topic: str, expiry: Component, labels: Sequence[str]) -> dict[str, Component]:
    return {
        f"score_{emotion}": {
            **_PERCENT,
            **expiry,
            "platform": "sensor",
            "name": f"Score {emotion}",
            "icon": "mdi:chart-bar",
            "enabled_by_default": False,
            "state_topic": topic,
            "value_template": percent("scores", str(emotion)),
        }
        for emotion in labels
    }


def _event(base: str) -> Component:
    return {
        "platform": "event",
        "name": "Event",
        "icon": "mdi:bell-ring-outline",
        "state_topic": f"{base}/event",
        "event_types": [kind.value for kind in EventType],
        "value_template": EVENT,
        "qos": 1,
    }


def _problems(base: str, expiry: Component) -> dict[str, Component]:
    return {
        "camera": {
            **_DIAGNOSTIC,
            "platform": "binary_sensor",
            "name": "Camera",
            "device_class": "problem",
            "state_topic": f"{base}/camera",
            "value_template": CAMERA,
            "qos": 1,
        },
        "too_dark": {
            **_DIAGNOSTIC,
            **expiry,
            "platform": "binary_sensor",
            "name": "Too dark to see faces",
            "device_class": "problem",
            "state_topic": f"{base}/health",
            "value_template": TOO_DARK,
        },
        "suppressed": {
            **_DIAGNOSTIC,
            **expiry,
            "platform": "binary_sensor",
            "name": "Figures withheld",
            "icon": "mdi:incognito",
            "state_topic": f"{base}/state",
            "value_template": SUPPRESSED,
        },
    }


def _diagnostics(topic: str, expiry: Component) -> dict[str, Component]:
    figures: dict[str, Component] = {
        "temperature_c": {"name": "Temperature", "device_class": "temperature", "unit_of_measurement": "°C"},
        "process_fps": {"name": "Frames looked at", "icon": "mdi:speedometer", "unit_of_measurement": "fps"},
        "infer_ms_p95": {"name": "Inference time p95", "device_class": "duration", "unit_of_measurement": "ms"},
        "queue_depth": {"name": "Messages waiting", "icon": "mdi:tray-full", "unit_of_measurement": "messages"},
        "drops": {
            "name": "Messages dropped",
            "icon": "mdi:tray-remove",
            "unit_of_measurement": "messages",
            "state_class": "total_increasing",
        },
        "last_frame_age_s": {"name": "Age of the last frame", "device_class": "duration", "unit_of_measurement": "s"},
    }
    shared = {"platform": "sensor", "state_topic": topic, **_MEASURED, **_DIAGNOSTIC, **expiry}
    return {key: {**shared, **figure, "value_template": field(key)} for key, figure in figures.items()}


def _slug(node: str) -> str:
    """Return ``node`` in the characters allowed in an entity id."""
    return re.sub(r"[^a-z0-9]+", "_", node.lower()).strip("_") or "node"
