"""The keys that an installed Home Assistant knows in a discovery message, read off its own schemas."""

from __future__ import annotations

from typing import Any

from homeassistant.components.mqtt import binary_sensor, button, event, schemas, sensor, switch
from homeassistant.components.mqtt.light import schema_template

PLATFORMS = {
    "sensor": sensor.PLATFORM_SCHEMA_MODERN,
    "binary_sensor": binary_sensor.PLATFORM_SCHEMA_MODERN,
    "event": event.PLATFORM_SCHEMA_MODERN,
    "button": button.PLATFORM_SCHEMA_MODERN,
    "switch": switch.PLATFORM_SCHEMA_MODERN,
    "light": schema_template.PLATFORM_SCHEMA_MODERN_TEMPLATE,
}
"""The schema of each platform that the device has entities of; it refuses keys that it does not know."""


def known() -> dict[str, Any]:
    """Required and optional keys: of the message, of ``dev`` and ``origin`` in it, and of each platform."""
    return {
        "device": _keys(schemas.DEVICE_DISCOVERY_SCHEMA),
        "dev": _keys(schemas.MQTT_ENTITY_DEVICE_INFO_SCHEMA),
        "origin": _keys(schemas.MQTT_ORIGIN_INFO_SCHEMA),
        "platforms": {name: _keys(schema) for name, schema in PLATFORMS.items()},
    }


def _keys(schema: Any) -> dict[str, list[str]]:
    mapping = _mapping(schema)
    required = [str(key) for key in mapping if type(key).__name__ == "Required"]
    optional = [str(key) for key in mapping if type(key).__name__ != "Required"]
    return {"required": sorted(required), "optional": sorted(optional)}


def _mapping(schema: Any) -> dict[Any, Any]:
    """The dictionary in a schema, or in the first part that has one of several parts that must all hold."""
    while not isinstance(schema, dict):
        parts = [part for part in getattr(schema, "validators", ()) if hasattr(part, "schema")]
        schema = parts[0] if parts else schema.schema
    return schema
