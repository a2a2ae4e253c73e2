"""The outbox: what must not be lost waits here, on disk, until the broker has it."""

from edge.sinks.mqtt.outbox.lane import Entry
from edge.sinks.mqtt.outbox.outbox import Outbox

__all__ = ["Entry", "Outbox"]
