"""Payloads of the MQTT feed: versioned, frozen Pydantic models with units in their field names.

The JSON Schema is generated from them. ``schema`` is incremented when a field is removed or changes its meaning; a
receiver must ignore unknown fields.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PlainSerializer

from edge.core.class_names import ClassName
from edge.core.types import Light

SCHEMA_VERSION = 1
LABEL_MAX = 200
"""Longest label of a marker or title of a session, in characters."""
GROUP_MAX = 100
"""Largest ``k``, the number of faces that figures need."""
LONGEST_SESSION_S = 7 * 86_400.0
"""Longest planned duration of a session, in seconds."""

Share = Annotated[float, Field(ge=0, le=1), PlainSerializer(lambda value: round(value, 3))]
Valence = Annotated[float, Field(ge=-1, le=1), PlainSerializer(lambda value: round(value, 3))]
Count = Annotated[int, Field(ge=0)]
Duration = Annotated[float, Field(ge=0), PlainSerializer(lambda value: round(value, 3))]
Timestamp = Annotated[
    datetime, PlainSerializer(lambda value: value.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
]
Ulid = Annotated[str, Field(pattern=r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$", description="ULID")]


class Payload(BaseModel):
    """A payload; ``schema`` is its version."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_version: int = Field(SCHEMA_VERSION, alias="schema")

    def to_json(self) -> str:
        """Return the payload as compact JSON, as it is published."""
        return self.model_dump_json(by_alias=True)


class State(Payload):
    """Retained summary of the room, which each new subscriber receives at once."""

    ts: Timestamp
    people: int = Field(ge=0, description="faces in view")
    emotion: ClassName | None = Field(description="dominant emotion of the group, null when none or uncertain")
    confidence: Share | None = Field(description="probability of the dominant emotion")
    uncertain: bool = Field(description="faces are in view, but no emotion leads clearly")
    scores: dict[ClassName, Share] | None = Field(description="mean probability per emotion over the faces")
    valence: Valence | None = Field(description="-1 unpleasant to 1 pleasant, derived from the scores")
    suppressed: bool = Field(description="figures withheld: fewer people than the privacy setting requires")
    session: Ulid | None = Field(None, description="id of the running session")

    def differs_from(self, other: State | None) -> bool:
        """Return whether anything but the timestamp differs from ``other``."""
        if other is None:
            return True
        volatile = {"ts"}
        return self.model_dump(exclude=volatile) != other.model_dump(exclude=volatile)


class EventType(StrEnum):
    """The kinds of event that a device publishes."""

    PRESENCE_START = "presence_start"
    PRESENCE_END = "presence_end"
    EXPRESSION_CHANGED = "expression_changed"
    PEAK = "peak"
    MARKER = "marker"
    SESSION_START = "session_start"
    SESSION_END = "session_end"
    PRIVACY_ON = "privacy_on"
    PRIVACY_OFF = "privacy_off"


class Event(Payload):
    """One event; never retained, never lost, and identified by ``id`` if it is delivered twice."""

    id: Ulid
    seq: Count = Field(description="increases by one per event of this node, also over restarts")
    ts: Timestamp
    type: EventType
    people: Count
    emotion: ClassName | None = None
    previous: ClassName | None = None
    confidence: Share | None = None
    valence: Valence | None = None
    label: str | None = Field(None, max_length=LABEL_MAX, description="of a marker; title of a session")
    session: Ulid | None = Field(None, description="id of its session")

    def to_json(self) -> str:
        """Return the payload as compact JSON, as it is published, without empty fields."""
        return self.model_dump_json(by_alias=True, exclude_none=True)


class Aggregate(Payload):
    """Summary of one time window; never retained, never lost, and identified by ``id`` if it is delivered twice.

    A face that is in view for one second counts as one person-second. ``scores``, ``shares``, ``uncertain`` and
    ``valence`` are means over person-seconds, null if there are none or they are withheld.
    """

    id: Ulid
    seq: Count = Field(description="increases by one per aggregate of this node, also over restarts")
    ts: Timestamp = Field(description="end of the window")
    start: Timestamp
    observed_s: Duration = Field(description="time within the window in which frames were analysed")
    people_mean: Duration = Field(description="faces in view, mean over observed_s")
    people_max: Count
    person_seconds: Duration
    scores: dict[ClassName, Share] | None = Field(description="mean probability per emotion")
    shares: dict[ClassName, Share] | None = Field(description="share of the person-seconds that showed each emotion")
    uncertain: Share | None = Field(description="share of the person-seconds without a clear emotion")
    valence: Valence | None = Field(description="-1 unpleasant to 1 pleasant, derived from the scores")
    suppressed: bool = Field(
        description="figures withheld, at least in part: fewer people than privacy.k or the session's k requires"
    )
    session: Ulid | None = Field(description="id of the running session")
    counted_person_seconds: Duration | None = Field(
        None,
        description="person-seconds on which scores, shares, uncertain and valence are based, without those withheld",
    )
    togetherness: Share | None = Field(
        None,
        description="0 to 1: similarity of the people's reactions, mean correlation over pairs of people and windows of"
        " events.togetherness_s; null if fewer people than privacy.k, or than two, stayed for half a window",
    )
    togetherness_null: Share | None = Field(
        None, description="togetherness that chance alone reaches in one window of twenty (95 % of shifted tracks)"
    )


