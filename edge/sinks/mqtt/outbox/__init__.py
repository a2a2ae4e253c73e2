"""The outbox: messages that must not be lost wait here, on disk, until the broker has acknowledged them."""

from edge.sinks.mqtt.outbox.outbox import Outbox
from edge.sinks.mqtt.outbox.stream_queue import Entry

__all__ = ["Entry", "Outbox"]
