"""Every topic below a node, in one table: who speaks on it, how, how often, and what for."""

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
        "once a connection; the broker says offline for a device that is gone",
        "Whether the device is there.",
    ),
    "info": ("once a connection", "What the device is: versions, model, detector, privacy settings."),
    "health": (
        "every 60 s, and when `light` changes",
        "How the device is doing: rates, times, temperature, losses, light.",
    ),
    "camera": ("on change", "Whether pictures come, judged by the age of the last one."),
    "state": ("on change, at most one a second, and every 60 s", "The room now: people, dominant emotion, scores."),
    "event": ("as it happens", "One thing that happened; never lost, in order, may come twice with the same id."),
    "aggregate": ("every 60 s, and at a session's ends", "The room over a window; never lost, may come twice."),
    "track": ("up to one a frame; off by default", "The faces in view one by one, under random ids that do not last."),
    "session": ("on change", "The running session, or null."),
    "privacy/state": ("on change", "ON while nobody is looked at."),
    "display/state": ("on change", "Whether the displays shine, and how brightly."),
}
_SET = {
    "privacy/set": "Look at nobody (ON), or look again (OFF); outlives a restart.",
    "display/set": "Switch or dim the displays; plain ON or OFF will do; outlives a restart.",
}
_REQUESTS = {
    "marker": "Note this moment under a label.",
    "session_start": "Begin a session; refused while one is running.",
    "session_stop": "End the running session.",
    "health_check": "Ask how the device is doing.",
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
        """``kind`` as one word: ``privacyState``."""
        return re.sub(r"[/_](.)", lambda found: found.group(1).upper(), self.kind)

    @property
    def content_type(self) -> str:
        """MQTT 5's content type of the payload."""
        return PLAIN if self.kind in _PLAIN_KINDS else _JSON

    @property
    def expires(self) -> bool:
        """True where an MQTT 5 broker forgets the value after three missed heartbeats."""
        return self.kind in _EXPIRES

    @property
    def reply(self) -> str | None:
        """The kind on which a request is answered; ``None`` for anything else."""
        head, _, command = self.kind.partition("/")
        return f"response/{command}" if head == "request" else None

    @property
    def examples(self) -> tuple[object, ...]:
        """Payloads as JSON carries them, or text where the topic is plain."""
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
        summary = f"What became of request/{command}."
        yield Channel(f"response/{command}", sent=True, retain=False, qos=1, rate="one a request", summary=summary)


CHANNELS: dict[str, Channel] = {channel.kind: channel for channel in _channels()}
"""By kind, in the order of the documentation."""
