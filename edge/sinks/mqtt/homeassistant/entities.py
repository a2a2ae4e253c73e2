"""The entities that the device has in Home Assistant, each as its MQTT platform wants it.

Value templates are Jinja. They give ``None``, which Home Assistant shows as unknown, for a figure that is null or
withheld, and never raise, whatever the payload: a template that fails fills Home Assistant's log.
"""

from __future__ import annotations

import json
import re
from typing import Any

from edge.events import EventType
from edge.types import EMOTIONS

Component = dict[str, Any]

_MISSED_BEATS = 3
_MARKER_LABEL = "Home Assistant"
_MEASURED = {"state_class": "measurement"}
_PERCENT = {**_MEASURED, "unit_of_measurement": "%", "suggested_display_precision": 0}
_DIAGNOSTIC = {"entity_category": "diagnostic"}
_EVENT = (
    "{% if value_json is mapping and value_json.type is defined %}"
    "{{ dict(value_json, event_type=value_json.type) | tojson }}"
    "{% endif %}"
)

_TOO_DARK = (
    "{% set light = (value_json | default({}, true)).light %}"
    "{{ None if light is not string else 'ON' if light == 'too_dark' else 'OFF' }}"
)


def unique_prefix(node: str) -> str:
    """What the ids of the device and its entities begin with; it stays when topics move or names change."""
    return f"face_edge_{node}"


def components(prefix: str, node: str, *, heartbeat_s: float | None = None) -> dict[str, Component]:
    """Every entity of ``node`` by its key; ``heartbeat_s`` as in :func:`.discovery.announcement`."""
    base = f"{prefix}/{node}"
    expiry = {} if heartbeat_s is None else {"expire_after": max(1, round(heartbeat_s * _MISSED_BEATS))}
    made = {
        **_mood(f"{base}/state", expiry),
        **_scores(f"{base}/state", expiry),
        **_switches(base),
        **_problems(base, expiry),
        **_diagnostics(f"{base}/health", expiry),
    }
    slug = _slug(node)
    for key, component in made.items():
        component["unique_id"] = f"{unique_prefix(node)}_{key}"
        component["default_entity_id"] = f"{component['platform']}.face_edge_{slug}_{key}"
    return made


def _mood(topic: str, expiry: Component) -> dict[str, Component]:
    shared = {"platform": "sensor", "state_topic": topic, **expiry}
    return {
        "emotion": {
            **shared,
            "name": "Apparent emotion",
            "icon": "mdi:emoticon-outline",
            "device_class": "enum",
            "options": [emotion.value for emotion in EMOTIONS],
            "value_template": _field("emotion"),
        },
        "confidence": {
            **shared,
            **_PERCENT,
            "name": "Confidence",
            "icon": "mdi:gauge",
            "value_template": _percent("confidence"),
        },
        "people": {
            **shared,
            **_MEASURED,
            "name": "People",
            "icon": "mdi:account-multiple",
            "unit_of_measurement": "people",
            "value_template": _field("people"),
        },
        "valence": {
            **shared,
            **_MEASURED,
            "name": "Valence",
            "icon": "mdi:scale-balance",
            "suggested_display_precision": 2,
            "value_template": _field("valence"),
        },
    }


def _scores(topic: str, expiry: Component) -> dict[str, Component]:
    return {
        f"score_{emotion}": {
            **_PERCENT,
            **expiry,
            "platform": "sensor",
            "name": f"Score {emotion}",
            "icon": "mdi:chart-bar",
            "enabled_by_default": False,
            "state_topic": topic,
            "value_template": _percent("scores", emotion.value),
        }
        for emotion in EMOTIONS
    }


def _switches(base: str) -> dict[str, Component]:
    return {
        "event": {
            "platform": "event",
            "name": "Event",
            "icon": "mdi:bell-ring-outline",
            "state_topic": f"{base}/event",
            "event_types": [kind.value for kind in EventType],
            "value_template": _EVENT,
            "qos": 1,
        },
        "privacy": {
            "platform": "switch",
            "name": "Privacy",
            "icon": "mdi:eye-off",
            "state_topic": f"{base}/privacy/state",
            "command_topic": f"{base}/privacy/set",
            "qos": 1,
        },
        "display": {
            "platform": "light",
            "schema": "json",
            "name": "Display",
            "icon": "mdi:led-on",
            "state_topic": f"{base}/display/state",
            "command_topic": f"{base}/display/set",
            "brightness": True,
            "supported_color_modes": ["brightness"],
            "flash": False,
            "transition": False,
            "qos": 1,
        },
        "marker": {
            "platform": "button",
            "name": "Mark this moment",
            "icon": "mdi:map-marker-plus",
            "command_topic": f"{base}/request/marker",
            "payload_press": json.dumps({"label": _MARKER_LABEL}),
            "qos": 1,
        },
    }


def _problems(base: str, expiry: Component) -> dict[str, Component]:
    return {
        "camera": {
            **_DIAGNOSTIC,
            "platform": "binary_sensor",
            "name": "Camera",
            "device_class": "problem",
            "state_topic": f"{base}/camera",
            "value_template": "{{ 'ON' if value == 'offline' else 'OFF' }}",
            "qos": 1,
        },
        "too_dark": {
            **_DIAGNOSTIC,
            **expiry,
            "platform": "binary_sensor",
            "name": "Too dark to see faces",
            "device_class": "problem",
            "state_topic": f"{base}/health",
            "value_template": _TOO_DARK,
        },
        "suppressed": {
            **_DIAGNOSTIC,
            **expiry,
            "platform": "binary_sensor",
            "name": "Figures withheld",
            "icon": "mdi:incognito",
            "state_topic": f"{base}/state",
            "value_template": "{{ 'ON' if (value_json | default({}, true)).suppressed else 'OFF' }}",
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
    return {key: {**shared, **figure, "value_template": _field(key)} for key, figure in figures.items()}


def _field(name: str) -> str:
    """A template for a field as it is."""
    return f"{{{{ (value_json | default({{}}, true)).{name} | default(None) }}}}"


def _percent(*path: str) -> str:
    """A template for a share of 0 to 1, in percent."""
    value = "value_json"
    for name in path:
        value = f"({value} | default({{}}, true)).{name}"
    return f"{{% set share = {value} %}}{{{{ (share * 100) | round(1) if share is number else None }}}}"


def _slug(node: str) -> str:
    """``node`` as an entity id may have it."""
    return re.sub(r"[^a-z0-9]+", "_", node.lower()).strip("_") or "node"
