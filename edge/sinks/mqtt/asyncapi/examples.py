"""Example payloads of each kind, generated from the models."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from edge.core.events import (
    Aggregate,
    Event,
    EventType,
    Health,
    Info,
    Lighting,
    Media,
    Reply,
    Session,
    SessionKind,
    State,
    TrackedFace,
    Tracks,
    ulid,
)
from edge.core.types import EMOTIONS, Emotion, Light

_TS = datetime(2026, 5, 4, 18, 30, 0, tzinfo=UTC)
_SCORES = dict(zip(EMOTIONS, (0.02, 0.01, 0.02, 0.71, 0.03, 0.05, 0.16), strict=True))


def _identity(number: int) -> str:
    return ulid(int(_TS.timestamp() * 1000) + number, bytes(9) + bytes([number]))


_SESSION = Session(
    id=_identity(1),
    title="Matinee",
    start=_TS - timedelta(minutes=10),
    kind=SessionKind.FILM,
    planned_s=5400,
    media=Media(name="The Long Way Round", duration_s=5280),
    k=3,
)

_STATE = State(
    ts=_TS,
    people=4,
    emotion=Emotion.HAPPY,
    confidence=0.71,
    uncertain=False,
    scores=_SCORES,
    valence=0.63,
    suppressed=False,
    session=_SESSION.id,
)
_WITHHELD = _STATE.model_copy(
    update={
        "people": 2,
        "emotion": None,
        "confidence": None,
        "scores": None,
        "valence": None,
        "suppressed": True,
        "session": None,
    }
)
_EVENT = Event(
    id=_identity(2),
    seq=4711,
    ts=_TS,
    type=EventType.EXPRESSION_CHANGED,
    people=4,
    emotion=Emotion.HAPPY,
    previous=Emotion.NEUTRAL,
    confidence=0.71,
    valence=0.63,
    session=_SESSION.id,
)
_MARKER = Event(id=_identity(3), seq=4712, ts=_TS, type=EventType.MARKER, people=4, label="the joke")
_AGGREGATE = Aggregate(
    id=_identity(4),
    seq=318,
    ts=_TS,
    start=_TS - timedelta(minutes=1),
    observed_s=60,
    people_mean=3.8,
    people_max=4,
    person_seconds=228,
    counted_person_seconds=228,
    togetherness=0.21,
    togetherness_null=0.08,
    scores=_SCORES,
    shares=dict(zip(EMOTIONS, (0.0, 0.0, 0.0, 0.66, 0.0, 0.04, 0.2), strict=True)),
    uncertain=0.1,
    valence=0.63,
    suppressed=False,
    session=_SESSION.id,
)
_TRACKS = Tracks(
    ts=_TS,
    faces=(
        TrackedFace(
            id="k3v9",
            box=(0.41, 0.22, 0.12, 0.2),
            emotion=Emotion.HAPPY,
            confidence=0.71,
            scores=_SCORES,
            primary=True,
        ),
    ),
)
_INFO = Info(
    node="hall-1a2b3c",
    software_version="1.0.0",
    model="gdconv-117m-int8",
    model_sha256="9f2c7d0e" * 8,
    head="consensus",
    detector="haar",
    runtime="ai-edge-litert 2.3.0",
    source="picamera",
    privacy={"frames_leave_device": False, "tracks_published": False, "k": 3},
)
_HEALTH = Health(
    ts=_TS,
    uptime_s=86400,
    cpu_percent=48.5,
    memory_mb=212.4,
    temperature_c=51.5,
    capture_fps=15,
    process_fps=15,
    skip_fps=0,
    detect_ms_p50=24.1,
    detect_ms_p95=31.8,
    infer_ms_p50=3.4,
    infer_ms_p95=4.2,
    last_frame_age_s=0.05,
    queue_depth=0,
    drops=0,
    reconnects=1,
    limited_by=None,
    light=Light.NORMAL,
    failing=(),
)


def _plain(message: Any) -> Any:
    return json.loads(message.to_json())


EXAMPLES: dict[str, tuple[Any, ...]] = {
    "availability": ("online", "offline"),
    "info": (_plain(_INFO),),
    "health": (_plain(_HEALTH),),
    "camera": ("online", "offline", "paused", "ended"),
    "state": (_plain(_STATE), _plain(_WITHHELD)),
    "event": (_plain(_EVENT), _plain(_MARKER)),
    "aggregate": (_plain(_AGGREGATE),),
    "track": (_plain(_TRACKS),),
    "session": (_plain(_SESSION), None),
    "privacy/state": ("ON", "OFF"),
    "privacy/set": ("ON", "OFF"),
    "display/state": (json.loads(Lighting(on=True, brightness=0.5).to_payload()),),
    "display/set": ({"state": "ON", "brightness": 64}, {"state": "OFF"}),
    "request/marker": ({"label": "the joke", "transaction": "7c1d"},),
    "request/session_start": (
        {"title": "Matinee"},
        {
            "title": "Matinee",
            "kind": "film",
            "planned_s": 5400,
            "media": {"name": "The Long Way Round", "duration_s": 5280},
        },
        {"title": "Test of the game", "kind": "game", "k": 1, "agreed": True},
    ),
    "request/session_stop": ({},),
    "request/health_check": ({"transaction": "7c1e"},),
    "response/marker": (_plain(Reply(status="ok", data=_plain(_MARKER), transaction="7c1d")),),
    "response/session_start": (_plain(Reply(status="ok", data=_plain(_SESSION))),),
    "response/session_stop": (_plain(Reply(status="error", error="no session is running")),),
    "response/health_check": (_plain(Reply(status="ok", data=_plain(_HEALTH), transaction="7c1e")),),
}
"""Payloads by the topic's levels below the node: JSON values, or text if the topic is plain."""