class TrackedFace(BaseModel):
    """One face in view; ``id`` is random, is discarded when the face leaves, and does not identify a person."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    box: tuple[Share, Share, Share, Share] = Field(
        description="left, top, width and height as shares of the picture's width and height"
    )
    emotion: ClassName | None = Field(description="null when uncertain")
    confidence: Share
    scores: dict[ClassName, Share]
    primary: bool


class Tracks(Payload):
    """The faces in view, one by one; published only if the privacy settings allow it."""

    ts: Timestamp
    faces: tuple[TrackedFace, ...]


class SessionKind(StrEnum):
    """Subject of a session."""

    FILM = "film"
    ADVERTISEMENT = "advertisement"
    GAME = "game"
    PRIVATE = "private"
    OTHER = "other"


class Media(BaseModel):
    """Name of the medium that is shown to the audience; the medium itself is neither opened nor stored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=LABEL_MAX)
    duration_s: Duration | None = None


class Session(Payload):
    """The running session; retained, JSON null when there is none."""

    id: Ulid
    title: str = Field(max_length=LABEL_MAX)
    start: Timestamp
    kind: SessionKind = SessionKind.OTHER
    planned_s: Duration | None = Field(None, description="duration after which it ends automatically")
    media: Media | None = Field(None, description="what is shown")
    k: Annotated[int, Field(ge=1, le=GROUP_MAX)] | None = Field(
        None, description="figures of moments with fewer faces than this are withheld; fixed at the start"
    )
    agreed: bool = Field(False, description="the people in view agreed to a k below the device's own")


class Info(Payload):
    """Description of the node; retained, sent once per connection."""

    node: str
    software_version: str
    model: str
    model_sha256: str
    model_fallback: str | None = Field(None, description="why the model added last is not in use; null: it is")
    head: str = Field(description="label set of the scores: fer2013 or consensus")
    detector: str
    runtime: str = Field(description="inference package and version")
    source: str
    privacy: dict[str, int | bool] = Field(description="frames_leave_device, tracks_published, k")
    labels: tuple[ClassName, ...] | None = Field(
        None, description="classes that scores and emotions name, in order; missing: the usual seven"
    )

    def to_json(self) -> str:
        """Return the payload as compact JSON, without ``labels`` if they are the usual seven."""
        return self.model_dump_json(by_alias=True, exclude={"labels"} if self.labels is None else set())


class Limit(StrEnum):
    """Reason for which a device processes fewer frames than it could."""

    HEAT = "heat"
    MEMORY = "memory"


class Health(Payload):
    """Health of the node; retained, sent every 60 s and at once when `light` or `failing` changes."""

    ts: Timestamp
    uptime_s: float
    cpu_percent: float | None = Field(description="of one core, since the last message")
    memory_mb: float | None = Field(description="resident set")
    temperature_c: float | None
    capture_fps: float
    process_fps: float
    skip_fps: float = Field(description="frames captured but replaced by a newer one before they were processed")
    detect_ms_p50: float | None
    detect_ms_p95: float | None
    infer_ms_p50: float | None
    infer_ms_p95: float | None
    last_frame_age_s: float | None
    queue_depth: int = Field(description="messages that have been waiting for two seconds or more, over all sinks")
    drops: int = Field(description="messages dropped at a full queue since start")
    reconnects: int = Field(description="number of times that the source was reopened since start")
    limited_by: Limit | None = Field(
        None, description="why fewer frames than usual are processed: the board is hot or short of memory"
    )
    light: Light | None = Field(
        None,
        description="light of the pictures over the last 10 s: dark ones are corrected, in too_dark ones faces are "
        "missed; null while it is unknown",
    )
    failing: tuple[str, ...] = Field(
        (),
        description="parts of the device that cannot be used now, such as kiosk (the page), metrics, sessions or a "
        "display; each is retried, and `face-edge status` shows the cause",
    )


class Reply(Payload):
    """Response to a request."""

    status: Literal["ok", "error"]
    data: dict[str, JsonValue] | None = None
    error: str | None = Field(None, description="reason of the refusal, for people")
    transaction: str | None = Field(None, description="copied from the request")


class CameraStatus(StrEnum):
    """Status of the camera by the age of the last frame; ``paused`` is deliberate, ``ended`` a finished recording."""

    ONLINE = "online"
    OFFLINE = "offline"
    PAUSED = "paused"
    ENDED = "ended"
