"""The outbox: what must not be lost waits here, on disk, until the broker has it."""

from edge.sinks.mqtt.outbox.outbox import Outbox
from edge.sinks.mqtt.outbox.stream_queue import Entry

__all__ = ["Entry", "Outbox"]
