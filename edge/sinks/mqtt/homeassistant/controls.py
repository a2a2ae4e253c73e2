"""Switches, buttons and the session in Home Assistant."""

from __future__ import annotations

import json
from typing import Any

from edge.sinks.mqtt.homeassistant.templates import BRIGHTNESS, SESSION, SESSION_DETAILS, SHINE, SHINES

_ORIGIN = "Home Assistant"
"""Label of markers and title of sessions that start there."""
_BUTTON = {"platform": "button", "qos": 1}


def switches(base: str) -> dict[str, dict[str, Any]]:
    """Return the privacy switch and the display light of the node whose topics begin with ``base``."""
    return {
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
            # the schema "json" fails on an empty payload
            "schema": "template",
            "name": "Display",
            "icon": "mdi:led-on",
            "state_topic": f"{base}/display/state",
            "command_topic": f"{base}/display/set",
            "state_template": SHINES,
            "brightness_template": BRIGHTNESS,
            "command_on_template": SHINE,
            "command_off_template": json.dumps({"state": "OFF"}),
            "qos": 1,
        },
    }


def session(base: str) -> dict[str, dict[str, Any]]:
    """Return the session sensor, its buttons and the marker button."""
    return {
        "session": {
            "platform": "sensor",
            "name": "Session",
            "icon": "mdi:movie-open",
            "device_class": "enum",
            "options": ["idle", "running"],
            "state_topic": f"{base}/session",
            "value_template": SESSION,
            "json_attributes_topic": f"{base}/session",
            "json_attributes_template": SESSION_DETAILS,
            "qos": 1,
        },
        "session_start": {
            **_BUTTON,
            "name": "Start a session",
            "icon": "mdi:play",
            "command_topic": f"{base}/request/session_start",
            "payload_press": json.dumps({"title": _ORIGIN}),
        },
        "session_stop": {
            **_BUTTON,
            "name": "End the session",
            "icon": "mdi:stop",
            "command_topic": f"{base}/request/session_stop",
            "payload_press": "{}",
        },
        "marker": {
            **_BUTTON,
            "name": "Mark this moment",
            "icon": "mdi:map-marker-plus",
            "command_topic": f"{base}/request/marker",
            "payload_press": json.dumps({"label": _ORIGIN}),
        },
    }
