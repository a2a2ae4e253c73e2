"""Home Assistant MQTT discovery of the device; everything here is pure."""

from edge.sinks.mqtt.homeassistant.discovery import (
    BORN,
    LEAST_VERSION,
    PREFIX,
    announcement,
    birth_topic,
    discovery_topic,
    removal,
)

__all__ = ["BORN", "LEAST_VERSION", "PREFIX", "announcement", "birth_topic", "discovery_topic", "removal"]
