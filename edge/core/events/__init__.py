"""Messages for the MQTT feed and the displays, and the rules for when they are sent (pure)."""

from edge.core.events.look import Look, LookKind
from edge.core.events.messages import (
    LONGEST_SESSION_S,
    SCHEMA_VERSION,
    Aggregate,
    CameraStatus,
    Event,
    EventType,
    Health,
    Info,
    Limit,
    Media,
    Reply,
    Session,
    SessionKind,
    State,
    TrackedFace,
    Tracks,
)
from edge.core.events.pacer import Pacer
from edge.core.events.stamp import Stamp, ulid
from edge.core.events.switches import Lighting, Playback, Privacy, RunningSession
from edge.core.types import Observation

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
    | Playback
)

__all__ = [
    "LONGEST_SESSION_S",
    "SCHEMA_VERSION",
    "Aggregate",
    "CameraStatus",
    "Event",
    "EventType",
    "Health",
    "Info",
    "Lighting",
    "Limit",
    "Look",
    "LookKind",
    "Media",
    "Message",
    "Observation",
    "Pacer",
    "Playback",
    "Privacy",
    "Reply",
    "RunningSession",
    "Session",
    "SessionKind",
    "Stamp",
    "State",
    "TrackedFace",
    "Tracks",
    "ulid",
]
