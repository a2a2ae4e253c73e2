"""Table of all topics below a node: direction, delivery, rate and purpose."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.sinks.mqtt.asyncapi.examples import EXAMPLES
from edge.sinks.mqtt.payloads import REQUESTS
from edge.sinks.mqtt.topics import PLAIN, Topics

if TYPE_CHECKING:
    from collections.abc import Iterator

_JSON = "application/json"
_PLAIN_KINDS = {"availability", "camera", "privacy/state", "privacy/set"}
_EXPIRES = {"state", "health"}
_SENT = {
    "availability": (
        "once per connection; the broker publishes offline for a device that is gone",
        "Availability of the device.",
    ),
    "info": ("once per connection", "Description of the device: versions, model, detector, privacy settings."),
    "health": (
        "every 60 s, and when `light` changes",
        "Health of the device: rates, times, temperature, losses, light.",
    ),
    "camera": ("on change", "Status of the camera, by the age of the last frame."),
    "state": ("on change, at most one per second, and every 60 s", "Current state: people, dominant emotion, scores."),
    "event": ("as it happens", "One event; never lost, in order, may be repeated with the same id."),
    "aggregate": ("every 60 s, and at the ends of a session", "Summary of a time window; never lost, may be repeated."),
    "track": ("up to one per frame; off by default", "Individual faces in view, under random, short-lived ids."),
    "session": ("on change", "The running session, or null."),
    "privacy/state": ("on change", "ON while no frames are analyzed."),
    "display/state": ("on change", "State and brightness of the displays."),
}
_SET = {
    "privacy/set": "Stop (ON) or resume (OFF) the analysis of frames; persists across restarts.",
    "display/set": "Switch or dim the displays; plain ON or OFF is accepted; persists across restarts.",
}
_REQUESTS = {
    "marker": "Set a marker with a label at this moment.",
    "session_start": "Start a session; refused while one is running.",
    "session_stop": "End the running session.",
    "health_check": "Request the health of the device.",
}


@dataclass(frozen=True, slots=True)
class Channel:
    """One topic; ``kind`` is its levels below the node, ``sent`` is true for what the device publishes."""

    kind: str
    sent: bool
    retain: bool
    qos: int
    rate: str
    summary: str

    @property
    def name(self) -> str:
        """``kind`` in camel case, such as ``privacyState``."""
        return re.sub(r"[/_](.)", lambda found: found.group(1).upper(), self.kind)

    @property
    def content_type(self) -> str:
        """MQTT 5's content type of the payload."""
        return PLAIN if self.kind in _PLAIN_KINDS else _JSON

    @property
    def expires(self) -> bool:
        """True if an MQTT 5 broker discards the value after three missed heartbeats."""
        return self.kind in _EXPIRES

    @property
    def reply(self) -> str | None:
        """Kind of the topic that answers a request; ``None`` for anything else."""
        head, _, command = self.kind.partition("/")
        return f"response/{command}" if head == "request" else None

    @property
    def examples(self) -> tuple[object, ...]:
        """Payloads as JSON values, or text if the topic is plain."""
        return EXAMPLES[self.kind]


def _channels() -> Iterator[Channel]:
    topics = Topics.of("B", "N")
    for kind, (rate, summary) in _SENT.items():
        topic = getattr(topics, kind.replace("/", "_"))
        yield Channel(kind, sent=True, retain=topic.retain, qos=topic.qos, rate=rate, summary=summary)
    for kind, summary in _SET.items():
        yield Channel(kind, sent=False, retain=False, qos=1, rate="when you want", summary=summary)
    for command in REQUESTS:
        summary = _REQUESTS[command]
        yield Channel(f"request/{command}", sent=False, retain=False, qos=1, rate="when you want", summary=summary)
    for command in REQUESTS:
        summary = f"Result of request/{command}."
        yield Channel(f"response/{command}", sent=True, retain=False, qos=1, rate="one per request", summary=summary)


CHANNELS: dict[str, Channel] = {channel.kind: channel for channel in _channels()}
"""Channels by kind, in the order of the documentation."""
