"""FACE Edge: apparent facial expression read on a small Linux board, published over MQTT, shown on LEDs."""

from __future__ import annotations

__version__ = "1.0.0"
