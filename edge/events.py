"""What goes on the wire and to the displays, versioned; JSON Schema comes from these models.

Wire models are Pydantic models, frozen, with units in their field names. :class:`Look` is what a display shows.
Everything here is pure: the only clock is the frames' own ``monotonic_ns``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from edge.types import Emotion, Observation

SCHEMA_VERSION = 1
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_NS_PER_MS = 1_000_000

Share = Annotated[float, Field(ge=0, le=1), PlainSerializer(lambda value: round(value, 3))]
Valence = Annotated[float, Field(ge=-1, le=1), PlainSerializer(lambda value: round(value, 3))]
Timestamp = Annotated[
    datetime, PlainSerializer(lambda value: value.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
]


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def to_json(self) -> str:
        """Compact JSON as it is published."""
        return self.model_dump_json()


class State(_Wire):
    """The retained summary of the room: what the next subscriber learns at once."""

    schema_version: int = Field(SCHEMA_VERSION, serialization_alias="schema")
    ts: Timestamp
    people: int = Field(ge=0, description="faces in view")
    emotion: Emotion | None = Field(description="dominant emotion of the group, null when none or uncertain")
    confidence: Share | None = Field(description="probability of the dominant emotion")
    uncertain: bool = Field(description="faces are in view, but no emotion leads clearly")
    scores: dict[Emotion, Share] | None = Field(description="mean probability per emotion over the faces")
    valence: Valence | None = Field(description="-1 unpleasant to 1 pleasant, derived from the scores")
    suppressed: bool = Field(description="figures withheld: fewer people than the privacy setting asks for")
    session: str | None = Field(default=None, description="id of the running session")

    def to_json(self) -> str:
        """Compact JSON as it is published."""
        return self.model_dump_json(by_alias=True)

    def differs_from(self, other: State | None) -> bool:
        """True where a subscriber would see anything but the time change."""
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
    PRIVACY_ON = "privacy_on"
    PRIVACY_OFF = "privacy_off"


class Event(_Wire):
    """One thing that happened; never retained, never lost, recognisable by ``id`` when it comes twice."""

    schema_version: int = Field(SCHEMA_VERSION, serialization_alias="schema")
    id: str = Field(pattern=r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$", description="ULID")
    seq: int = Field(ge=0, description="counts up by one per event since the process began")
    ts: Timestamp
    type: EventType
    people: int = Field(ge=0)
    emotion: Emotion | None = None
    previous: Emotion | None = None
    confidence: Share | None = None
    valence: Valence | None = None

    def to_json(self) -> str:
        """Compact JSON as it is published; fields that say nothing are left out."""
        return self.model_dump_json(by_alias=True, exclude_none=True)


class Info(_Wire):
    """What this node is; retained, sent once per connection."""

    schema_version: int = Field(SCHEMA_VERSION, serialization_alias="schema")
    node: str
    software_version: str
    model: str
    model_sha256: str
    head: str = Field(description="which label set the scores follow: fer2013 or consensus")
    detector: str
    runtime: str = Field(description="inference package and version")
    source: str
    privacy: dict[str, int | bool] = Field(description="frames_leave_device, tracks_published, k")

    def to_json(self) -> str:
        """Compact JSON as it is published."""
        return self.model_dump_json(by_alias=True)


class Health(_Wire):
    """How the node is doing; retained, every 60 s."""

    ts: Timestamp
    uptime_s: float
    cpu_percent: float | None = Field(description="of one core, since the last message")
    memory_mb: float | None = Field(description="resident set")
    temperature_c: float | None
    capture_fps: float
    process_fps: float
    skip_fps: float = Field(description="frames captured but replaced by a newer one before they were looked at")
    detect_ms_p50: float | None
    detect_ms_p95: float | None
    infer_ms_p50: float | None
    infer_ms_p95: float | None
    last_frame_age_s: float | None
    queue_depth: int = Field(description="messages waiting for all sinks together")
    drops: int = Field(description="messages dropped at a full queue since start")
    reconnects: int = Field(description="times that the source was opened again since start")


class CameraStatus(StrEnum):
    """Judged by frame age; ``paused`` is deliberate."""

    ONLINE = "online"
    OFFLINE = "offline"
    PAUSED = "paused"


class LookKind(StrEnum):
    """What a display tells apart at a glance."""

    STARTING = "starting"
    NO_FACE = "no_face"
    UNCERTAIN = "uncertain"
    EMOTION = "emotion"
    PAUSED = "paused"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Look:
    """What displays show now; ``emotion`` is set exactly when ``kind`` is ``EMOTION``."""

    kind: LookKind
    emotion: Emotion | None = None
    confidence: float = 0.0
    people: int = 0

    def __post_init__(self) -> None:
        if (self.kind is LookKind.EMOTION) != (self.emotion is not None):
            msg = f"a look of kind {self.kind.value} cannot have emotion {self.emotion}"
            raise ValueError(msg)


Message = Observation | State | Event | Info | Health | CameraStatus | Look


def ulid(ts_ms: int, entropy: bytes) -> str:
    """A ULID of a Unix time in milliseconds and 10 bytes (github.com/ulid/spec)."""
    number = (ts_ms & ((1 << 48) - 1)) << 80 | int.from_bytes(entropy[:10], "big")
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))


class Stamp:
    """Gives events their time, number and id.

    ``epoch_ns`` is the wall-clock time of ``monotonic_ns == 0``; with the same ``epoch_ns`` and ``seed`` the same
    observations get the same ids, which is what makes a replay repeatable. Numbers and ids both count up.
    """

    def __init__(self, *, epoch_ns: int, seed: bytes) -> None:
        self._epoch_ns = epoch_ns
        self._seed = seed
        self._seq = 0
        self._last_ms = 0
        self._last_entropy = 0

    def time(self, monotonic_ns: int) -> datetime:
        """UTC time, to the millisecond, of a frame's own time."""
        ms = (self._epoch_ns + monotonic_ns) // _NS_PER_MS
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)

    def next(self, monotonic_ns: int) -> tuple[str, int, datetime]:
        """``(id, seq, ts)`` of the next event; ids sort as the events came, also when the clock steps back."""
        ms = max((self._epoch_ns + monotonic_ns) // _NS_PER_MS, 0)
        if ms <= self._last_ms and self._seq:
            ms, entropy = self._last_ms, self._last_entropy + 1
        else:
            digest = hashlib.blake2b(self._seq.to_bytes(8, "big"), key=self._seed[:64], digest_size=10).digest()
            entropy = int.from_bytes(digest, "big") >> 1  # room to count up within one millisecond
        self._last_ms, self._last_entropy = ms, entropy
        seq, self._seq = self._seq, self._seq + 1
        return ulid(ms, entropy.to_bytes(10, "big")), seq, self.time(monotonic_ns)


class Pacer:
    """State's rate rule: on change, at most one per ``min_interval``, the trailing value always, a heartbeat."""

    def __init__(self, *, min_interval_ns: int = 10**9, heartbeat_ns: int = 60 * 10**9) -> None:
        self._min_interval_ns = min_interval_ns
        self._heartbeat_ns = heartbeat_ns
        self._sent: State | None = None
        self._sent_ns = 0
        self._latest: State | None = None

    def offer(self, state: State, now_ns: int) -> State | None:
        """Take the newest state; returns it when it is to be sent now."""
        self._latest = state
        return self.tick(now_ns)

    def tick(self, now_ns: int) -> State | None:
        """What is due at ``now_ns``: a held-back change, or a heartbeat."""
        if self._latest is None:
            return None
        if self._sent is not None:
            elapsed = now_ns - self._sent_ns
            due = self._min_interval_ns if self._latest.differs_from(self._sent) else self._heartbeat_ns
            if elapsed < due:
                return None
        self._sent, self._sent_ns = self._latest, now_ns
        return self._latest

    def flush(self) -> State | None:
        """The trailing value that was not sent yet, if any."""
        if self._latest is None or not self._latest.differs_from(self._sent):
            return None
        self._sent = self._latest
        return self._latest
