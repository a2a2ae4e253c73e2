"""Mapping of the device's messages to topics and payloads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge.core.events import (
    Aggregate,
    CameraStatus,
    Event,
    Health,
    Info,
    Lighting,
    Privacy,
    RunningSession,
    State,
    Tracks,
)
from edge.sinks.mqtt.topics import PLAIN, Publication, Topics

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.core.events import Message

_MAKERS: dict[type, Callable[[Any, Topics, int | None], Publication]] = {
    State: lambda state, topics, expiry_s: Publication(topics.state, state.to_json(), expiry_s=expiry_s),
    Event: lambda event, topics, _: Publication(topics.event, event.to_json(), seq=event.seq),
    Aggregate: lambda one, topics, _: Publication(topics.aggregate, one.to_json(), seq=one.seq),
    Tracks: lambda tracks, topics, _: Publication(topics.track, tracks.to_json()),
    Info: lambda info, topics, _: Publication(topics.info, info.to_json()),
    Health: lambda health, topics, expiry_s: Publication(topics.health, health.to_json(), expiry_s=expiry_s),
    CameraStatus: lambda status, topics, _: Publication(topics.camera, status.value, PLAIN),
    Privacy: lambda privacy, topics, _: Publication(topics.privacy_state, privacy.to_payload(), PLAIN),
    Lighting: lambda lighting, topics, _: Publication(topics.display_state, lighting.to_payload()),
    RunningSession: lambda running, topics, _: Publication(topics.session, running.to_payload()),
}

PUBLISHED: tuple[type, ...] = tuple(_MAKERS)
"""Message types that have a topic."""


def publication(message: Message, topics: Topics, *, expiry_s: int | None = None) -> Publication | None:
    """Return ``message`` as a publication, or ``None`` if it is not published.

    ``expiry_s`` (seconds) applies to values that become misleading with age.
    """
    make = _MAKERS.get(type(message))
    return None if make is None else make(message, topics, expiry_s)
