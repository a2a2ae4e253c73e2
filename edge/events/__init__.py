"""What goes on the wire and to the displays, and when. Everything here is pure."""

from edge.events.look import Look, LookKind
from edge.events.messages import (
    SCHEMA_VERSION,
    Aggregate,
    CameraStatus,
    Event,
    EventType,
    Health,
    Info,
    Session,
    State,
)
from edge.events.pacer import Pacer
from edge.events.stamp import Stamp, ulid
from edge.types import Observation

Message = Observation | State | Event | Aggregate | Info | Health | CameraStatus | Look

__all__ = [
    "SCHEMA_VERSION",
    "Aggregate",
    "CameraStatus",
    "Event",
    "EventType",
    "Health",
    "Info",
    "Look",
    "LookKind",
    "Message",
    "Observation",
    "Pacer",
    "Session",
    "Stamp",
    "State",
    "ulid",
]
