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
    Reply,
    Session,
    State,
    TrackedFace,
    Tracks,
)
from edge.events.pacer import Pacer
from edge.events.stamp import Stamp, ulid
from edge.events.switches import Lighting, Privacy, RunningSession
from edge.types import Observation

Message = (
    Observation
    | State
    | Event
    | Aggregate
    | Tracks
    | Info
    | Health
    | CameraStatus
    | Look
    | Lighting
    | Privacy
    | RunningSession
)

__all__ = [
    "SCHEMA_VERSION",
    "Aggregate",
    "CameraStatus",
    "Event",
    "EventType",
    "Health",
    "Info",
    "Lighting",
    "Look",
    "LookKind",
    "Message",
    "Observation",
    "Pacer",
    "Privacy",
    "Reply",
    "RunningSession",
    "Session",
    "Stamp",
    "State",
    "TrackedFace",
    "Tracks",
    "ulid",
]
